from tests.lsp import samples

for language_id in samples.LANGUAGES:
    (samples.FOLDER / f"{language_id}.outline.txt").write_text(samples.outline_text(language_id), encoding="utf-8")

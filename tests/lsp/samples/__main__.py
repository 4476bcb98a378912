from tests.lsp import samples

for language_id in samples.LANGUAGES:
    for what, made in (("outline", samples.outline_text), ("prompt", samples.prompt_text)):
        (samples.FOLDER / f"{language_id}.{what}.txt").write_text(made(language_id), encoding="utf-8")

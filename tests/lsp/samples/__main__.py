from tests.lsp import samples

for language_id in samples.ALL:
    whats = [("prompt", samples.prompt_text)]
    if language_id in samples.LANGUAGES:
        whats.append(("outline", samples.outline_text))
    for what, made in whats:
        (samples.FOLDER / f"{language_id}.{what}.txt").write_text(made(language_id), encoding="utf-8")

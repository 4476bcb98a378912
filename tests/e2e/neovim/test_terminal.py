"""Neovim in a terminal as a person sees it: the ghost text's colour and place on the screen, kept as captures."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE, Pack
from tests.e2e.neovim.conftest import MODEL
from tests.e2e.neovim.editor import PLUGIN, clean_environment, until
from tests.e2e.neovim.terminal import LEGEND, Terminal, ghost_parts, marked, picture

CAPTURE_VARIABLE = "PLT_SAVE_CAPTURE"
MEDIA = PLUGIN / "media"
SOURCE = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)
"""
INIT = f"""
vim.opt.runtimepath:prepend({str(PLUGIN)!r})
vim.opt.swapfile = false
vim.opt.termguicolors = true
vim.opt.laststatus = 2
vim.o.statusline = "%f %m%=%{{v:lua.require'plt'.statusline()}} %l:%c "
require("plt").setup({{
  settings = {{ model = "{MODEL}", inlineCompletion = {{ maxLines = 4, deadlineMs = 120000 }} }},
}})
"""


@pytest.fixture
def terminal(smollm2_pack: Pack, tmp_path: Path) -> Iterator[Terminal]:
    init = tmp_path / "init.lua"
    init.write_text(INIT)
    (tmp_path / "stack.py").write_text(SOURCE)
    environment = clean_environment(tmp_path, **{DATA_DIR_VARIABLE: str(smollm2_pack.folder.parent.parent)})
    started = Terminal.start(tmp_path, environment, ["-u", str(init), "stack.py"])
    yield started
    started.close()


def test_a_person_sees_ghost_text_types_on_and_accepts_it(terminal: Terminal) -> None:
    editor = terminal.editor
    editor.until_attached()
    editor.nvim.command("setlocal noautoindent indentexpr=")
    terminal.press("G", "o", "Enter")
    terminal.type("    def pop(self):")
    editor.until_ghost()
    terminal.press("Escape")
    editor.until_no_ghost()
    terminal.press("A", "M-\\")
    editor.until_ghost()
    until(lambda: "ready" in terminal.screen(), terminal.screen)  # until then it grows

    def seen_as_offered() -> str | None:
        rest = editor.until_ghost()["text"]
        offered = [line.strip() for line in rest.split("\n") if line.strip()]
        parts = [part.strip() for part in ghost_parts(terminal.screen(colours=True))]
        return rest if parts == offered else None

    rest = until(seen_as_offered, "the whole ghost text on the screen")
    shown = [line.strip() for line in rest.split("\n") if line.strip()]
    before = terminal.screen(colours=True)
    terminal.save("ghost-text")
    terminal.press("Tab")
    until(lambda: not ghost_parts(terminal.screen(colours=True)), "the ghost text to become text")
    screen = terminal.screen()
    assert all(line in screen for line in shown)
    assert "\n".join(editor.lines()).endswith("def pop(self):" + rest)
    terminal.save("accepted")
    if os.environ.get(CAPTURE_VARIABLE):
        MEDIA.mkdir(exist_ok=True)
        (MEDIA / "capture.txt").write_text(f"{marked(before)}\n\n{LEGEND}\n")
        (MEDIA / "capture.svg").write_text(picture(before))


def test_status_is_said_in_words(terminal: Terminal) -> None:
    editor = terminal.editor
    editor.until_attached()
    terminal.type(":Plt status")
    terminal.press("Enter")
    until(lambda: "server    plt-lsp 0." in terminal.screen(), terminal.screen)
    assert "engine    not running; it starts with the next completion" in terminal.screen()
    terminal.save("status")

"""Refactorings in real Neovim: previewed as a diff that grows, accepted, undone, discarded, and exact ones chosen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.neovim.conftest import INIT
from tests.e2e.neovim.editor import PLUGIN, Editor, clean_environment, until
from tests.e2e.scripted_refactoring import (
    BEGINNING,
    CODE,
    INSTRUCTION,
    NAME,
    ORGANISED,
    REWRITTEN,
    ROW,
    ScriptedModel,
)

CHOOSE = """
local kind = ...
vim.ui.input = function(_, on_answer) on_answer(nil) end
vim.lsp.buf.code_action({ context = { only = { kind }, diagnostics = {} }, apply = true })
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScriptedModel:
    return ScriptedModel.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def editor(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    home = tmp_path_factory.mktemp("home")
    init = home / "init.lua"
    words = ", ".join(f'"{word}"' for word in ("plt-lsp", "serve", *model.words))
    init.write_text(INIT.format(plugin=str(PLUGIN), options=f"{{ cmd = {{ {words} }} }}", before="", model=NAME))
    with Editor.start(clean_environment(home, **model.variables), init, home / "project") as editor:
        yield editor


@pytest.fixture
def code(editor: Editor, tmp_path: Path) -> Path:
    """A file that is open, alone."""
    path = tmp_path / "shop.py"
    path.write_text(CODE)
    editor.keys("<Esc>")
    editor.nvim.command("silent! only!")
    editor.edit(path)
    return path


def text(editor: Editor) -> str:
    return f"{editor.text()}\n"


def preview(editor: Editor) -> str | None:
    """What the window beside the code shows, where there is one."""
    buffers = [window.buffer for window in editor.nvim.windows]
    found = [buffer for buffer in buffers if buffer.options["buftype"] == "nofile"]
    return "\n".join(found[0][:]) + "\n" if found else None


def begin(editor: Editor) -> None:
    editor.nvim.command(f"{ROW + 1}Plt refactor {INSTRUCTION}")


def until_written(editor: Editor) -> None:
    winbars = "return vim.iter(vim.api.nvim_list_wins()):map(function(w) return vim.wo[w].winbar end):join(' ')"
    until(lambda: "accepts" in editor.lua(winbars), lambda: str(preview(editor)))


def test_it_grows_as_a_diff_and_is_one_step_of_undo(editor: Editor, model: ScriptedModel, code: Path) -> None:
    model.waits()
    begin(editor)
    until(lambda: f"    {BEGINNING}\n" in (preview(editor) or ""), lambda: str(preview(editor)))
    assert [window.options["diff"] for window in editor.nvim.windows] == [True, True]
    assert code.read_text() == CODE
    model.goes_on()
    until_written(editor)
    assert preview(editor) == REWRITTEN
    editor.keys("<CR>")
    until(lambda: preview(editor) is None, "the preview to close")
    assert text(editor) == REWRITTEN
    editor.keys("u")
    until(lambda: text(editor) == CODE, lambda: text(editor))
    assert [window.options["diff"] for window in editor.nvim.windows] == [False]


def test_what_is_discarded_or_closed_leaves_the_code_alone(editor: Editor, model: ScriptedModel, code: Path) -> None:
    model.answers()
    begin(editor)
    until_written(editor)
    editor.keys("q")
    until(lambda: preview(editor) is None, "the preview to close")
    assert text(editor) == CODE
    model.waits()
    status = editor.status()
    before = int(status["counts"].get("refactoring.cancelled", 0)) if status else 0
    begin(editor)
    until(lambda: preview(editor), "the preview")
    editor.nvim.command("close")
    until(lambda: (editor.status() or {})["counts"].get("refactoring.cancelled", 0) > before, "its end")
    assert preview(editor) is None
    assert text(editor) == CODE


def test_exact_ones_are_code_actions(editor: Editor, code: Path) -> None:
    editor.nvim.current.window.cursor = (1, 0)
    editor.lua(CHOOSE, "source.organizeImports")
    until(lambda: text(editor) == ORGANISED, lambda: text(editor))
    editor.keys("u")
    until(lambda: text(editor) == CODE, lambda: text(editor))
    editor.nvim.current.window.cursor = (ROW + 1, 11)
    editor.keys("vt)l")  # sum(prices)
    until(lambda: editor.nvim.api.get_mode()["mode"] == "v", "the selection")
    editor.lua(CHOOSE, "refactor.extract.variable")
    until(lambda: " = sum(prices)\n" in text(editor), lambda: text(editor))
    editor.keys("<Esc>u")
    until(lambda: text(editor) == CODE, lambda: text(editor))

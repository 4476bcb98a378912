"""Ghost text in real Neovim, from the real server and model: shown, typed through, and accepted in parts or whole."""

import itertools
from pathlib import Path

import pytest

from tests.e2e.neovim.conftest import Open
from tests.e2e.neovim.editor import Editor, until

STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

"""
NUM_LINES = 10_000


@pytest.fixture
def stack(editor: Editor, tmp_path: Path) -> Editor:
    """A class whose next method has just been begun, with the model's several lines shown behind it."""
    return begin(editor, tmp_path / "stack.py")


def begin(editor: Editor, path: Path) -> Editor:
    path.write_text(STACK)
    editor.keys("<Esc>")
    editor.edit(path)
    editor.nvim.command("setlocal noautoindent indentexpr=")
    editor.keys("Go")
    editor.type("    def pop(self):")
    until(lambda: editor.text() == STACK + "    def pop(self):", "the text to be typed")
    return editor


def num_accepted(editor: Editor) -> int:
    """How many accepted completions the server has been told of."""
    status = editor.status()
    assert status
    return status["counts"].get("accepted", 0)


def outcome(editor: Editor) -> str | None:
    return editor.lua("return (require('plt.state').report or {}).outcome")


def test_ghost_text_appears_at_the_cursor_and_leaves_the_buffer_alone(stack: Editor) -> None:
    ghost = stack.until_ghost()
    assert (ghost["row"], ghost["col"]) == stack.cursor()
    assert (ghost["place"], ghost["marks"]) == ("inline", 1)
    assert stack.text() == STACK + "    def pop(self):"
    assert "ready smollm2-135m R=1" in until(lambda: "ready" in (line := stack.statusline()) and line, "the statusline")


def test_typing_through_it_narrows_it_and_backspace_widens_it(stack: Editor) -> None:
    whole = stack.until_ghost()["text"]
    stack.keys("<CR>")
    stack.type(whole[1:12])
    assert whole[0] == "\n"
    assert stack.until_ghost(lambda ghost: ghost["text"] == whole[12:])["row"] == stack.cursor()[0]
    assert stack.text() == STACK + "    def pop(self):" + whole[:12]
    stack.keys("<BS><BS>")
    stack.until_ghost(lambda ghost: ghost["text"] == whole[10:])


def test_accept_whole_and_undo(stack: Editor) -> None:
    before, count = stack.text(), num_accepted(stack)
    whole = stack.until_ghost()["text"]
    stack.keys("<Tab>")
    until(lambda: stack.text() == before + whole, "the text to be accepted")
    until(lambda: num_accepted(stack) == count + 1, "the server to count it")
    stack.keys("<Esc>u")
    until(lambda: stack.text() == before, "the accept to be undone")


def test_accept_by_word_and_by_line_comes_to_the_same(stack: Editor, tmp_path: Path) -> None:
    before, count = stack.text(), num_accepted(stack)
    whole = stack.until_ghost()["text"]
    for keys in ("<M-f>", "<M-f>", "<M-e>"):
        size = len(stack.text())
        stack.keys(keys)
        until(lambda size=size: len(stack.text()) > size, f"{keys} to accept a part")
        taken = stack.text()[len(before) :]
        assert whole.startswith(taken)
        stack.until_ghost(lambda ghost, taken=taken: ghost["text"] == whole[len(taken) :])
    assert taken.count("\n") == 1
    assert num_accepted(stack) == count
    stack.keys("<Tab>")
    until(lambda: stack.text() == before + whole, "the rest to be accepted")
    until(lambda: num_accepted(stack) == count + 1, "the server to count it")


def test_what_is_dismissed_is_not_suggested_there_again(stack: Editor) -> None:
    dismissed = stack.until_ghost()["text"]
    stack.keys("<C-]>")
    stack.until_no_ghost()
    assert stack.lua("return require('plt').trigger()")
    until(lambda: not stack.lua("return require('plt.state').request"), "the answer")
    assert (stack.ghost() or {}).get("text") != dismissed
    stack.keys("<CR>")
    stack.type("        return")
    stack.until_ghost()


def test_a_snooze_keeps_away_all_but_what_is_asked_for(stack: Editor, tmp_path: Path) -> None:
    stack.until_ghost()
    stack.nvim.command("Plt snooze 5")
    try:
        until(lambda: stack.statusline().startswith("plt: snoozed until "), stack.statusline)
        begin(stack, tmp_path / "snoozed.py")
        until(lambda: outcome(stack) == "snoozed", "the server's refusal")
        assert stack.ghost() is None
        stack.keys("<M-\\>")
        stack.until_ghost()
    finally:
        stack.nvim.command("Plt snooze 0")
    until(lambda: "snoozed" not in stack.statusline(), stack.statusline)
    begin(stack, tmp_path / "awake.py").until_ghost()


def test_what_the_model_sees_and_the_statistics_can_be_read(stack: Editor) -> None:
    stack.until_ghost()
    stack.keys("<Esc>")
    for word, text in (("context", "def push(self, item):"), ("statistics", "python")):
        stack.nvim.command(f"Plt {word}")
        until(lambda: stack.nvim.current.buffer.options["buftype"] == "nofile", "a window to read")
        assert text in stack.text()
        stack.nvim.command("close")


def test_a_setting_has_its_effect_at_once(stack: Editor) -> None:
    assert stack.until_ghost()["text"].count("\n") > 1
    try:
        stack.lua("require('plt').configure({ inlineCompletion = { maxLines = 2 } })")
        stack.keys("<Esc>")
        stack.until_no_ghost()
        stack.keys("A<M-\\>")
        assert stack.until_ghost()["text"].count("\n") == 1
    finally:
        stack.lua("require('plt').configure({ inlineCompletion = { maxLines = 4 } })")


def test_a_language_is_switched_off_and_on(editor: Editor, tmp_path: Path) -> None:
    editor.nvim.command("Plt disable python")
    try:
        begin(editor, tmp_path / "off.py")
        until(lambda: outcome(editor) == "language_disabled", "the server's refusal")
        assert editor.ghost() is None
    finally:
        editor.nvim.command("Plt enable python")
    editor.keys("<M-\\>")
    editor.until_ghost()


def test_ten_thousand_lines(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    blocks = (f"def double_{i}(value):\n    return value * 2\n\n\n" for i in itertools.count())
    path.write_text("".join(itertools.islice(blocks, NUM_LINES // 4)))
    editor.keys("<Esc>")
    editor.edit(path)
    assert len(editor.lines()) == NUM_LINES
    editor.nvim.command("setlocal noautoindent indentexpr=")
    for where, typed in ((NUM_LINES // 2, "print(double_3"), (NUM_LINES, "print(double_4")):
        editor.keys(f"<Esc>{where}GA<CR>")
        editor.type(typed)
        until(lambda where=where, typed=typed: editor.lines()[where] == typed, f"{typed!r} in line {where + 1}")
        ghost = editor.until_ghost()
        assert ghost["row"] == where
        editor.keys("<Tab>")
        accepted = typed + ghost["text"]
        until(lambda where=where, accepted=accepted: "\n".join(editor.lines()[where:]).startswith(accepted), "the text")
        editor.keys("<Esc>u")
        until(lambda: len(editor.lines()) == NUM_LINES + 1, "the accept to be undone")
        editor.keys("dd")


MESSY = (
    "def greet(name):\r\n",
    "\t# 😀 grüßt: 日本\r\n",
    "\tprint('😀', name)\r\n",
    "\r\n",
    "\r\n",
    "greet('😀ab')\r\n",
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_tabs_crlf_and_emoji(open_editor: Open, tmp_path: Path, encoding: str) -> None:
    editor = open_editor(f"{{ capabilities = {{ general = {{ positionEncodings = {{ '{encoding}' }} }} }} }}")
    path = tmp_path / "messy.py"
    path.write_bytes("".join(MESSY).encode())
    editor.edit(path)
    assert editor.lua("return vim.lsp.get_clients({ name = 'plt' })[1].offset_encoding") == encoding
    editor.nvim.command("setlocal noautoindent indentexpr= noexpandtab")
    editor.keys("3Gcc")
    editor.type("\tprint('😀 ü', na")
    ghost = editor.until_ghost()
    assert ghost["col"] == len("\tprint('😀 ü', na".encode())
    editor.keys("<Tab>")
    accepted = "\tprint('😀 ü', na" + ghost["text"]
    until(lambda: "\n".join(editor.lines()[2:]).startswith(accepted), "the text to be accepted")
    editor.keys("<Esc>:w<CR>")
    expected = "".join(MESSY).replace("\tprint('😀', name)", accepted.replace("\n", "\r\n"))
    until(lambda: path.read_bytes() == expected.encode(), "the file to be written with its line ends kept")


def test_it_grows_while_the_model_writes_it(open_editor: Open, tmp_path: Path) -> None:
    editor = open_editor("{ settings = { inlineCompletion = { deadlineMs = 120000, latencyBudgetMs = 0 } } }")
    editor.lua(
        """
        _G.seen = {}
        local growth, note = require("plt.growth"), require("plt.growth").note
        growth.note = function(params)
          note(params)
          local shown = require("plt.ghost").shown()
          table.insert(_G.seen, { shown and shown.rest or "", params.done and not params.cancelled })
        end
        """
    )
    begin(editor, tmp_path / "stack.py")
    seen = until(lambda: (found := editor.lua("return _G.seen")) and found[-1][1] and found, "the end of the text")
    texts = [text for text, _ in seen if text]
    assert len(set(texts)) > 1
    assert texts[-1].startswith(texts[0])
    assert editor.until_ghost()["text"] == texts[-1]

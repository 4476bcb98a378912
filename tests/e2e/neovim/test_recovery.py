"""What happens in real Neovim when the engine or the server is killed: it is told of, and it comes back by itself."""

import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.neovim.conftest import Open
from tests.e2e.neovim.editor import Editor, command_line, until

NUMBERS = itertools.count(1)
SOURCE = "def mean(values):\n    return sum(values) / len(values)\n"


@pytest.fixture(scope="module")
def editor(open_editor: Open, tmp_path_factory: pytest.TempPathFactory) -> Editor:
    """An editor with a file, an engine that has served one suggestion, and the cursor in Insert mode."""
    path = tmp_path_factory.mktemp("recovery") / "mean.py"
    path.write_text(SOURCE)
    editor = open_editor()
    editor.edit(path)
    suggest(editor)
    return editor


def suggest(editor: Editor) -> None:
    """Type something in place of what the last call typed, and wait for ghost text.

    Each time it is another text, since one that comes back is taken for an undo.
    """
    editor.keys("<Esc>:silent! global/^mean_/delete<CR>Go")
    editor.type(f"mean_{next(NUMBERS)} = mea")
    editor.until_ghost()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not command_line(pid), f"process {pid} to end")


def test_a_killed_engine_is_told_of_and_comes_back(editor: Editor) -> None:
    before = editor.status()
    assert before
    kill(before["engine"]["pid"])
    until(lambda: editor.statusline() == "plt: engine died", editor.statusline)
    lines = editor.lua("return require('plt.status').report_lines(...)", editor.status())
    assert lines[3] == "engine    not running; it starts with the next completion"
    suggest(editor)
    after = editor.status()
    assert after
    assert after["engine"]["pid"] != before["engine"]["pid"]
    assert after["engine"]["numStarts"] == before["engine"]["numStarts"] + 1
    assert until(lambda: "ready" in editor.statusline(), editor.statusline)


def test_a_killed_server_is_started_again_with_its_buffers(editor: Editor) -> None:
    before = editor.server_pid()
    assert before
    kill(before)
    until(lambda: editor.server_pid() not in (None, before), "another server")
    editor.until_attached()
    suggest(editor)


def test_restart_ends_the_old_server_and_its_engine(editor: Editor) -> None:
    status, server = editor.status(), editor.server_pid()
    assert status
    assert server
    editor.nvim.command("Plt restart")
    until(lambda: not command_line(server) and not command_line(status["engine"]["pid"]), "both to end")
    until(lambda: editor.server_pid(), "another server")
    editor.until_attached()
    suggest(editor)


def test_leaving_neovim_leaves_no_process_behind(open_editor: Open, tmp_path: Path) -> None:
    path = tmp_path / "mean.py"
    path.write_text(SOURCE)
    editor = open_editor()
    editor.edit(path)
    suggest(editor)
    status, server = editor.status(), editor.server_pid()
    assert status
    assert server
    editor.close()
    until(lambda: not command_line(server) and not command_line(status["engine"]["pid"]), "both to end")


def test_a_server_that_cannot_live_is_given_up_with_advice(open_editor: Open, tmp_path: Path) -> None:
    crash = tmp_path / "crash"
    crash.write_text("#!/bin/sh\necho 'it hurts here' >&2\nexit 3\n")
    crash.chmod(0o755)
    pauses = "require('plt.restart').pause_ms = function(n) return n <= 5 and 0 or nil end"
    editor = open_editor(f"{{ cmd = {{ '{crash}', 'serve' }} }}", pauses)
    editor.keys(f":edit {tmp_path / 'a.py'}<CR>")
    until(lambda: editor.statusline() == "plt: stopped", editor.statusline)
    said = editor.nvim.command_output("messages")
    assert "ended 6 times in a row (exit code 3, signal 0)" in said
    assert ":Plt restart" in said
    editor.keys(":Plt log<CR>")
    until(lambda: "it hurts here" in editor.lines(), "the server's log")


def test_a_missing_server_is_told_of_with_the_remedy_which_works(open_editor: Open, tmp_path: Path) -> None:
    link, path = tmp_path / "plt-lsp", tmp_path / "mean.py"
    path.write_text(SOURCE)
    editor = open_editor(f"{{ cmd = {{ '{link}', 'serve' }} }}")
    editor.keys(f":edit {path}<CR><CR>")
    said = until(lambda: editor.nvim.command_output("messages"), "a message")
    assert f'"{link}" was not found' in said
    assert "pip install plt-lsp" in said
    link.symlink_to(Path(sys.executable).with_name("plt-lsp"))
    editor.nvim.command("Plt restart")
    editor.until_attached()
    suggest(editor)


def test_the_doctor_runs_in_a_terminal_window(editor: Editor) -> None:
    editor.keys("<Esc>")
    windows = len(editor.nvim.windows)
    editor.nvim.command("Plt doctor")
    assert len(editor.nvim.windows) == windows + 1
    until(lambda: "[Process exited 0]" in editor.text(), editor.text)
    assert "smollm2-135m" in editor.text()

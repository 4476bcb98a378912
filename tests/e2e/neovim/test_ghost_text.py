"""Ghost text in real Neovim, from the real server and model: shown, typed through, and accepted in parts or whole."""

from pathlib import Path

import pytest

from tests.e2e.neovim.editor import Editor

SOURCE = '''def fibonacci(n):
    """Return the n-th Fibonacci number."""
    if n < 2:
        return n
'''


@pytest.fixture
def opened(editor: Editor, tmp_path: Path) -> Editor:
    """A file with the cursor behind the beginning of its last line, in Insert mode."""
    path = tmp_path / "fibonacci.py"
    path.write_text(SOURCE)
    editor.keys("<Esc>")
    editor.edit(path)
    editor.keys("Go")
    return editor


def test_ghost_text_appears_while_typing(opened: Editor) -> None:
    opened.type("return fib")
    ghost = opened.until_ghost()
    assert ghost["marks"] == 1
    assert (ghost["row"], ghost["col"]) == opened.cursor()
    assert opened.lines()[-1] == "    return fib"

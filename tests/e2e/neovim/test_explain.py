"""Explanations in real Neovim, from the real server and model: facts, words as they come, and an end by closing."""

from pathlib import Path

from tests.e2e.neovim.editor import Editor, until

TEXT = """import os


def size(path):
    if not path:
        raise ValueError(path)
    return os.stat(path).st_size
"""
TOLD = """
for _, buf in ipairs(vim.api.nvim_list_bufs()) do
  local text = table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\\n")
  if vim.startswith(text, "# Explanation") then
    return text
  end
end
"""


def told(editor: Editor) -> str:
    """What stands in the window with the explanation."""
    return editor.lua(TOLD) or ""


def num_cancelled(editor: Editor) -> int:
    answer = editor.status()
    return int(answer["counts"].get("explanation.cancelled", 0)) if answer else 0


def test_lines_are_explained_beside_them_until_the_window_is_closed(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "size.py"
    path.write_text(TEXT)
    editor.keys("<Esc>")
    editor.edit(path)
    editor.until_attached()
    editor.nvim.command("4,7Plt explain")
    until(lambda: "- Raises `ValueError` (line 6)" in told(editor), lambda: told(editor))
    until(
        lambda: any(line.startswith("> ") and len(line) > 20 for line in told(editor).split("\n")), lambda: told(editor)
    )
    assert editor.text() == TEXT.rstrip("\n")
    before = num_cancelled(editor)
    editor.nvim.command("6")
    editor.nvim.command("Plt explain")
    editor.nvim.command("wincmd w")
    assert editor.nvim.current.buffer.options["filetype"] == "markdown"
    editor.nvim.command("close")
    until(lambda: num_cancelled(editor) > before, "the explanation to be cancelled")

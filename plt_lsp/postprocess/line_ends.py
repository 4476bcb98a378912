"""Writes a completion with the file's line ends, at the very end: until then a line feed ends a line everywhere.

It knows nothing of the text but where its lines end.
"""

from collections.abc import Sequence


def in_files_line_ends(text: str, lines: Sequence[str], row: int) -> str:
    """The text with the line end of the cursor's row, or where that has none, of the row above it."""
    if "\n" not in text:
        return text
    ends = (line[len(line.rstrip("\r\n")) :] for line in reversed(lines[max(0, row - 1) : row + 1]))
    return text.replace("\n", next((end for end in ends if end), "\n"))

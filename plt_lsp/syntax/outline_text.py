"""What an outline takes from the text of a file: signatures, names and the first lines of documentation.

It goes by lines and marks, and knows neither nodes nor what they mean.
"""

import re
from collections.abc import Sequence
from functools import cache

from tree_sitter import Point

from plt_lsp.syntax.outlines.tables import Table
from plt_lsp.syntax.tree import encoded

MAX_SIGNATURE_CHARS = 240
MAX_SIGNATURE_ROWS = 40
MAX_DOC_CHARS = 160
MAX_DOC_ROWS = 60

_ANNOTATION = re.compile(r"(?:@(?!interface\b)[\w.]+(?:\([^()]*\))?|\[\[.*?\]\]|#?\[[^\]]*\])\s+")
_DOCSTRING = re.compile(r"[rRuUbBfF]{0,2}(\"{3}|'{3}|\"|')")
_MARKS = re.compile(r"^\s*(?:/\*+!?|\*+/|\*+|//[/!]*|#+|--+\[*)\s?|\s*\**/\s*$")
_TAG_ONLY = re.compile(r"</?[\w.]+[^<>]*>")
_INNER_BLANK = re.compile(r"(?<=[(\[]) |,? (?=[)\]])")
_ATTRIBUTE = re.compile(r"\s*(?:#!?\[|@\w|\[[\w.]+[(\]])")


def between(lines: Sequence[str], start: Point, end: Point) -> str:
    """The text from one point to another, as it stands in the file."""
    if start.row == end.row:
        return _cut(lines[start.row], start.column, end.column)
    inner = lines[start.row + 1 : end.row]
    last = _cut(lines[end.row], 0, end.column) if end.row < len(lines) else ""
    return "".join([_cut(lines[start.row], start.column, None), *inner, last])


def signature(lines: Sequence[str], start: Point, end: Point, table: Table) -> str:
    """What stands between two points on one line, without comments, annotations and the mark that ends it."""
    if end.row - start.row >= MAX_SIGNATURE_ROWS:
        end = Point(start.row + MAX_SIGNATURE_ROWS, 0)
    rows = between(lines, start, end).splitlines()
    if len(rows) > 1:
        rows = [_comment(table.line_comment).sub("", row) for row in rows]
    text = " ".join(" ".join(rows).split())
    while match := _ANNOTATION.match(text):
        text = text[match.end() :]
    if len(rows) > 1:
        text = _INNER_BLANK.sub("", text)
    text = text.rstrip(" ;:,")
    return shortened(text, MAX_SIGNATURE_CHARS)


def shortened(text: str, max_chars: int) -> str:
    """The text, or its beginning with dots where it is longer."""
    return text if len(text) <= max_chars else text[: max_chars - 3].rstrip() + "..."


def docstring(lines: Sequence[str], body: Point) -> str:
    """The first line of the string that a body begins with, or an empty text."""
    text = _cut(lines[body.row], body.column, None) if body.row < len(lines) else ""
    match = _DOCSTRING.match(text)
    if match is None:
        return ""
    mark = match.group(1)
    for line in [text[match.end() :], *lines[body.row + 1 : body.row + MAX_DOC_ROWS]]:
        content, closing, _ = line.partition(mark)
        if content.strip() or closing:
            return shortened(content.strip(), MAX_DOC_CHARS)
    return ""


def comment_above(lines: Sequence[str], row: int, table: Table) -> str:
    """The first line of the comment that stands directly above a row, or an empty text."""
    i = row - 1
    while i >= 0 and row - i < MAX_DOC_ROWS and _ATTRIBUTE.match(lines[i]):
        i -= 1
    for line in lines[_first_row(lines, i, table) : i + 1]:
        content = _TAG_ONLY.sub("", _MARKS.sub("", _MARKS.sub("", line.rstrip()))).strip()
        if content:
            return shortened(content, MAX_DOC_CHARS)
    return ""


def _first_row(lines: Sequence[str], last: int, table: Table) -> int:
    """Where the comment that ends in a row begins; the row after it where there is none."""
    top = max(-1, last - MAX_DOC_ROWS)
    opener, closer = table.block_comment or (None, None)
    if last >= 0 and opener and closer and lines[last].rstrip().endswith(closer):
        for i in range(last, top, -1):
            if opener in lines[i]:
                return i if lines[i].lstrip().startswith(opener) else last + 1
    i = last
    while i > top and _is_comment_line(lines[i], table):
        i -= 1
    return i + 1


def _is_comment_line(line: str, table: Table) -> bool:
    text = line.lstrip()
    return text.startswith(table.line_comment) and not text.startswith("#!")


@cache
def _comment(mark: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|\s){re.escape(mark)}(?!include|define).*")


def _cut(line: str, start: int, end: int | None) -> str:
    """A part of a line, given in bytes."""
    if line.isascii():
        return line[start:end]
    return encoded((line,))[start:end].decode("utf-8", "replace")

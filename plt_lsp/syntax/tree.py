r"""The syntax tree of one text, and the tree after an edit, which is made from it and equals a fresh one.

It does not know what the nodes of any language mean. Rows are the document's lines (LSP 3.17: \n, \r\n and \r end
them); columns are characters outside and bytes of UTF-8 towards the grammar, and this is the place that converts them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tree_sitter import Node, Parser, Point, Tree

from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.syntax.grammars import language_of

MAX_TREE_CHARS = 1_000_000
MAX_FRESH_CHARS = 24_000
ROWS_PER_READ = 64


class NoTree(StrEnum):
    """Why a text has no syntax tree."""

    NO_GRAMMAR = "no_grammar"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """The tree of a text; it never changes, an edit yields another one that shares its unchanged parts.

    After edits it equals a fresh tree. In a text longer than MAX_FRESH_CHARS that has a syntax error, the two may
    differ in how they step over it, since a grammar's recovery depends on what it could keep.

    Attributes:
        language_id: as the editor says.
        lines: every line with its line end; the last has none.
        tree: the tree, in bytes of UTF-8 and rows.
    """

    language_id: str
    lines: tuple[str, ...]
    tree: Tree

    @classmethod
    def parse(cls, language_id: str, text: str | Sequence[str]) -> "SyntaxTree | NoTree":
        """The tree of a text, given whole or as its lines, or why there is none."""
        lines = tuple(split_lines(text) if isinstance(text, str) else text)
        return _parse(language_id, lines, None)

    @property
    def root(self) -> Node:
        """The node of the whole text."""
        return self.tree.root_node

    def edit(self, start: Cursor, end: Cursor, text: str) -> "SyntaxTree | NoTree":
        """The tree after `text` has replaced the range from start to end, in characters."""
        first = start.line
        head = self.lines[first][: start.column]
        if first > 0 and not start.column and self.lines[first - 1].endswith("\r"):
            first -= 1  # a \n at the beginning of the new text would belong to this line's \r
            head = self.lines[first]
        changed = split_lines(head + text + self.lines[end.line][end.column :])
        if end.line < len(self.lines) - 1:
            changed.pop()  # the text ended with a line end, after which split_lines opens one more line
        return self._replaced(first, end.line + 1, tuple(changed))

    def advanced(self, lines: Sequence[str]) -> "SyntaxTree | NoTree":
        """The tree of a later state of the text, whatever was edited meanwhile."""
        new = tuple(lines)
        if new == self.lines:
            return self
        changed = changed_rows(self.lines, new)
        return self._replaced(changed.first, changed.old_end, new[changed.first : changed.new_end])

    def _replaced(self, first: int, last: int, changed: tuple[str, ...]) -> "SyntaxTree | NoTree":
        """The tree after the rows from first to last, exclusive, have become others."""
        lines = self.lines[:first] + changed + self.lines[last:]
        start = len(encoded(self.lines[:first]))
        old, new = encoded(self.lines[first:last]), encoded(changed)
        old_tree = self.tree.copy()
        old_tree.edit(
            start,
            start + len(old),
            start + len(new),
            (first, 0),
            _end_point(first, self.lines[first:last], last == len(self.lines)),
            _end_point(first, changed, first + len(changed) == len(lines)),
        )
        return _parse(self.language_id, lines, old_tree)

    def point(self, cursor: Cursor) -> Point:
        """The place of a cursor as the tree counts it."""
        return Point(cursor.line, len(encoded((self.lines[cursor.line][: cursor.column],))))

    def cursor(self, point: Point) -> Cursor:
        """The cursor for a place of the tree."""
        head = encoded((self.lines[point.row],))[: point.column]
        return Cursor(point.row, len(head.decode("utf-8", "replace")))


def encoded(lines: Sequence[str]) -> bytes:
    r"""Lines as the grammars read them: UTF-8, and a \r alone is \n, since grammars count rows by \n only."""
    text = "".join(lines)
    if "\r" in text:
        text = text.replace("\r\n", "\0\n").replace("\r", "\n").replace("\0\n", "\r\n")
    return text.encode("utf-8", "replace")


def _parse(language_id: str, lines: tuple[str, ...], old_tree: Tree | None) -> SyntaxTree | NoTree:
    language = language_of(language_id)
    if language is None:
        return NoTree.NO_GRAMMAR
    num_chars = sum(map(len, lines))
    if num_chars > MAX_TREE_CHARS:
        return NoTree.TOO_LARGE
    parser, read = Parser(language), _reader(lines)
    if old_tree is not None:
        tree = parser.parse(read, old_tree)
        if not tree.root_node.has_error or num_chars > MAX_FRESH_CHARS:
            return SyntaxTree(language_id, lines, tree)
    return SyntaxTree(language_id, lines, parser.parse(read))


def _reader(lines: tuple[str, ...]) -> Callable[[int, Point], bytes]:
    """What a parser calls for the text at a place; some rows at once, since each call costs more than the rows do."""

    def read(_: int, point: Point) -> bytes:
        row, column = point
        return encoded(lines[row : row + ROWS_PER_READ])[column:]

    return read


@dataclass(frozen=True, slots=True)
class Changed:
    """The rows in which two texts differ: from `first`, up to `old_end` in one and `new_end` in the other."""

    first: int
    old_end: int
    new_end: int


def changed_rows(old: Sequence[str], new: Sequence[str]) -> Changed:
    """Where two texts differ, by their lines; quick where those that did not change are the same objects."""
    shorter = min(len(old), len(new))
    first = _longest(shorter, lambda size: old[:size] == new[:size])
    size = _longest(shorter - first, lambda size: old[len(old) - size :] == new[len(new) - size :])
    return Changed(first, len(old) - size, len(new) - size)


def _end_point(first: int, rows: Sequence[str], is_end: bool) -> tuple[int, int]:
    """Where some rows end: at the start of the row behind them, or where the text ends."""
    if is_end and rows:
        return first + len(rows) - 1, len(encoded(rows[-1:]))
    return first + len(rows), 0


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The greatest size up to `most` for which it holds, where it holds for every smaller one."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low

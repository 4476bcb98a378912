r"""The text of a Python document as it is parsed: lines that end with \n, a tree, tokens, and places of its nodes.

It does not know refactorings. Line ends and a byte order mark are put back when splices become changes of the document.
"""

import ast
import io
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import RefusedError, TextChange

BOM = "\ufeff"
_SKIPPED = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


@dataclass(frozen=True, slots=True)
class Splice:
    """A stretch of the text, in characters, and what takes its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token, as `tokenize` names its type, and its place in characters of the text."""

    type: int
    string: str
    start: int
    end: int


class Source:
    """A text that parses.

    Args:
        lines: of the document, with their line ends.
        first_row: the document's row that the first of these lines is.
        is_whole: whether these are all lines of the document.

    Raises:
        RefusedError: where the text is not Python to this interpreter.
    """

    def __init__(self, lines: Sequence[str], first_row: int = 0, *, is_whole: bool = True) -> None:
        self.is_whole = is_whole
        self.first_row = first_row
        self.has_bom = first_row == 0 and bool(lines) and lines[0].startswith(BOM)
        self.line_end = _line_end(lines)
        contents = [content_of(line) for line in lines]
        if self.has_bom:
            contents[0] = contents[0][1:]
        self.text = "\n".join(contents)
        self.tree = parsed(self.text, first_row)

    @cached_property
    def lines(self) -> list[str]:
        r"""The lines without their line ends."""
        return self.text.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.lines)]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node above each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def tokens(self) -> list[Token]:
        """All tokens that have a text."""
        found = tokenize.generate_tokens(io.StringIO(self.text + "\n", newline="\n").readline)
        return [
            Token(one.type, one.string, self._at(*one.start), self._at(*one.end))
            for one in found
            if one.type not in _SKIPPED
        ]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every identifier of the text, also those in strings that are formatted."""
        return frozenset(names_in(self.tree))

    def _at(self, line: int, column: int) -> int:
        return min(self._starts[line - 1] + column, len(self.text))

    def offset(self, cursor: Cursor) -> int:
        """How many characters of the text stand before a place of the document."""
        row = cursor.line - self.first_row
        column = cursor.column - (1 if self.has_bom and row == 0 else 0)
        if not 0 <= row < len(self.lines):
            return 0 if row < 0 else len(self.text)
        return self._starts[row] + max(0, min(column, len(self.lines[row])))

    def cursor(self, offset: int) -> Cursor:
        """The place of the document before which so many characters of the text stand."""
        row = bisect_right(self._starts, offset) - 1
        column = offset - self._starts[row] + (1 if self.has_bom and row == 0 else 0)
        return Cursor(row + self.first_row, column)

    def row(self, offset: int) -> int:
        """Which of the lines an offset lies on."""
        return bisect_right(self._starts, offset) - 1

    def line_start(self, row: int) -> int:
        """Where a line begins; the row behind the last is the end of the text."""
        return min(self._starts[row], len(self.text))

    def start(self, node: ast.AST) -> int:
        """Where a node begins; nodes inside strings that are formatted have no reliable places."""
        return self._place(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Where a node ends."""
        return self._place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _place(self, line: int, num_bytes: int) -> int:
        text = self.lines[line - 1]
        column = num_bytes if text.isascii() else len(text.encode()[:num_bytes].decode())
        return self._starts[line - 1] + column

    def segment(self, node: ast.AST) -> str:
        """The text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes above one, the innermost first."""
        while (node := self.parents.get(node)) is not None:  # type: ignore[assignment]
            yield node

    def tokens_in(self, start: int, end: int) -> list[Token]:
        """The tokens that lie in a stretch."""
        return [token for token in self.tokens if token.start >= start and token.end <= end]

    def comments_in(self, start: int, end: int) -> list[Token]:
        """The comments in a stretch."""
        return [token for token in self.tokens_in(start, end) if token.type == tokenize.COMMENT]

    def spliced(self, splices: Iterable[Splice]) -> str:
        """The text after splices, which do not overlap."""
        parts, done = [], 0
        for one in sorted(splices, key=lambda one: (one.start, one.end)):
            parts += [self.text[done : one.start], one.text]
            done = one.end
        return "".join([*parts, self.text[done:]])

    def changes(self, splices: Iterable[Splice]) -> tuple[TextChange, ...]:
        """Splices as changes of the document, with its line ends, in the order of their places."""
        ordered = sorted(splices, key=lambda one: (one.start, one.end))
        return tuple(
            TextChange(self.cursor(one.start), self.cursor(one.end), one.text.replace("\n", self.line_end))
            for one in ordered
        )


def parsed(text: str, first_row: int = 0) -> ast.Module:
    """The tree of a text.

    Raises:
        RefusedError: where it has none.
    """
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f" on line {line + first_row}" if line else ""
        raise RefusedError(f"The file has a syntax error{where}.") from error


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every identifier below a node: of variables, attributes, arguments, keywords, imports and definitions."""
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str) and not isinstance(node, ast.Constant):
                yield from value.split(".")
            elif isinstance(value, list):
                yield from (name for name in value if isinstance(name, str))


def _line_end(lines: Sequence[str]) -> str:
    first = lines[0] if lines else ""
    return first[len(content_of(first)) :] or "\n"

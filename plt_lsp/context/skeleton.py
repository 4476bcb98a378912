"""What stands for the part of a file that a window leaves out: its imports, headers and signatures.

It chooses within a budget of characters and knows neither where the window begins nor what it shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from plt_lsp.context.elision import Marks, marks_of
from plt_lsp.context.report import Source
from plt_lsp.documents import content_of
from plt_lsp.syntax.outline_types import Definition, Outline, Rows

MAX_HEADER_ROWS = 12
MAX_HEADER_CHARS = 400
MAX_LINE_CHARS = 240
MAX_SIBLINGS = 200
MIN_SIGNATURE_CHARS = 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines that stand for rows of the file.

    Attributes:
        source: what they are.
        rows: that they stand for.
        text: the lines, each with a line feed.
        rank: pieces of a smaller one are chosen first.
        level: of the definition that they are in; what is shown is ordered by it, then by rows.
    """

    source: Source
    rows: Rows
    text: str
    rank: tuple[int, int]
    level: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What a head is about.

    Attributes:
        open: the definitions that the window begins in, outermost first.
        around: those that the cursor is in, outermost first.
        shown: rows that are shown anyway.
    """

    open: tuple[int, ...]
    around: tuple[int, ...]
    shown: Rows


def head_of(lines: Sequence[str], outline: Outline, scope: Scope, max_chars: int) -> tuple[Piece, ...]:
    """The pieces that fit, in the order in which they are shown; the headers come before all others."""
    kept: list[Piece] = []
    room = max_chars
    pieces = [
        *_headers(lines, outline, scope),
        *_imports(lines, outline, scope, max_chars),
        *_siblings(lines, outline, scope, max_chars),
    ]
    for piece in sorted(pieces, key=lambda piece: piece.rank):
        if len(piece.text) <= room:
            kept.append(piece)
            room -= len(piece.text)
    return tuple(sorted(kept, key=lambda piece: (piece.level, piece.source is Source.HEADERS, piece.rows.first)))


def shown_alone(lines: Sequence[str], found: Definition, marks: Marks) -> str:
    """A definition without its body, on as few lines as its language allows."""
    first = lines[found.header.first]
    indent = indent_of(first)
    is_one_row = found.header.first == found.header.last
    if found.body is None and is_one_row and len(first) <= MAX_LINE_CHARS:
        return content_of(first) + "\n"
    has_mark = found.body is not None and not found.signature.startswith("#")
    body = marks.body.replace("\n", f"\n{indent}") if has_mark else ""
    return f"{indent}{found.signature}{body}\n"


def indent_of(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def _headers(lines: Sequence[str], outline: Outline, scope: Scope) -> Iterator[Piece]:
    """The headers of what the window begins in; those that the cursor is in come first."""
    marks = marks_of(outline.language_id)
    for level, i in enumerate(scope.open):
        found = outline.definitions[i]
        text = _with_doc(lines, found, _header(lines, found, marks), marks)
        rank = (0, -level) if i in scope.around else (1, level)
        yield Piece(Source.HEADERS, found.header, text, rank, level)


def _header(lines: Sequence[str], found: Definition, marks: Marks) -> str:
    rows = lines[found.header.first : found.header.last + 1]
    if len(rows) <= MAX_HEADER_ROWS and sum(map(len, rows)) <= MAX_HEADER_CHARS:
        return "".join(content_of(row) + "\n" for row in rows)
    opens = "" if found.body is None else marks.opens
    return f"{indent_of(rows[0])}{found.signature}{opens}\n"


def _with_doc(lines: Sequence[str], found: Definition, header: str, marks: Marks) -> str:
    if not found.doc:
        return header
    if not marks.docstring:
        return f"{indent_of(header)}{marks.comment} {found.doc}\n{header}"
    first = found.header.last if found.body is None else found.body.first
    return f"{header}{indent_of(lines[first])}{marks.docstring}{found.doc}{marks.docstring}\n"


def _imports(lines: Sequence[str], outline: Outline, scope: Scope, max_chars: int) -> Iterator[Piece]:
    """The imports of the file above what is shown, without a definition's own; the first have half the room."""
    last_row, num_chars = -1, 0
    for one in outline.imports:
        is_shown = one.rows.last >= scope.shown.first
        if is_shown or one.rows.first <= last_row or outline.enclosing(one.rows.first):
            continue
        last_row = one.rows.last
        text = "".join(content_of(line) + "\n" for line in lines[one.rows.first : one.rows.last + 1])
        num_chars += len(text)
        yield Piece(Source.IMPORTS, one.rows, text, (2 if num_chars <= max_chars // 2 else 5, one.rows.first), -1)


def _siblings(lines: Sequence[str], outline: Outline, scope: Scope, max_chars: int) -> Iterator[Piece]:
    """What stands beside the definitions that both the window and the cursor are in; of the innermost one first."""
    marks, most = marks_of(outline.language_id), min(MAX_SIBLINGS, max_chars // MIN_SIGNATURE_CHARS)
    common = [a for a, b in takewhile(lambda pair: pair[0] == pair[1], zip(scope.open, scope.around, strict=False))]
    for level, parent in enumerate([None, *common]):
        own = (*scope.around[level : level + 1], *scope.open[level : level + 1])
        is_innermost = level == len(common)
        for distance, i in enumerate(_beside(outline, parent, own, scope.shown)[:most]):
            found = outline.definitions[i]
            rank = (3 if is_innermost else 4, distance)
            yield Piece(Source.SIBLINGS, found.rows, shown_alone(lines, found, marks), rank, level)


def _beside(outline: Outline, parent: int | None, own: tuple[int, ...], shown: Rows) -> list[int]:
    """The definitions in one that are neither the cursor's own nor shown; those nearest to its own come first."""
    others = [i for i in outline.children(parent) if i not in own and outline.definitions[i].header.first not in shown]
    middle = own[0] if own else len(outline.definitions)
    return sorted(others, key=lambda i: abs(i - middle))

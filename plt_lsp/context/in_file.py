"""What the model sees of the file it is in, where that is longer than the budget: a skeleton, then the window.

It does not know other files or tokens; the same text, cursor and outline give the same parts.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from plt_lsp.context.elision import marks_of
from plt_lsp.context.skeleton import Piece, Scope, head_of, indent_of, shown_alone
from plt_lsp.positions import Cursor
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Outline, Rows

# The skeleton takes at most this part of the budget, and the window's start moves in steps of such a part of it.
HEAD_SHARE = 3 / 8
WINDOW_STEPS = 8
MAX_BLANK_ROWS = 50
MIN_BODY_ROWS = 2
MAX_TAIL_ROWS = 4

_BY_INDENTATION = ("python",)
_FUNCTIONS = (DefinitionKind.FUNCTION, DefinitionKind.METHOD)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the window.

    Attributes:
        pieces: in order.
        mark: the line that stands for the rows between them and the window; empty where there is no skeleton.
        start: the row that the window begins with.
    """

    pieces: tuple[Piece, ...]
    mark: str
    start: int

    @property
    def text(self) -> str:
        """All of it."""
        return "".join([*(piece.text for piece in self.pieces), self.mark])


def head_before(lines: Sequence[str], cursor: Cursor, outline: Outline, max_chars: int, suffix_end: int) -> Head | None:
    """The skeleton and where the window begins, so that both fit; None where the cursor's line leaves no room.

    The skeleton is chosen beside the smallest window that there could be, which moves in steps; what the window then
    has room for is left out of the skeleton again.

    Args:
        lines: of the file.
        cursor: in it.
        outline: of it.
        max_chars: for both.
        suffix_end: the last row that is shown behind the cursor.
    """
    ends = [0, *accumulate(map(len, lines[: cursor.line]))]
    total = ends[-1] + cursor.column
    around = around_cursor(lines, cursor, outline)
    place = _Place(lines, cursor, outline, around, ends, max(1, max_chars // WINDOW_STEPS))
    max_head = int(max_chars * HEAD_SHARE)
    smallest = _start_row(place, total - max_chars + max_head)
    head = _head(place, Rows(smallest, suffix_end), max_head)
    widest = _start_row(place, total - max_chars + len(head.text))
    if widest < smallest:
        head = _head(place, Rows(widest, suffix_end), len(head.text))
    return head if len(head.text) + total - ends[head.start] <= max_chars else None


def suffix_after(
    lines: Sequence[str], cursor: Cursor, outline: Outline | None, max_chars: int
) -> tuple[tuple[str, ...], int]:
    """The lines behind the cursor that fit, the first from the cursor on, and the last row that they tell of.

    What the cursor is in is shown to its end, and then the lines of its scope; the bodies there are left out where not
    all fits.
    """
    first = lines[cursor.line][cursor.column :]
    if len(first) > max_chars:
        return (first[:max_chars],), cursor.line
    num_after = sum(map(len, lines[cursor.line + 1 :]))
    alone = _alone_after(lines, cursor, outline) if outline is not None and len(first) + num_after > max_chars else {}
    kept, room, row = [first], max_chars - len(first), cursor.line + 1
    while row < len(lines):
        found = alone.get(row)
        text = (
            lines[row] if found is None or outline is None else shown_alone(lines, found, marks_of(outline.language_id))
        )
        if len(text) > room:
            break
        kept.append(text)
        room -= len(text)
        row = row + 1 if found is None else found.last_row + 1
    return tuple(kept), row - 1


def around_cursor(lines: Sequence[str], cursor: Cursor, outline: Outline) -> tuple[int, ...]:
    """The definitions that the cursor is in, outermost first.

    Where indentation ends a body, a line belongs to what it is deeper than; the blank lines behind it do as well.
    """
    inside = outline.enclosing(cursor.line)
    if outline.language_id not in _BY_INDENTATION:
        return inside
    line, row = lines[cursor.line], cursor.line - 1
    while row > max(0, cursor.line - MAX_BLANK_ROWS) and not lines[row].strip():
        row -= 1
    is_blank = not line.strip()
    depth = cursor.column if is_blank else len(indent_of(line))
    found = ((i, indent_of(lines[outline.definitions[i].header.last])) for i in outline.enclosing(row))
    return tuple(i for i, indent in found if len(indent) < depth or (is_blank and i in inside))


def _alone_after(lines: Sequence[str], cursor: Cursor, outline: Outline) -> dict[int, Definition]:
    """The definitions behind what the cursor is in that are long enough to be shown without their bodies, by row."""
    functions = [outline.definitions[i] for i in around_cursor(lines, cursor, outline)]
    last = next((one.last_row for one in functions if one.kind in _FUNCTIONS), cursor.line)
    alone: dict[int, Definition] = {}
    for one in outline.definitions[outline.first_after(max(last, cursor.line)) :]:
        if one.last_row - one.header.last >= MIN_BODY_ROWS:
            alone.setdefault(one.header.first, one)
    return alone


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a head is wanted.

    Attributes:
        lines: of the file.
        cursor: in it.
        outline: of it.
        around: the definitions that the cursor is in, outermost first.
        ends: how many characters stand before each row, to the cursor's.
        step: by which the window's start moves, in characters.
    """

    lines: Sequence[str]
    cursor: Cursor
    outline: Outline
    around: tuple[int, ...]
    ends: Sequence[int]
    step: int


def _head(place: _Place, shown: Rows, max_chars: int) -> Head:
    """The head before a window that begins with the first of the rows that are shown."""
    outline = place.outline
    inside = tuple(i for i in outline.enclosing(shown.first) if outline.definitions[i].header.first < shown.first)
    mark = _mark(place, shown.first, inside)
    pieces = head_of(place.lines, outline, Scope(inside, place.around, shown), max_chars - len(mark))
    return Head(pieces, mark if pieces else "", shown.first)


def _start_row(place: _Place, surplus: int) -> int:
    """The row that a window begins with: the first behind a surplus, in whole steps.

    It is never amid a header that ends within a step, nor among the last few rows of what the cursor is not in, nor
    blank. A longer header, such as a table or a text of many rows that a name stands for, is cut rather than lost.
    """
    if surplus <= 0:
        return 0
    last = place.cursor.line
    row = min(bisect_left(place.ends, -(-surplus // place.step) * place.step), last)
    inside = [(i, place.outline.definitions[i]) for i in place.outline.enclosing(row)]
    ends = [one.header.last + 1 for _, one in inside if one.header.first < row <= one.header.last]
    headers = [end for end in ends if place.ends[min(end, last)] - place.ends[row] <= place.step]
    tails = [one.last_row + 1 for i, one in inside if i not in place.around and one.last_row - row < MAX_TAIL_ROWS]
    row = max(row, *headers, *tails) if headers or tails else row
    while row < last and not place.lines[row].strip():
        row += 1
    return min(row, last)


def _mark(place: _Place, start: int, inside: tuple[int, ...]) -> str:
    """The line that stands for what is left out above a row, indented as the body that it is left out of."""
    if start == 0:
        return ""
    first = min(start, place.outline.definitions[inside[-1]].header.last + 1) if inside else start
    line = next((line for line in place.lines[first : place.cursor.line + 1] if line.strip()), "")
    return f"{indent_of(line)}{marks_of(place.outline.language_id).rows}\n"

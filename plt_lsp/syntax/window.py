"""The few rows that show where in a text a place is: the piece of code it lies in, and what that piece is nested in.

It goes by indentation alone, since half-typed code has no other order; it knows which words go on with a statement.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_WALK_ROWS = 10_000
MAX_SIBLING_ROWS = 60

# Rows that go on with the statement above at the same depth.
_GOES_ON = re.compile(
    r"\s*(?:[)\]}{.?:&|+]|(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|end|then|do|fi|done|esac"
    r"|until|case|default|and|or)\b|(?:public|private|protected)\s*:)"
)
_NO_CODE = re.compile(r"\s*(?:$|#|//|/?\*|--)")


@dataclass(frozen=True, slots=True)
class Window:
    """Rows around a place, in order.

    Attributes:
        above: the statement before the place, and the head of each one that it is nested in.
        below: the statement after the place, and what ends those that it is nested in.
        is_whole: whether all of them were found.
    """

    above: tuple[int, ...]
    below: tuple[int, ...]
    is_whole: bool


def window_at(lines: Sequence[str], row: int, column: int) -> Window:
    """The rows that show where a place is."""
    depth = _depth_of(lines, row, column)
    above, has_top = _above(lines, row, depth)
    below, has_bottom = _below(lines, row, depth)
    return Window(tuple(reversed(above)), tuple(below), has_top and has_bottom)


def _depth_of(lines: Sequence[str], row: int, column: int) -> int:
    """How deep a place is, in characters: as its line is, or where that is empty, as the code above it asks for."""
    if lines[row].strip() or column:
        return min(_indent(lines[row]), column) if not lines[row].strip() else _indent(lines[row])
    for line in reversed(lines[max(0, row - MAX_SIBLING_ROWS) : row]):
        if not _NO_CODE.match(line):
            return _indent(line) + line.rstrip().endswith(("{", "(", "[", ":"))
    return 0


def _above(lines: Sequence[str], row: int, depth: int) -> tuple[list[int], bool]:
    """The rows above, the nearest first, and whether the outermost is among them."""
    kept, i = _statement_above(lines, row, depth)
    first = max(-1, row - 1 - MAX_WALK_ROWS)
    goes_on = False
    while i > first and (depth or goes_on):
        line = lines[i]
        if not goes_on and line[:depth].isspace():  # deeper or blank, as most rows of a long class are
            i -= 1
            continue
        indent = depth if _NO_CODE.match(line) else _indent(line)
        if indent < depth:
            kept.append(i)
            depth, goes_on = indent, _GOES_ON.match(line) is not None
        elif goes_on:
            kept.append(i)
            goes_on = indent > depth or _GOES_ON.match(line) is not None or _NO_CODE.match(line) is not None
        i -= 1
    return kept, i == -1 or not (depth or goes_on)


def _statement_above(lines: Sequence[str], row: int, depth: int) -> tuple[list[int], int]:
    """The rows of the statement before a row at the same depth, if it is not too long, and the row to go on at."""
    kept: list[int] = []
    i = row - 1
    while i >= 0 and len(kept) < MAX_WALK_ROWS:
        line = lines[i]
        if line[: depth + 1].isspace():
            kept.append(i)
            i -= 1
            continue
        if not _NO_CODE.match(line):
            indent = _indent(line)
            if indent < depth:
                break
            if indent == depth and not _GOES_ON.match(line):
                kept.append(i)
                i -= 1
                break
        kept.append(i)
        i -= 1
    return (kept if len(kept) <= MAX_SIBLING_ROWS else []), i


def _below(lines: Sequence[str], row: int, depth: int) -> tuple[list[int], bool]:
    """The rows below, and whether what ends the outermost statement is among them."""
    kept: list[int] = []
    keeps, own_depth, sibling = True, depth, -1
    last = min(len(lines), row + 1 + MAX_WALK_ROWS)
    for i in range(row + 1, last):
        line = lines[i]
        if not keeps and line[:depth].isspace():
            continue
        if not _NO_CODE.match(line):
            indent = _indent(line)
            goes_on = _GOES_ON.match(line) is not None
            if indent < depth:
                depth, keeps, sibling = indent, goes_on, -1
            elif indent == depth and not goes_on:
                keeps = depth == own_depth and sibling < 0
                sibling = len(kept)
            if depth == 0 and not keeps:
                return kept, True
        if keeps:
            kept.append(i)
        if 0 <= sibling < len(kept) - MAX_SIBLING_ROWS:
            del kept[sibling:]
            keeps = False
    return kept, last == len(lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))

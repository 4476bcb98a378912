"""Writes a completion in the file's own way: with its tabs or spaces, and as many of them.

It goes by the lines near the cursor and knows of languages only what ends a line that opens a block.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View

NUM_ROWS = 200
WIDTHS = (2, 3, 4, 8)
USUAL_WIDTH = 4
_OPENERS = ("{", ":")


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is indented.

    Attributes:
        is_tabs: with tabs.
        width: of one level in spaces, or None where no level shows it.
    """

    is_tabs: bool
    width: int | None


def in_files_indentation(text: str, view: View) -> Cut:
    """The text with every line after the first, and the first at the margin, indented as the file is."""
    lines = text.split("\n")
    first = 1 if view.line_before else 0
    if not any(line[:1] in (" ", "\t") for line in lines[first:]):
        return Cut(text)
    style = style_of(_near(view))
    if style is None:
        return Cut(text)
    head = view.line_before + "".join(lines[:first])
    rest = _with_tabs(lines[first:]) if style.is_tabs else _with_spaces(lines[first:], style, head)
    new = "\n".join([*lines[:first], *rest])
    return Cut(new, Reason.INDENTATION if new != text else None)


def style_of(lines: Sequence[str]) -> Style | None:
    """How lines are indented, or None where none is."""
    blanks = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    num_tabs = sum(blank.startswith("\t") for blank in blanks)
    num_spaces = sum(blank.startswith("  ") for blank in blanks)
    if not num_tabs and not num_spaces:
        return None
    if num_tabs > num_spaces:
        return Style(is_tabs=True, width=None)
    widths = [len(blank) for blank in blanks if "\t" not in blank]
    steps = Counter(b - a for a, b in pairwise(widths) if b - a in WIDTHS)
    return Style(is_tabs=False, width=steps.most_common(1)[0][0] if steps else None)


def _near(view: View) -> Sequence[str]:
    row = view.cursor.line
    own = [view.line_before + "x"] if view.line_before[:1] in (" ", "\t") else []
    return [*view.lines[max(0, row - NUM_ROWS) : row], *own, *view.lines[row + 1 : row + 1 + NUM_ROWS]]


def _with_tabs(lines: Sequence[str]) -> list[str]:
    """Lines whose indentation is tabs, and behind them spaces only where they are no whole level."""
    widths = [_num_spaces(line) for line in lines if _num_spaces(line) > 1]
    common = math.gcd(*widths)
    unit = next((unit for unit in (USUAL_WIDTH, 2) if common and common % unit == 0), None)
    if unit is None:
        return list(lines)
    return [_tabbed(line, unit) for line in lines]


def _num_spaces(line: str) -> int:
    """How many spaces stand in a line's indentation, behind its tabs."""
    rest = line.lstrip("\t")
    return len(rest) - len(rest.lstrip(" ")) if rest.strip() else 0


def _tabbed(line: str, unit: int) -> str:
    num_tabs = len(line) - len(line.lstrip("\t"))
    num_spaces = _num_spaces(line)
    return "\t" * (num_tabs + num_spaces // unit) + line[num_tabs + num_spaces // unit * unit :]


def _with_spaces(lines: Sequence[str], style: Style, head: str) -> list[str]:
    """Lines whose indentation is spaces, as many for a level as the file has; `head` is the line above them."""
    spaced = [_untabbed(line, style.width or USUAL_WIDTH) for line in lines]
    base = len(head) - len(head.lstrip(" "))
    unit = _own_width(spaced, base, head)
    if style.width is None or unit is None or unit == style.width:
        return spaced
    return [_rescaled(line, base, unit, style.width) for line in spaced]


def _untabbed(line: str, width: int) -> str:
    text = line.lstrip(" \t")
    return line[: len(line) - len(text)].replace("\t", " " * width) + text


def _own_width(lines: Sequence[str], base: int, head: str) -> int | None:
    """The width of a level, told by the lines behind those that open a block, or None where they do not agree."""
    steps: set[int] = set()
    widths = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    texts = [line.rstrip() for line in lines if line.strip()]
    before, width_before = head.rstrip(), base
    for text, width in zip(texts, widths, strict=True):
        if before.endswith(_OPENERS) and width > width_before:
            steps.add(width - width_before)
        before, width_before = text, width
    unit = steps.pop() if len(steps) == 1 else None
    fits = unit is not None and unit in WIDTHS and all((width - base) % unit == 0 for width in widths if width > base)
    return unit if fits else None


def _rescaled(line: str, base: int, old: int, new: int) -> str:
    text = line.lstrip(" ")
    width = len(line) - len(text)
    if width <= base or not text:
        return line
    return " " * (base + (width - base) // old * new) + text

"""Which names the code around a cursor uses, how near to it, and what is taken from them with a dot.

It goes by the text and an outline of it; what a name means is not known here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from plt_lsp.context.in_file import around_cursor
from plt_lsp.positions import Cursor
from plt_lsp.syntax.outline_types import Outline, Rows

# How much a name counts by where it is used: near the cursor, in its function, in its class, in the file.
NEAR, SCOPE, CLASS, FILE = 1.0, 0.85, 0.65, 0.5
ROWS_ABOVE, ROWS_BELOW = 6, 2
# Where no definition says how far the cursor's scope goes.
ROWS_OF_A_SCOPE = 40
MAX_FILE_ROWS = 400
MAX_LINES_KEPT = 8192

_CHAIN = re.compile(r"[^\W\d]\w*(?:\s?(?:\.|::|->|\?\.)\s?[^\W\d]\w*)*")
_LINK = re.compile(r"\s?(?:\.|::|->|\?\.)\s?")
_OF_PATH = re.compile(r"::\s?(\w+)")
_WORD_BEFORE = re.compile(r"\w+\Z")
_ASKED = re.compile(r"([^\W\d]\w*(?:(?:\.|::)[^\W\d]\w*)*)(?:\.|::|->|\?\.)\w*\Z")


@dataclass(frozen=True, slots=True)
class UsedNames:
    """The names that a file uses, as they count at a cursor.

    Attributes:
        weights: of each name, in (0, 1], the greatest where it is used in several places.
        members: what is taken from a name, `b` and `c` of `a.b` and `a.b.c`, by what stands before it, with dots.
        asked: what stands before the dot at the cursor, with dots; empty where no dot stands there.
    """

    weights: Mapping[str, float]
    members: Mapping[str, frozenset[str]]
    asked: str


def used_names(lines: Sequence[str], cursor: Cursor, outline: Outline) -> UsedNames:
    """The names of a file; the word that is being typed at the cursor is left out."""
    weights: dict[str, float] = {}
    members: dict[str, set[str]] = {}
    imported = {row for one in outline.imports for row in range(one.rows.first, one.rows.last + 1)}
    for weight, rows in _regions(lines, cursor, outline):
        for text in _texts(lines, rows, cursor, imported):
            for chain, paths in _chains(text):
                weights.setdefault(chain[0], weight)
                for i, name in enumerate(chain[1:], 1):
                    members.setdefault(".".join(chain[:i]), set()).add(name)
                for name in paths:
                    weights.setdefault(name, weight)
    asked = _ASKED.search(lines[cursor.line][: cursor.column])
    return UsedNames(
        weights,
        {name: frozenset(found) for name, found in members.items()},
        asked[1].replace("::", ".") if asked else "",
    )


def place_of(lines: Sequence[str], cursor: Cursor, outline: Outline) -> tuple[str, ...]:
    """The names of the definitions that a cursor is in, outermost first."""
    return tuple(outline.definitions[i].name for i in around_cursor(lines, cursor, outline))


def _regions(lines: Sequence[str], cursor: Cursor, outline: Outline) -> Iterator[tuple[float, Iterable[int]]]:
    """Rows, those nearest to the cursor first."""
    row, last = cursor.line, len(lines) - 1
    yield NEAR, range(max(0, row - ROWS_ABOVE), min(last, row + ROWS_BELOW) + 1)
    around = [outline.definitions[i].rows for i in around_cursor(lines, cursor, outline)]
    scope = around[-1] if around else Rows(row - ROWS_OF_A_SCOPE, row + ROWS_OF_A_SCOPE)
    yield SCOPE, range(max(0, scope.first), min(last, scope.last) + 1)
    if around:
        yield CLASS, range(around[0].first, min(last, around[0].last) + 1)
    yield FILE, range(max(0, row - MAX_FILE_ROWS), min(last, row + MAX_FILE_ROWS) + 1)


def _texts(lines: Sequence[str], rows: Iterable[int], cursor: Cursor, imported: set[int]) -> Iterator[str]:
    for row in rows:
        if row == cursor.line:
            line = lines[row]
            yield _WORD_BEFORE.sub("", line[: cursor.column]) + " " + line[cursor.column :]
        elif row not in imported:
            yield lines[row]


@lru_cache(maxsize=MAX_LINES_KEPT)
def _chains(text: str) -> tuple[tuple[list[str], list[str]], ...]:
    """The names that stand together in a line, and those of them that a path of modules leads to."""
    chains = _CHAIN.findall(text)
    return tuple((_LINK.split(chain), _OF_PATH.findall(chain) if "::" in chain else []) for chain in chains)

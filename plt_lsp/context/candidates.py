"""What may be shown of other files: some lines of one, how well they were judged, and why.

It does not know how they are found nor which of them are chosen.
"""

import re
from dataclasses import dataclass

from plt_lsp.context.report import Source

MAX_CHUNK_CHARS = 800
MAX_CHUNK_LINES = 24
MAX_LINE_CHARS = 240

_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Lines of another file, or lines that stand for some.

    Attributes:
        source: how they were found.
        path: of the file.
        first: the row that they begin with.
        name: of what they are, which stays the same as long as they mean the same.
        text: whole lines, each with a line feed.
        score: how well they were judged, in (0, 1].
        why: they may help.
    """

    source: Source
    path: str
    first: int
    name: str
    text: str
    score: float
    why: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is called from one choice to the next."""
        return self.source.value, self.path, self.name


def words_of(text: str) -> frozenset[str]:
    """The identifiers of a text that have three characters or more."""
    return frozenset(_IDENTIFIER.findall(text))


def overlap(some: frozenset[str], others: frozenset[str]) -> float:
    """Jaccard's measure: the share of the words of either that both have."""
    num_common = len(some & others)
    return num_common / (len(some) + len(others) - num_common) if num_common else 0.0

"""Pieces of other files that use the same identifiers as the code around the cursor, the rarer the better.

It cuts files into pieces of whole lines and compares words; it does not know languages.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from plt_lsp.context.candidates import MAX_CHUNK_CHARS, MAX_LINE_CHARS, Candidate, words_of
from plt_lsp.context.report import Source
from plt_lsp.documents import content_of

MIN_PIECE_LINES = 4
WANTED_PIECE_LINES = 8
MAX_PIECE_LINES = 20
# How the weighted share of common words becomes a score, and the most that likeness alone is worth.
SCALE = 1.5
MOST = 0.9
MAX_FILES_KEPT = 64
MAX_LINES_OF_A_FILE = 5000


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a file: the first row, the text with line feeds, and its identifiers."""

    first: int
    text: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class LikelyFile:
    """A file whose pieces are compared.

    Attributes:
        path: of it.
        lines: of it.
        weight: how much likeness counts in it, in (0, 1].
        why: it is looked at.
        source: as which its pieces are reported.
    """

    path: str
    lines: tuple[str, ...]
    weight: float
    why: str
    source: Source = Source.SIMILAR


def similar_candidates(wanted: frozenset[str], files: Sequence[LikelyFile]) -> Iterator[Candidate]:
    """Every piece that has words in common with what is wanted, scored by their weight among all words of both."""
    pieces = [(file, piece) for file in files for piece in pieces_of(file.lines)]
    rarity = rarities(piece.words for _, piece in pieces)
    total = sum(rarity.get(word, 0.0) for word in wanted)
    for file, piece in pieces:
        common = sum(rarity[word] for word in piece.words & wanted)
        if common > 0.0:
            share = common / (total + sum(rarity[word] for word in piece.words) - common)
            score = min(MOST, SCALE * share) * file.weight
            why = f"{file.why}; {share:.0%} of the words in common, by rarity"
            yield Candidate(file.source, file.path, piece.first, piece.text, piece.text, score, why)


def rarities(texts: Iterable[frozenset[str]]) -> Mapping[str, float]:
    """How much each word says: the logarithm of how few texts have it (idf, Robertson and Sparck Jones)."""
    all_ = list(texts)
    counts = Counter(word for words in all_ for word in words)
    return {word: log(1 + (len(all_) - number + 0.5) / (number + 0.5)) for word, number in counts.items()}


@lru_cache(maxsize=MAX_FILES_KEPT)
def pieces_of(lines: tuple[str, ...]) -> tuple[Piece, ...]:
    """A file in pieces that begin and end where blank lines stand, as far as their size allows."""
    found: list[Piece] = []
    first = 0
    for end in _ends(lines[:MAX_LINES_OF_A_FILE]):
        piece = _piece(lines, first, end)
        if piece is not None:
            found.append(piece)
        first = end
    return tuple(found)


def _ends(lines: Sequence[str]) -> Iterator[int]:
    """The rows behind the pieces."""
    first, num_chars = 0, 0
    for row, line in enumerate(lines):
        num_lines = row - first
        is_full = num_lines >= MAX_PIECE_LINES or num_chars + len(line) > MAX_CHUNK_CHARS
        if num_lines and (is_full or (num_lines >= WANTED_PIECE_LINES and _begins_something(lines, row))):
            yield row
            first, num_chars = row, 0
        num_chars += len(line)
    if len(lines) > first:
        yield len(lines)


def _begins_something(lines: Sequence[str], row: int) -> bool:
    return bool(lines[row].strip()) and not lines[row - 1].strip()


def _piece(lines: Sequence[str], first: int, end: int) -> Piece | None:
    while first < end and not lines[first].strip():
        first += 1
    while end > first and not lines[end - 1].strip():
        end -= 1
    rows = [content_of(line) for line in lines[first:end]]
    if len(rows) < MIN_PIECE_LINES or any(len(row) > MAX_LINE_CHARS for row in rows):
        return None
    text = "".join(f"{row}\n" for row in rows)
    return Piece(first, text, words_of(text)) if len(text) <= MAX_CHUNK_CHARS else None

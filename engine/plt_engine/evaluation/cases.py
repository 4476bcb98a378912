"""The cases that packs are measured on, drawn from held-out files by a seed: pieces, cursors and block bodies.

It knows files and texts; what is generated at a case is not its business.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from plt_engine.training.cuts import MAX_MIDDLE_CHARS, NODE_BLOCKS, parser_for, walk
from plt_engine.training.sources import SourceFile

PIECE_CHARS = 2048
PREFIX_CHARS, SUFFIX_CHARS = 1500, 600
MIN_EXPECTED, MAX_EXPECTED = 3, 100
LANGUAGES = ("python", "typescript")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file, for bits per byte."""

    file: SourceFile
    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a file, text[start:end] in characters, that is to be written anew; `kind` says how it was chosen."""

    file: SourceFile
    kind: str
    start: int
    end: int

    @property
    def expected(self) -> str:
        """What stands there."""
        return self.file.text[self.start : self.end]

    @property
    def prefix(self) -> str:
        """Up to PREFIX_CHARS before it, from the start of a line, as the server's prompts begin."""
        first = max(0, self.start - PREFIX_CHARS)
        text = self.file.text[first : self.start]
        return text if first == 0 else text[text.find("\n") + 1 :]

    @property
    def suffix(self) -> str:
        """Up to SUFFIX_CHARS after it."""
        return self.file.text[self.end : self.end + SUFFIX_CHARS]

    def filled_with(self, text: str) -> str:
        """The whole file with another text in this place."""
        return self.file.text[: self.start] + text + self.file.text[self.end :]


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """How many cases of each sort are drawn in all."""

    pieces: int
    cursors: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of one evaluation."""

    pieces: tuple[Piece, ...]
    cursors: tuple[Hole, ...]
    blocks: tuple[Hole, ...]


def draw_cases(files: Sequence[SourceFile], counts: CaseCounts, seed: int) -> Cases:
    """Draw the cases; every package has the same weight, so that none with many files decides the figures."""
    usable = [file for file in files if file.language in LANGUAGES]
    return Cases(
        pieces=tuple(_draw(usable, _piece, counts.pieces, Random(f"pieces:{seed}"))),
        cursors=tuple(_draw(usable, _cursor, counts.cursors, Random(f"cursors:{seed}"))),
        blocks=tuple(_draw(usable, _block, counts.blocks, Random(f"blocks:{seed}"))),
    )


Case = TypeVar("Case")


def _draw(
    files: Sequence[SourceFile], take: Callable[[SourceFile, Random], Case | None], count: int, rng: Random
) -> Iterator[Case]:
    by_package: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_package[file.package].append(file)
    packages = sorted(by_package)
    for i in range(count):
        for _ in range(50):
            case = take(rng.choice(by_package[packages[i % len(packages)]]), rng)
            if case is not None:
                yield case
                break


def _piece(file: SourceFile, rng: Random) -> Piece | None:
    start = rng.randrange(max(1, len(file.text) - PIECE_CHARS))
    start = file.text.rfind("\n", 0, start) + 1
    text = file.text[start : start + PIECE_CHARS]
    return Piece(file, text) if len(text) > PIECE_CHARS // 4 else None


CURSORS = {
    "line start": re.compile(r"(?<=^)[ \t]*(?=\S)", re.MULTILINE),
    "after .": re.compile(r"(?<=\w\.)(?=\w)"),
    "after (": re.compile(r"(?<=\w\()(?=[\w\"'])"),
    "after =": re.compile(r"(?<= = )(?=\S)"),
    "in a name": re.compile(r"(?<=\b\w\w)(?=\w{3})"),
}


def _cursor(file: SourceFile, rng: Random) -> Hole | None:
    kind = rng.choice(tuple(CURSORS))
    places = [found.end() for found in CURSORS[kind].finditer(file.text)]
    if not places:
        return None
    start = rng.choice(places)
    end = file.text.find("\n", start)
    end = len(file.text) if end < 0 else end
    end = start + len(file.text[start:end].rstrip())
    return Hole(file, kind, start, end) if MIN_EXPECTED <= end - start <= MAX_EXPECTED else None


def _block(file: SourceFile, rng: Random) -> Hole | None:
    parser = parser_for(file.language)
    if parser is None:
        return None
    data = file.text.encode()
    spans = []
    for node in walk(parser.parse(data).root_node):
        inner = node.named_children
        if node.type in NODE_BLOCKS and inner and not node.has_error:
            spans.append((inner[0].start_byte, inner[-1].end_byte))
    spans = [(start, end) for start, end in spans if 20 < end - start <= MAX_MIDDLE_CHARS // 2]
    if not spans:
        return None
    start, end = rng.choice(spans)
    return Hole(file, "block", len(data[:start].decode()), len(data[:end].decode()))

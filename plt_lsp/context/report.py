"""What the model is shown and why: the parts of a prompt, in its order, with a table for people to read.

It does not know how a part is found, nor how its tokens are counted.
"""

from dataclasses import dataclass
from enum import StrEnum

from plt_engine.types import Prompt


class Source(StrEnum):
    """Where a part comes from."""

    DEFINITIONS = "definitions"  # of other files, that are used here
    PAIR = "pair"  # the test of this file
    SIMILAR = "similar"  # pieces of other files that use the same names
    EDIT = "edit"  # what was edited lately elsewhere
    IMPORTS = "imports"
    SIBLINGS = "siblings"  # what stands beside what the cursor is in, without bodies
    HEADERS = "headers"  # of what the first shown line is in
    MARK = "mark"  # for the rows that are left out
    WINDOW = "before"  # the lines before the cursor
    SUFFIX = "after"  # the lines after the cursor


# These are of other files; the others are of the cursor's own.
OTHER_FILES = frozenset({Source.DEFINITIONS, Source.PAIR, Source.SIMILAR, Source.EDIT})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what the model is shown.

    Attributes:
        source: where it comes from.
        place: the rows of the file, or the other file.
        num_chars: of its text.
        score: how well it was judged, where it was chosen among others for that; else None.
        why: it is there, or why it is not more.
        num_tokens: that the model makes of it, once they are counted.
    """

    source: Source
    place: str
    num_chars: int
    score: float | None
    why: str
    num_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ContextReport:
    """The parts of a prompt, in its order.

    Attributes:
        parts: that are there.
        max_prefix_chars: the budget for what stands before the cursor.
        max_suffix_chars: the budget for what stands after it.
        max_chunk_chars: the budget for what is shown of other files.
        uncounted: why no tokens were counted, or an empty text.
    """

    parts: tuple[Part, ...]
    max_prefix_chars: int
    max_suffix_chars: int
    max_chunk_chars: int = 0
    uncounted: str = ""

    def table(self) -> str:
        """A line for each part."""
        columns = {
            "part": [part.source.value for part in self.parts],
            "place": [part.place for part in self.parts],
            "chars": [f"{part.num_chars}" for part in self.parts],
            "tokens": [f"{part.num_tokens}" for part in self.parts if part.num_tokens is not None],
            "score": ["-" if part.score is None else f"{part.score:.2f}" for part in self.parts],
        }
        head, cells = zip(*((name, column) for name, column in columns.items() if column), strict=True)
        rows = list(zip(*cells, strict=True))
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        lines = [
            "  ".join((*map(str.ljust, one[:2], widths[:2]), *map(str.rjust, one[2:], widths[2:]), why))
            for one, why in zip((head, *rows), ("why", *(part.why for part in self.parts)), strict=True)
        ]
        others = sum(part.num_chars for part in self.parts if part.source in OTHER_FILES)
        after = sum(part.num_chars for part in self.parts if part.source is Source.SUFFIX)
        before = sum(part.num_chars for part in self.parts) - others - after
        budget = (
            f"{before} of at most {self.max_prefix_chars} characters before the cursor, "
            f"{after} of at most {self.max_suffix_chars} after it"
        )
        if others:
            budget += f", {others} of at most {self.max_chunk_chars} of other files"
        uncounted = [f"the tokens are not counted: {self.uncounted}"] if self.uncounted else []
        return "\n".join([*(line.rstrip() for line in lines), budget, *uncounted])


@dataclass(frozen=True, slots=True)
class Context:
    """A prompt and what it is made of."""

    prompt: Prompt
    report: ContextReport

    def texts(self) -> list[str]:
        """The text of each part of the report."""
        chunks, before = iter(self.prompt.chunks), self.prompt.prefix
        found, start = [], 0
        for part in self.report.parts:
            if part.source in OTHER_FILES:
                found.append(next(chunks).text)
            elif part.source is Source.SUFFIX:
                found.append(self.prompt.suffix)
            else:
                found.append(before[start : start + part.num_chars])
                start += part.num_chars
        return found

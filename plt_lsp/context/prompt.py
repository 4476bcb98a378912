"""The prompt for a snapshot: the text around the cursor, within a budget of characters, and what it is made of.

It does not know tokens; the engine shortens further where the model's context is smaller.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from plt_engine.types import FileChunk, Prompt
from plt_lsp.context.cross_file import Selection
from plt_lsp.context.in_file import Head, head_before, suffix_after
from plt_lsp.context.masking import masked, masked_snapshot
from plt_lsp.context.report import Context, ContextReport, Part, Source
from plt_lsp.documents import split_lines
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline_types import Outline

WINDOW_STEPS = 4

_WHY = {
    Source.IMPORTS: "what the file imports",
    Source.SIBLINGS: "beside what the cursor is in, without bodies",
    Source.HEADERS: "what the first shown line is in",
}


def build_prompt(snapshot: Snapshot, outline: Outline | None = None, others: Selection | None = None) -> Prompt:
    """What the model is shown for a snapshot, with line feeds as line ends, in whole characters.

    Args:
        snapshot: to show.
        outline: of its lines, where the text does not fit whole; without one, the lines around the cursor are shown.
        others: what is shown of other files, if anything is.
    """
    return context_of(snapshot, outline, others).prompt


def fits_whole(snapshot: Snapshot) -> bool:
    """Whether the whole text is shown, so that no outline of it is needed."""
    budget = snapshot.settings.context
    num_before = sum(map(len, snapshot.lines[: snapshot.cursor.line])) + snapshot.cursor.column
    num_after = sum(map(len, snapshot.lines[snapshot.cursor.line :])) - snapshot.cursor.column
    return num_before <= budget.max_prefix_chars and num_after <= budget.max_suffix_chars


def context_of(snapshot: Snapshot, outline: Outline | None = None, others: Selection | None = None) -> Context:
    """The prompt with what it is made of, without secrets."""
    snapshot = masked_snapshot(snapshot)
    budget = snapshot.settings.context
    is_of_several = bool(snapshot.lines_before or snapshot.lines_after)
    is_known = outline is not None and bool(outline.definitions or outline.imports) and not is_of_several
    known = outline if is_known else None
    after, suffix_end = _after(snapshot, known)
    before = _before(snapshot, known, suffix_end)
    others = others or Selection()
    parts = tuple(part for part in (*others.parts, *before.parts, *after.parts) if part.num_chars)
    report = ContextReport(parts, budget.max_prefix_chars, budget.max_suffix_chars, budget.max_chunk_chars)
    chunks = tuple(FileChunk(chunk.path, plain(chunk.text)) for chunk in others.chunks)
    return Context(Prompt(before.text, after.text, snapshot.path, chunks, others.repo_name), report)


@dataclass(frozen=True, slots=True)
class _Shown:
    """One side of the cursor, and what it is made of."""

    text: str
    parts: tuple[Part, ...]


def _before(snapshot: Snapshot, outline: Outline | None, suffix_end: int) -> _Shown:
    (line, column), max_chars = snapshot.cursor, snapshot.settings.context.max_prefix_chars
    lines = (*snapshot.lines_before, *snapshot.lines[:line], snapshot.lines[line][:column])
    is_whole = sum(map(len, lines)) <= max_chars
    head = None
    if outline is not None and not is_whole:
        head = head_before(snapshot.lines, snapshot.cursor, outline, max_chars, suffix_end)
    if head is not None:
        window = plain("".join(lines[head.start :]))
        return _Shown(
            plain(masked(head.text)) + window, (*_parts_of(head), _window(window, head.start, line, "the lines above"))
        )
    text = prefix_window(lines, max_chars)
    first = line - len(split_lines(text)) + 1 if lines else line
    why = "all of it" if is_whole else "the lines above"
    return _Shown(plain(text), (_window(plain(text), max(0, first), line, why),))


def _after(snapshot: Snapshot, outline: Outline | None) -> tuple[_Shown, int]:
    """What stands behind the cursor, and the last row of it."""
    (line, column), max_chars = snapshot.cursor, snapshot.settings.context.max_suffix_chars
    if outline is not None:
        found, last = suffix_after(snapshot.lines, snapshot.cursor, outline, max_chars)
        text, why = plain(masked("".join(found))), "what follows; bodies beside what the cursor is in are left out"
        is_whole = len(found) == len(snapshot.lines) - line
    else:
        lines = (snapshot.lines[line][column:], *snapshot.lines[line + 1 :], *snapshot.lines_after)
        window = suffix_window(lines, max_chars)
        last, why = line + max(0, len(split_lines(window)) - 1), "the lines below"
        text, is_whole = plain(window), sum(map(len, lines)) <= max_chars
    part = Part(Source.SUFFIX, _place(line, last), len(text), None, "all of it" if is_whole else why)
    return _Shown(text, (part,)), last


def _window(text: str, first: int, last: int, why: str) -> Part:
    return Part(Source.WINDOW, _place(first, last), len(text), None, why)


def _parts_of(head: Head) -> Iterator[Part]:
    """The parts of a head; pieces that come from one source one behind the other are one part."""
    for source, group in groupby(head.pieces, lambda piece: piece.source):
        pieces = list(group)
        num_chars = sum(len(piece.text) for piece in pieces)
        places = _place(pieces[0].rows.first, pieces[-1].rows.last)
        yield Part(source, places, num_chars, None, f"{_WHY[source]} ({len(pieces)})")
    if head.mark:
        yield Part(Source.MARK, "", len(head.mark), None, "rows are left out here")


def _place(first: int, last: int) -> str:
    return f"line {first + 1}" if first == last else f"lines {first + 1} to {last + 1}"


def prefix_window(lines: Sequence[str], max_chars: int) -> str:
    """The end of the text, at most `max_chars` long, beginning with a line where it can.

    The window's start moves in steps of a part of its size, not with every character, so that the engine finds the
    same prompt again while the user types.
    """
    total = sum(map(len, lines))
    surplus = total - max_chars
    if surplus <= 0:
        return "".join(lines)
    step = max(1, max_chars // WINDOW_STEPS)
    start = -(-surplus // step) * step
    return _from_next_line(lines, start, max_chars)


def _from_next_line(lines: Sequence[str], start: int, max_chars: int) -> str:
    for i, end in enumerate(accumulate(map(len, lines))):
        if end >= start and i + 1 < len(lines):
            return "".join(lines[i + 1 :])
    return lines[-1] if len(lines[-1]) <= max_chars else "".join(lines)[start:]


def suffix_window(lines: Sequence[str], max_chars: int) -> str:
    """The beginning of the text, at most `max_chars` long, ending with a line where it can."""
    kept: list[str] = []
    room = max_chars
    for line in lines:
        if len(line) > room:
            break
        kept.append(line)
        room -= len(line)
    return "".join(kept) if kept or not lines else lines[0][:max_chars]


def plain(text: str) -> str:
    """The text with line feeds as its only line ends and half surrogate pairs replaced, as a tokenizer can take it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

"""What of a document may be shown: its lines, every secret covered by a word that is as long as it.

So places, lengths and line ends stay what they are in the editor, and nothing else has to know. It does not know which
lines are shown in the end.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate

from plt_lsp.context.secrets import REDACTED, Secret, find_secrets, private_keys
from plt_lsp.snapshot import Snapshot

Span = tuple[int, int]
PRIVATE_KEY = "PRIVATE KEY"
# Where a string is being typed, the quote that ends it is not there yet.
_QUOTES = ('"', "'", "`")


def masked_snapshot(snapshot: Snapshot) -> Snapshot:
    """A snapshot whose lines show no secret, as far as the settings' budget can reach without leaving rows out."""
    budget, (row, column) = snapshot.settings.context, snapshot.cursor
    num_before, num_lines = len(snapshot.lines_before), len(snapshot.lines)
    lines = _without_keys((*snapshot.lines_before, *snapshot.lines, *snapshot.lines_after))
    at = num_before + row
    first, last = _reach(lines, at, budget.max_prefix_chars, budget.max_suffix_chars)
    around = (
        *_masked_rows(lines[first:at]),
        _masked_line(lines[at], column),
        *_masked_rows(lines[at + 1 : last]),
    )
    shown = (*lines[:first], *around, *lines[last:])
    return replace(
        snapshot,
        lines_before=shown[:num_before],
        lines=shown[num_before : num_before + num_lines],
        lines_after=shown[num_before + num_lines :],
    )


@lru_cache(maxsize=64)
def masked(text: str) -> str:
    """A text with every secret covered; as long as it was, with the same line ends."""
    return _covered(text, _spans(find_secrets(text)))


def _spans(secrets: Iterable[Secret]) -> list[Span]:
    return [(secret.start, secret.end) for secret in secrets]


def _covered(text: str, spans: Iterable[Span]) -> str:
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], _cover(text[start:end])]
        done = end
    return "".join([*parts, text[done:]]) if parts else text


def _cover(secret: str) -> str:
    return re.sub(r"[^\r\n]+", lambda found: (REDACTED * (len(found[0]) // len(REDACTED) + 1))[: len(found[0])], secret)


def _without_keys(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines without private keys, the only secrets that go over several."""
    text = "".join(lines)
    if PRIVATE_KEY not in text:
        return lines
    return _cut_as(_covered(text, _spans(private_keys(text))), lines)


def _masked_rows(lines: Sequence[str]) -> Iterator[str]:
    text = "".join(lines)
    shown = masked(text)
    return iter(lines) if shown is text else iter(_cut_as(shown, lines))


def _cut_as(text: str, lines: Sequence[str]) -> tuple[str, ...]:
    """A text cut into pieces as long as these."""
    ends = list(accumulate(map(len, lines)))
    return tuple(text[end - len(line) : end] for end, line in zip(ends, lines, strict=True))


def _masked_line(line: str, column: int) -> str:
    """The cursor's line; what is being typed before the cursor counts as ended there."""
    before = line[:column]
    found = [*find_secrets(line), *(one for end in _endings(before) for one in find_secrets(before + end))]
    return _covered(line, _merged((one.start, min(one.end, len(line))) for one in found))


def _endings(before: str) -> Iterator[str]:
    """What may be going to end the text that is being typed: nothing, a quote, or the place behind a password."""
    yield ""
    yield from (quote for quote in _QUOTES if quote in before)
    if "://" in before and not before.rpartition(":")[2].isdecimal():  # figures alone are a port
        yield "@host"


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The same places as spans of which none touches another."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _reach(lines: Sequence[str], at: int, max_before: int, max_after: int) -> tuple[int, int]:
    """The rows that a budget can reach from a row, as far as they are shown one after the other: from, and up to."""
    first, room = at, max_before
    while first > 0 and room > 0:
        first -= 1
        room -= len(lines[first])
    last, room = at + 1, max_after
    while last < len(lines) and room > 0:
        room -= len(lines[last])
        last += 1
    return first, last

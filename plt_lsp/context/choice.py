"""Which candidates are shown, and in which order: the best that fit, unlike each other, and mostly those of before.

What the model has read already it need not read again, so that what was chosen stays until something is clearly
better. The same candidates and the same earlier choice give the same choice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from plt_lsp.context.candidates import MAX_CHUNK_CHARS, MAX_CHUNK_LINES, Candidate, overlap, words_of
from plt_lsp.context.report import Source

# What is worse than this is not worth its reading.
MIN_SCORE = 0.3
# What was chosen counts so many times its score.
STICKINESS = 1.5
# What is new must be worth this much for the model to read everything behind it again.
MIN_NEW_SCORE = 0.5
MAX_OVERLAP = 0.5

# Those that change least stand first.
_ORDER = (Source.DEFINITIONS, Source.PAIR, Source.SIMILAR, Source.EDIT)

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is shown, in order.

    Attributes:
        groups: the candidates of each chunk.
        place: the definitions that the cursor was in when it was made, by their names.
    """

    groups: tuple[tuple[Candidate, ...], ...] = ()
    place: tuple[str, ...] | None = None

    @property
    def keys(self) -> frozenset[Key]:
        """What the chosen candidates are called."""
        return frozenset(one.key for group in self.groups for one in group)


def choose(
    candidates: Iterable[Candidate], window: frozenset[str], max_chars: int, place: tuple[str, ...], kept: Choice
) -> Choice:
    """The best candidates that fit.

    Args:
        candidates: of which some may be the same.
        window: the identifiers around the cursor; what is more than half like it only has the model repeat it.
        max_chars: for all chunks with their paths.
        place: the definitions that the cursor is in, by their names.
        kept: the choice before.
    """
    keys = kept.keys
    is_settled = bool(keys) and place == kept.place

    def worth(one: Candidate) -> float:
        return one.score * STICKINESS if one.key in keys else one.score

    def is_worth_it(one: Candidate) -> bool:
        if one.key in keys:
            return worth(one) >= MIN_SCORE
        return one.score >= (MIN_NEW_SCORE if is_settled else MIN_SCORE)

    ranked = sorted(filter(is_worth_it, candidates), key=lambda one: (-worth(one), len(one.text), one.key, one.first))
    return Choice(_ordered(_fitting(ranked, window, max_chars), kept), place)


def _fitting(ranked: Iterable[Candidate], window: frozenset[str], max_chars: int) -> dict[Key, list[Candidate]]:
    """The first candidates that fit and are unlike the window and those before them, by the chunk they belong to."""
    chunks: dict[Key, list[Candidate]] = {}
    seen: set[Key] = set()
    pieces: list[frozenset[str]] = []
    room = max_chars
    for one in ranked:
        group = chunks.get(chunk_of(one), [])
        cost = len(one.text) + (0 if group else len(one.path) + 1)
        if one.key in seen or cost > room or not _has_room(group, one):
            continue
        if one.source is not Source.DEFINITIONS:
            words = words_of(one.text)
            if any(overlap(words, other) > MAX_OVERLAP for other in (window, *pieces)):
                continue
            pieces.append(words)
        seen.add(one.key)
        chunks.setdefault(chunk_of(one), []).append(one)
        room -= cost
    return chunks


def chunk_of(one: Candidate) -> Key:
    """What the chunk of a candidate is called: definitions of one file stand together."""
    return (one.source.value, one.path, "" if one.source is Source.DEFINITIONS else one.name)


def _has_room(group: Sequence[Candidate], one: Candidate) -> bool:
    texts = [*(other.text for other in group), one.text]
    return sum(map(len, texts)) <= MAX_CHUNK_CHARS and sum(text.count("\n") for text in texts) <= MAX_CHUNK_LINES


def _ordered(chunks: dict[Key, list[Candidate]], kept: Choice) -> tuple[tuple[Candidate, ...], ...]:
    """The chunks of before in their order, those that are as they were first; then the new ones, most stable first."""
    before = {chunk_of(group[0]): i for i, group in enumerate(kept.groups)}

    def place(key: Key) -> tuple[int, int, Key]:
        stability = _ORDER.index(chunks[key][0].source)
        return (before[key], 0, key) if key in before else (len(before), stability, key)

    return tuple(tuple(sorted(chunks[key], key=lambda one: (one.first, one.name))) for key in sorted(chunks, key=place))


def texts_of(groups: Iterable[Sequence[Candidate]]) -> Iterator[tuple[str, str]]:
    """The path and the text of each chunk."""
    for group in groups:
        yield group[0].path, "".join(one.text for one in group)

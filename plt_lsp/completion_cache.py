"""Type-through: texts that were generated for a place answer for the places that their own characters lead to.

A document that differs from a text's own by nothing but its first characters, typed at its cursor, is served with the
rest, whether the engine has finished it or not. It knows neither the engine nor the protocol.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from plt_lsp.auto_closing import before_closer, closers_due
from plt_lsp.positions import Cursor
from plt_lsp.snapshot import Snapshot

LOOK_BACK_CHARS = 128
# So many brackets and quotes an editor may have closed of itself.
MAX_CLOSERS = 3
MAX_TEXTS_OF_A_DOCUMENT = 8
MAX_DOCUMENTS = 32


class GrowingText(Protocol):
    """What is kept: a text for a place, finished or still growing.

    Attributes:
        base: the document and cursor that it was asked for.
        key: what else it depends on: settings, model and context.
    """

    base: Snapshot
    key: object

    @property
    def text(self) -> str:
        """What there is to offer so far."""

    @property
    def raw(self) -> str:
        """What the model has said so far."""

    @property
    def is_over(self) -> bool:
        """Whether it grows no more."""

    def stop(self) -> None:
        """Have it grow no more."""


T = TypeVar("T", bound=GrowingText)


class Typed(NamedTuple):
    """What was typed, and which closers the editor has put behind the cursor meanwhile."""

    text: str
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Hit(Generic[T]):
    """A kept text, how much of it stands before the cursor already, and which closers the editor put behind that."""

    found: T
    typed: str
    closed: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether something is left of the text, or may still come."""
        return goes_on(self.found, self.typed)

    def rest_of(self, text: str) -> str:
        """What is left of the text, or of its beginning, to be offered; nothing where something else was typed."""
        rest = text[len(self.typed) :] if text.startswith(self.typed) else ""
        return before_closer(rest, self.typed, self.closed)


class CompletionCache(Generic[T]):
    """The last texts of each document; at most one of a document grows."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, deque[T]] = OrderedDict()

    def add(self, new: T) -> None:
        """Keep a text, in place of the document's growing one, which is stopped."""
        session_id = new.base.session_id
        self.stop(session_id)
        self._texts.setdefault(session_id, deque(maxlen=MAX_TEXTS_OF_A_DOCUMENT)).appendleft(new)
        self._texts.move_to_end(session_id)
        while len(self._texts) > MAX_DOCUMENTS:
            self.forget(next(iter(self._texts)))

    def add_behind(self, others: Sequence[T]) -> None:
        """Keep finished texts for the place of the document's newest one, to be found where that does not go on."""
        for other in reversed(others):
            kept = self._texts.get(other.base.session_id)
            if kept:
                newest = kept.popleft()
                kept.extendleft((other, newest))

    def find(self, snapshot: Snapshot, key: object) -> Hit[T] | None:
        """The newest text that goes on from the snapshot's cursor."""
        for kept in self._texts.get(snapshot.session_id, ()):
            if kept.key != key:
                continue
            hits = (Hit(kept, *typed) for typed in typed_since(kept.base, snapshot.lines, snapshot.cursor))
            if (hit := next((hit for hit in hits if hit.goes_on), None)) is not None:
                return hit
        return None

    def follow(self, session_id: str, lines: tuple[str, ...]) -> None:
        """The document has changed: what grows is stopped unless the change is a part of it."""

        def is_left(text: T) -> bool:
            return not any(goes_on(text, typed) for typed, _ in typed_since(text.base, lines))

        self._stop_where(session_id, is_left)

    def stop(self, session_id: str) -> None:
        """Nothing of the document is to grow any more; what is finished is kept."""
        self._stop_where(session_id, lambda _: True)

    def _stop_where(self, session_id: str, is_unwanted: Callable[[T], bool]) -> None:
        kept = self._texts.get(session_id, deque[T]())
        for text in [text for text in kept if not text.is_over and is_unwanted(text)]:
            kept.remove(text)  # half a text is none
            text.stop()

    def forget(self, session_id: str) -> None:
        """Keep nothing of a document."""
        self.stop(session_id)
        self._texts.pop(session_id, None)


def goes_on(kept: GrowingText, typed: str) -> bool:
    """Whether something is left of a text, or may still come, once so much of it was typed."""
    if kept.is_over:
        return len(typed) < len(kept.text) and kept.text.startswith(typed)
    return kept.raw.startswith(typed) or typed.startswith(kept.raw)


def typed_since(base: Snapshot, lines: Sequence[str], cursor: Cursor | None = None) -> list[Typed]:
    """What may have been typed at the base's cursor to come to these lines; nothing where more than that happened.

    Args:
        base: the document and cursor before.
        lines: a tuple of the document's lines now.
        cursor: where the cursor must stand now, which is behind what was typed; None where that is not known.
    """
    first, column = base.cursor
    last = first + len(lines) - len(base.lines)
    if last < first or lines[:first] != base.lines[:first] or lines[last + 1 :] != base.lines[first + 1 :]:
        return []
    head, tail = base.lines[first][:column], base.lines[first][column:]
    middle = "".join(lines[first : last + 1])
    end = len(lines[last]) - len(tail)
    if len(middle) < len(head) + len(tail) or not (middle.startswith(head) and lines[last].endswith(tail)):
        return []
    inserted = middle[len(head) : len(middle) - len(tail)]
    if len(inserted) > LOOK_BACK_CHARS:
        return []
    found = _readings(inserted.replace("\r\n", "\n").replace("\r", "\n"))
    return [typed for typed in found if cursor is None or cursor == (last, end - len(typed.closed))]


def _readings(inserted: str) -> Iterator[Typed]:
    yield Typed(inserted)
    for num in range(1, min(MAX_CLOSERS, len(inserted) - 1) + 1):
        typed = Typed(inserted[:-num], inserted[-num:])
        if closers_due(typed.text).startswith(typed.closed):
            yield typed

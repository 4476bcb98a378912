"""What the user has lately done to a document: how fast it is typed into, and whether text is taken away or put back.

It knows changes and the clock's readings that it is given, and never the text itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from plt_lsp.documents import Change, Edit

# A longer pause is no typing speed: the user was thinking.
MAX_INTERVAL_MS = 1_500.0
# How much the newest interval counts in the mean.
NEWEST_WEIGHT = 0.3
NUM_KEPT_STATES = 50
# A key press adds a character, and often the bracket or quote that closes it.
MAX_KEYSTROKE_CHARS = 2


@dataclass(frozen=True, slots=True)
class Activity:
    """The user's doings in one document.

    Attributes:
        last_edit_ms: the clock's reading at the last change, or None before the first.
        interval_ms: the mean time between key presses of late, or None while there are too few.
        is_deleting: whether the last change only took text away.
        is_undoing: whether the last change led back to a text that was there before, but by no single key press.
        states: fingerprints of the last texts, the newest last.
    """

    last_edit_ms: float | None = None
    interval_ms: float | None = None
    is_deleting: bool = False
    is_undoing: bool = False
    states: tuple[int, ...] = ()

    def after(self, changes: Sequence[Change], fingerprint: int, now_ms: float) -> "Activity":
        """The activity once a batch of changes has led to the text with this fingerprint."""
        is_keystroke = len(changes) > 0 and all(_is_keystroke(change) for change in changes)
        return replace(
            self,
            last_edit_ms=now_ms,
            interval_ms=self._mean_interval(now_ms),
            is_deleting=len(changes) > 0 and all(_only_deletes(change) for change in changes),
            is_undoing=fingerprint in self.states and not is_keystroke,
            states=(*self.states, fingerprint)[-NUM_KEPT_STATES:],
        )

    def _mean_interval(self, now_ms: float) -> float | None:
        if self.last_edit_ms is None:
            return None
        newest = now_ms - self.last_edit_ms
        if newest > MAX_INTERVAL_MS:
            return None
        return newest if self.interval_ms is None else self.interval_ms + NEWEST_WEIGHT * (newest - self.interval_ms)


def _only_deletes(change: Change) -> bool:
    return isinstance(change, Edit) and not change.text and change.start != change.end


def _is_keystroke(change: Change) -> bool:
    is_insertion = isinstance(change, Edit) and change.start == change.end
    return is_insertion and 0 < len(change.text) <= MAX_KEYSTROKE_CHARS

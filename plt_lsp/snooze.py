"""A pause of the completions that come while typing, until a time of day.

It follows the wall clock, which goes on while the machine sleeps, and does not know who asks for the pause or shows it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

MAX_MINUTES = 24 * 60


class Timer(Protocol):
    """Something that is going to happen."""

    def cancel(self) -> None:
        """Have it not happen; once is enough."""


CallLater = Callable[[float, Callable[[], None]], Timer]


def _now() -> datetime:
    return datetime.now().astimezone()


class Snooze:
    """The pause of one server.

    Args:
        on_change: called when it begins and when it ends.
        call_later: runs a function after so many seconds.
        now: the wall clock.
    """

    def __init__(
        self, on_change: Callable[[], None], call_later: CallLater, now: Callable[[], datetime] = _now
    ) -> None:
        self._on_change = on_change
        self._call_later = call_later
        self._now = now
        self._until: datetime | None = None
        self._timer: Timer | None = None

    @property
    def until(self) -> str | None:
        """The time of day at which it ends, as `14:05`; None where there is no pause."""
        if self._until is None or self._now() >= self._until:
            return None
        return f"{self._until:%H:%M}"

    def start(self, minutes: float) -> None:
        """Pause for so long from now, whatever was said before; no minutes at all end the pause.

        Raises:
            ValueError: there are no such minutes.
        """
        if not 0 <= minutes <= MAX_MINUTES:
            raise ValueError(f"A snooze of {minutes:g} minutes is not possible; it lasts 0 to {MAX_MINUTES}.")
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._until = None, None
        if minutes > 0:
            self._until = self._now() + timedelta(minutes=minutes)
            self._timer = self._call_later(60 * minutes, self._end)
        self._on_change()

    def _end(self) -> None:
        self.start(0)

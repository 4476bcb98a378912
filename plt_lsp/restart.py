"""When the engine process may be started again after it has died: a pure rule over times in milliseconds.

It does not know processes or clocks; the caller says what time it is.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The first restart is immediate; each further death in a row doubles the pause, up to a bound.

    Attributes:
        first_delay_ms: the pause after the second death in a row.
        max_delay_ms: no pause is longer.
        healthy_ms: a process that lived this long was no part of a row of deaths.
    """

    first_delay_ms: float = 1_000.0
    max_delay_ms: float = 60_000.0
    healthy_ms: float = 60_000.0

    def delay_ms(self, num_deaths: int) -> float:
        """The pause after so many deaths in a row."""
        if num_deaths < 2:
            return 0.0
        return min(self.first_delay_ms * 2.0 ** min(num_deaths - 2, 32), self.max_delay_ms)


@dataclass(frozen=True, slots=True)
class RestartState:
    """How many deaths stand in a row, and when the last process was started and died."""

    num_deaths: int = 0
    started_ms: float = 0.0
    died_ms: float = 0.0

    def started(self, now_ms: float) -> "RestartState":
        """A process was started."""
        return replace(self, started_ms=now_ms)

    def died(self, now_ms: float, policy: RestartPolicy) -> "RestartState":
        """The process died, or could not be started."""
        was_healthy = now_ms - self.started_ms >= policy.healthy_ms
        return replace(self, num_deaths=1 if was_healthy else self.num_deaths + 1, died_ms=now_ms)

    def wait_ms(self, now_ms: float, policy: RestartPolicy) -> float:
        """How long a start must still wait; 0 where it may happen now."""
        if self.num_deaths == 0:
            return 0.0
        return max(0.0, self.died_ms + policy.delay_ms(self.num_deaths) - now_ms)

"""Which request the one worker serves next, and which it stops for another: a pure policy.

It holds no thread, no clock and no tensor; whoever uses it guards it against use from two threads at once.

- Interactive goes before explanations, those before speculative, and that before warm-up; within a priority, first
  come, first served.
- The newest request of a session wins: what is as urgent or less and of the same session is stopped.
- A more urgent request stops a less urgent one that is running. What it has computed stays in its session.
- Nothing starves: a request that was passed over four times goes next. An explanation is none of these, since it would
  keep a completion waiting for seconds; typing has pauses.
"""

from dataclasses import dataclass

from plt_engine.types import Priority

MAX_PASSED_OVER = 4


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the scheduler knows of a request; sessions are told apart within their workspace."""

    request_id: str
    session: tuple[str, str]
    priority: Priority


class Scheduler:
    """The queue in front of one worker.

    Attributes:
        running: what the worker is busy with, or None.
    """

    def __init__(self) -> None:
        self.running: Ticket | None = None
        self._waiting: list[Ticket] = []
        self._num_passed_over: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def submit(self, ticket: Ticket) -> list[str]:
        """Queue a request; returns the ids of those to stop. A stopped one that waits is still handed out, to end."""
        stopped = [other.request_id for other in self._waiting if _supersedes(ticket, other)]
        running = self.running
        if running is not None and (_supersedes(ticket, running) or ticket.priority < running.priority):
            stopped.append(running.request_id)
        self._waiting.append(ticket)
        self._num_passed_over[ticket.request_id] = 0
        return stopped

    def next(self) -> Ticket | None:
        """Take the request to serve now; it runs until `finish`."""
        if not self._waiting:
            return None
        starving = [ticket for ticket in self._waiting if self._is_starving(ticket)]
        chosen = starving[0] if starving else min(self._waiting, key=lambda ticket: ticket.priority)
        for other in self._waiting[: self._waiting.index(chosen)]:
            self._num_passed_over[other.request_id] += 1
        self._waiting.remove(chosen)
        del self._num_passed_over[chosen.request_id]
        self.running = chosen
        return chosen

    def _is_starving(self, ticket: Ticket) -> bool:
        is_long = ticket.priority is Priority.EXPLANATION
        return not is_long and self._num_passed_over[ticket.request_id] >= MAX_PASSED_OVER

    def finish(self) -> None:
        """The worker is free."""
        self.running = None


def _supersedes(new: Ticket, old: Ticket) -> bool:
    return new.session == old.session and new.priority <= old.priority

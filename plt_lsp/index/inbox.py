"""What the index's process has been told and has not yet done; several threads write to it, one reads.

Paths that change are handed out together once no more of them come for a moment, since a switch of branches changes
thousands. It does not know what any of it means.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from plt_lsp.index.messages import Order

QUIET_S = 0.05
MAX_DELAY_S = 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done.

    Attributes:
        orders: of the server, in their order.
        paths: that have changed, each once.
        is_end: whether there is nobody to work for any more.
    """

    orders: tuple[Order, ...] = ()
    paths: tuple[str, ...] = ()
    is_end: bool = False


class Inbox:
    """Orders, which are due at once, and changed paths.

    Paths are due QUIET_S after the last of them, and no later than MAX_DELAY_S after the first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._orders: list[Order] = []
        self._paths: dict[str, None] = {}
        self._is_end = False
        self._first_s = 0.0
        self._last_s = 0.0

    def put(self, order: Order) -> None:
        """The server wants something."""
        with self._changed:
            self._orders.append(order)
            self._changed.notify()

    def add_paths(self, paths: Iterable[str]) -> None:
        """Something has changed at these paths."""
        with self._changed:
            self._last_s = self._clock()
            if not self._paths:
                self._first_s = self._last_s
            self._paths.update(dict.fromkeys(paths))
            self._changed.notify()

    def end(self) -> None:
        """The server has gone."""
        with self._changed:
            self._is_end = True
            self._changed.notify()

    def take(self, wait_s: float | None) -> Batch:
        """Everything that is due.

        Args:
            wait_s: how long to wait for something, or None for as long as it takes.
        """
        end_s = None if wait_s is None else self._clock() + wait_s
        with self._changed:
            while not self._is_due():
                now_s = self._clock()
                times = [time_s for time_s in (end_s, self._due_s()) if time_s is not None]
                if end_s is not None and now_s >= end_s:
                    return Batch()
                self._changed.wait(min(times) - now_s if times else None)
            return self._all()

    def _all(self) -> Batch:
        paths = tuple(self._paths) if self._paths_are_due() else ()
        batch = Batch(tuple(self._orders), paths, self._is_end)
        self._orders.clear()
        if paths:
            self._paths.clear()
        return batch

    def _is_due(self) -> bool:
        return self._is_end or bool(self._orders) or self._paths_are_due()

    def _paths_are_due(self) -> bool:
        due_s = self._due_s()
        return due_s is not None and self._clock() >= due_s

    def _due_s(self) -> float | None:
        return min(self._last_s + QUIET_S, self._first_s + MAX_DELAY_S) if self._paths else None

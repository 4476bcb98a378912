"""Runs at most one task for each key: the newest, which stops the one before.

It does not know what the tasks do, only that cancelling one stops it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from plt_lsp.reasons import EmptyReason

T = TypeVar("T")


class NewestWins:
    """The running tasks by key."""

    def __init__(self) -> None:
        self._stops: dict[str, asyncio.Future[EmptyReason]] = {}

    def __len__(self) -> int:
        return len(self._stops)

    def stop(self, key: str, reason: EmptyReason) -> None:
        """Stop the key's task, whose caller receives the reason at once."""
        stop = self._stops.pop(key, None)
        if stop is not None and not stop.done():
            stop.set_result(reason)

    async def run(self, key: str, work: Coroutine[Any, Any, T]) -> T | EmptyReason:
        """The result of the work, or the reason why it was stopped; a caller that is cancelled stops it too."""
        self.stop(key, EmptyReason.SUPERSEDED)
        stop = self._stops[key] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else stop.result()
        finally:
            task.cancel()
            if self._stops.get(key) is stop:
                del self._stops[key]

"""Has something announced after each change, no more often than editors can show it; the last state is never left out.

It does not know what is announced.
"""

import asyncio
from collections.abc import Awaitable, Callable

# Ten times a second is as often as anybody can read.
INTERVAL_S = 0.1


class Announcer:
    """Calls back after changes; changes that come close to each other are one."""

    def __init__(self, announce: Callable[[], Awaitable[None]], interval_s: float = INTERVAL_S) -> None:
        self._announce = announce
        self._interval_s = interval_s
        self._is_dirty = False
        self._task: asyncio.Task[None] | None = None

    def note_change(self) -> None:
        """Something may have changed; belongs to a running event loop."""
        self._is_dirty = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Announce nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._is_dirty:
            self._is_dirty = False
            await self._announce()
            await asyncio.sleep(self._interval_s)

"""A task that follows the session's condition for as long as the server lives.

It does not know what is done about a change.
"""

import asyncio
from abc import ABC, abstractmethod

from plt_lsp.session import ServerSession


class Follower(ABC):
    """One such task; belongs to one event loop, and does nothing before `begin`."""

    def __init__(self, session: ServerSession) -> None:
        self._session = session
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Follow from now on."""
        self._session.watch(self._changed.set)
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Follow nothing more."""
        if self._task is not None:
            self._task.cancel()

    @abstractmethod
    async def _run(self) -> None:
        """What goes on until it is cancelled; `_changed` is set with each change."""

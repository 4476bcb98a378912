"""A thread that does one piece of work after another for an event loop, and ends with the process.

It does not know what the work is; nobody has to wait for it.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class HelperThread:
    """The thread; it starts with the first piece of work.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def is_started(self) -> bool:
        """Whether there was any work."""
        return self._thread is not None

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have something done; the result, or what it raised, comes to the running event loop."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except Exception as error:  # it is raised where the result is awaited
                    future.set_exception(error)

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._work.put(run)
        return asyncio.wrap_future(future)

    def close(self) -> None:
        """Do nothing more behind what is waiting."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

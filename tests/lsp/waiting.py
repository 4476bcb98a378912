"""Waiting for something that another process does, bounded by the test's own timeout and by no clock of its own."""

import asyncio
from collections.abc import Callable

POLL_S = 0.005


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds."""
    while not condition():  # noqa: ASYNC110  (what is awaited happens in another process)
        await asyncio.sleep(POLL_S)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

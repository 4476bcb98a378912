"""Polling instead of sleeping: ask until the answer is right, and say what it was where it never became so.

It does not know what is asked.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT_S = 90.0
INTERVAL_S = 0.05


def wait_for(ask: Callable[[], T], is_right: Callable[[T], object] = bool, *, timeout_s: float = TIMEOUT_S) -> T:
    """The first answer that is right; raises AssertionError with the last answer after the time."""
    end = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if is_right(answer):
            return answer
        assert time.monotonic() < end, f"after {timeout_s:.0f} s it is still {answer!r}"
        time.sleep(INTERVAL_S)


def look_for(ask: Callable[[], T], *, for_s: float) -> T:
    """The first answer that is true, or the last one after the time."""
    end = time.monotonic() + for_s
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(INTERVAL_S)
    return answer


def wait_until_stable(ask: Callable[[], T], is_right: Callable[[T], object] = bool, *, num_same: int = 8) -> T:
    """The first right answer that was given so many times in a row."""
    same: list[T] = []

    def is_stable(answer: T) -> bool:
        if same and same[-1] != answer:
            same.clear()
        same.append(answer)
        return bool(is_right(answer)) and len(same) >= num_same

    return wait_for(ask, is_stable)

"""Work that can be done a step at a time: a generator that yields after each step and returns what came of it.

It does not know what the work is, nor who waits between two steps.
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]


def finished(steps: Steps[T]) -> T:
    """What comes of some work, all of it done now."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result

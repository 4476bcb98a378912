"""What has been offered and may be accepted: numbers and lengths, never text.

It does not know how an offer reaches an editor or how its acceptance is told.
"""

from collections import OrderedDict

MAX_OFFERS = 100


class Offers:
    """The last completions that were offered, by number, with their lengths in characters."""

    def __init__(self) -> None:
        self._lengths: OrderedDict[int, int] = OrderedDict()
        self._num = 0

    def add(self, text: str) -> int:
        """Remember an offer; returns its number."""
        self._num += 1
        self._lengths[self._num] = len(text)
        if len(self._lengths) > MAX_OFFERS:
            self._lengths.popitem(last=False)
        return self._num

    def take(self, number: int) -> int | None:
        """The length of an offer that has not been accepted yet, once; None for any other number."""
        return self._lengths.pop(number, None)

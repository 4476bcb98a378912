"""Token healing: the tokens before the cursor are opened again, and their bytes bind the first tokens that come.

A text cut at the cursor is split into tokens as no training text was ("retu" for "return", a run of blanks without the
word after it). It knows a vocabulary's bytes only, neither prompts nor models.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from plt_engine.tokenizer import Tokenizer

MAX_REOPENED_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Reopened:
    """The ids that stay before the cursor, and the bytes that the next tokens must spell first."""

    kept: list[int]
    remainder: bytes


class TokenHealer:
    """Finds what to open again, and which tokens may follow.

    Args:
        tokenizer: its tokens' bytes are sorted once.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._bytes_of = tokenizer.token_bytes
        spelled = [(data, i) for i in range(tokenizer.vocab_size) if (data := tokenizer.token_bytes(i))]
        spelled.sort()
        self._sorted = [data for data, _ in spelled]
        self._ids = [i for _, i in spelled]
        self._single_bytes = frozenset(data[0] for data in self._sorted if len(data) == 1)

    @property
    def spelled(self) -> Iterator[tuple[int, bytes]]:
        """The tokens that have bytes, each with them."""
        return zip(self._ids, self._sorted, strict=True)

    def reopen(self, ids: list[int]) -> Reopened:
        """Open the most tokens at the end of `ids` that a single token could have begun with, at most four.

        A token is opened only if each of its bytes is a token too, so that whatever is chosen, the rest can be spelled.
        """
        kept, remainder = len(ids), b""
        for i in range(len(ids) - 1, max(0, len(ids) - MAX_REOPENED_TOKENS) - 1, -1):
            data = self._bytes_of(ids[i])
            if not data or not self._single_bytes.issuperset(data) or not self._begins_some(data + remainder):
                break
            kept, remainder = i, data + remainder
        return Reopened(ids[:kept], remainder)

    def allowed(self, remainder: bytes) -> list[int]:
        """The tokens that may come next while `remainder` is still to be spelled: its beginnings and continuations."""
        first, last = self._range(remainder)
        shorter = [j for n in range(1, len(remainder)) for j in self._equal(remainder[:n])]
        return shorter + self._ids[first:last]

    def _begins_some(self, data: bytes) -> bool:
        first, last = self._range(data)
        return last > first

    def _range(self, data: bytes) -> tuple[int, int]:
        """Where the tokens that begin with `data` stand in order."""
        return bisect_left(self._sorted, data), bisect_left(self._sorted, data + b"\xff" * 64)

    def _equal(self, data: bytes) -> list[int]:
        i = bisect_left(self._sorted, data)
        return [self._ids[i]] if i < len(self._sorted) and self._sorted[i] == data else []

"""The sequences whose KV is kept between requests: one per session, bounded in bytes, least recently used first out.

It compares ids token by token and copies prefixes between sessions of one realm, never across realms: a realm is a
model and a workspace. It does not compute KV.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from plt_engine.generate import Sequence
from plt_engine.kv_cache import KVCache

# Copying another session's prefix pays where it saves at least so many tokens of prefill.
FORK_TOKENS = 64


class PrefixCache:
    """Sequences by realm and session.

    Args:
        new_cache: makes an empty cache for a loop count.
        max_bytes: what all caches together may hold; the one in use is kept whatever its size.
    """

    def __init__(self, new_cache: Callable[[int], KVCache], max_bytes: int) -> None:
        self._new_cache = new_cache
        self._max_bytes = max_bytes
        self._sequences: OrderedDict[tuple[Hashable, str], Sequence] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes held by all caches."""
        return sum(sequence.cache.nbytes for sequence in self._sequences.values())

    def __len__(self) -> int:
        return len(self._sequences)

    def bound(self, max_bytes: int) -> None:
        """Hold no more than so much from now on."""
        self._max_bytes = max_bytes
        self._evict()

    def acquire(self, realm: Hashable, session_id: str, prompt: list[int], loops: int) -> Sequence:
        """The session's sequence at a loop count, holding as much of the prompt as any session of its realm."""
        key = (realm, session_id)
        other = self._other(realm, session_id, prompt)
        sequence = self._sequences.pop(key, None) or Sequence([], self._new_cache(loops))
        if other is not None:
            num_shared = other.num_shared_with(prompt)
            sequence = Sequence(other.tokens[:num_shared], other.cache.fork(num_shared))
        if sequence.cache.loops != loops:
            sequence.cache.set_loops(loops)
        self._sequences[key] = sequence
        self._evict()
        return sequence

    def peek(self, realm: Hashable, session_id: str, prompt: list[int]) -> Sequence | None:
        """What `acquire` would go on from, or None where it would begin anew; nothing is changed."""
        return self._other(realm, session_id, prompt) or self._sequences.get((realm, session_id))

    def close(self, session_id: str) -> None:
        """Forget a session in every realm; an unknown one is no error."""
        for key in [key for key in self._sequences if key[1] == session_id]:
            del self._sequences[key]

    def _other(self, realm: Hashable, session_id: str, prompt: list[int]) -> Sequence | None:
        """Another session's sequence, where it holds so much more of the prompt that copying it pays."""
        own = self._sequences.get((realm, session_id))
        num_own = 0 if own is None else own.num_shared_with(prompt)
        others = [one for key, one in self._sequences.items() if key[0] == realm and one is not own]
        best = max(others, key=lambda other: other.num_shared_with(prompt), default=None)
        is_worth = best is not None and best.num_shared_with(prompt) >= num_own + FORK_TOKENS
        return best if is_worth else None

    def _evict(self) -> None:
        while len(self._sequences) > 1 and self.nbytes > self._max_bytes:
            self._sequences.popitem(last=False)

"""Near-duplicate removal by MinHash, and the removal of files that share long token runs with held-out text.

It knows texts and token ids, not packages' meaning or file formats.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH  # type: ignore[import-untyped]

from plt_engine.training.sources import SourceFile

NUM_PERMUTATIONS, NUM_BANDS, SIMILARITY, SEED = 128, 16, 0.7, 1
SHINGLE_WORDS = 5
RUN_TOKENS = 64
WORD = re.compile(r"\w+|[^\w\s]")
Hashes = NDArray[np.uint64]


def without_near_duplicates(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """Each file unless one before it shares about SIMILARITY of its shingles of SHINGLE_WORDS words."""
    index = RMinHashLSH(threshold=SIMILARITY, num_perm=NUM_PERMUTATIONS, num_bands=NUM_BANDS)
    kept: list[RMinHash] = []
    for file in files:
        sketch = _sketch(file.text)
        if any(sketch.jaccard(kept[i]) >= SIMILARITY for i in index.query(sketch)):
            continue
        index.insert(len(kept), sketch)
        kept.append(sketch)
        yield file


def _sketch(text: str) -> RMinHash:
    words = WORD.findall(text)
    sketch = RMinHash(num_perm=NUM_PERMUTATIONS, seed=SEED)
    sketch.update([" ".join(words[i : i + SHINGLE_WORDS]) for i in range(max(1, len(words) - SHINGLE_WORDS + 1))])
    return sketch


def run_hashes(tokens: Sequence[int], length: int = RUN_TOKENS) -> Hashes:
    """A 64-bit hash of every run of `length` tokens (a power of two); none for a shorter text.

    The hash of 2n tokens is hash(first n) * B**n + hash(last n), so log2(length) passes over the array suffice.
    """
    hashes = np.asarray(tokens, dtype=np.uint64) + np.uint64(1)
    n, factor = 1, np.uint64(0x9E3779B97F4A7C15)
    while n < length:
        if len(hashes) <= n:
            return np.zeros(0, np.uint64)
        hashes = hashes[:-n] * factor + hashes[n:]
        n, factor = 2 * n, _squared(factor)
    return hashes


def _squared(factor: np.uint64) -> np.uint64:
    return np.uint64(int(factor) ** 2 % (1 << 64))


class HeldOutRuns:
    """All token runs of the held-out text, to ask whether another text shares one."""

    def __init__(self, held_out: Iterable[Sequence[int]], length: int = RUN_TOKENS) -> None:
        parts = [run_hashes(tokens, length) for tokens in held_out]
        self._length = length
        self._hashes = np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]))

    def shares_run(self, tokens: Sequence[int]) -> bool:
        """Whether a run of `length` tokens occurs in the held-out text too."""
        if self._hashes.size == 0:
            return False
        hashes = run_hashes(tokens, self._length)
        places = np.searchsorted(self._hashes, hashes).clip(max=self._hashes.size - 1)
        return bool((self._hashes[places] == hashes).any())

"""Training windows: rows of token ids of one length, packed from documents, and their files on disk.

It knows ids only. A row has one id more than the model reads at once: inputs are row[:-1], targets row[1:].
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Windows = NDArray[np.uint16]


@dataclass(slots=True)
class WindowPacker:
    """Packs documents into rows of `row_ids` ids, half of them by ids from each of two queues.

    A row is either a stretch of the running documents, or as many whole ones as fit, its end filled with the running
    documents' next ids: so a whole document is never cut, running text is never interrupted, and no row is padded.
    """

    row_ids: int
    whole: deque[list[int]]
    running: deque[list[int]]

    def rows(self) -> Iterator[list[int]]:
        """Rows until one of the two queues runs out."""
        num_whole = num_running = 0
        while self.whole and self.running:
            row: list[int] = []
            while num_whole <= num_running and self.whole and len(row) + len(self.whole[0]) <= self.row_ids:
                row += self.whole.popleft()
            num_whole += len(row)
            filling = self._take(self.row_ids - len(row))
            num_running += len(filling)
            if len(row) + len(filling) == self.row_ids:
                yield row + filling

    def _take(self, wanted: int) -> list[int]:
        taken: list[int] = []
        while len(taken) < wanted and self.running:
            text = self.running.popleft()
            room = wanted - len(taken)
            taken += text[:room]
            if len(text) > room:
                self.running.appendleft(text[room:])
        return taken


def write_windows(path: Path, rows: list[list[int]], seed: int) -> int:
    """Write rows in an order drawn from the seed; returns how many."""
    order = np.random.default_rng(seed).permutation(len(rows))
    np.save(path, np.asarray(rows, dtype=np.uint16)[order])
    return len(rows)


def read_windows(path: Path) -> Windows:
    """The rows of a file, mapped into memory rather than read."""
    windows: Windows = np.load(path, mmap_mode="r")
    return windows

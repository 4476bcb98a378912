"""Remembers across the death of a process which file it was reading, so that one that ends it is not read for ever.

It does not know why a process dies; a file that was being read twice in a row at its death is held to be the cause.
"""

import os
from pathlib import Path

import orjson

FILE = "reading.json"
FATAL_DEATHS = 2


class Suspect:
    """The note of one process; what the one before it left is what `is_fatal` goes by."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
        self._path, self._num_deaths = _left_behind(os.read(self._handle, 1 << 16))

    def is_fatal(self, path: str) -> bool:
        """Whether this file is not to be read any more in its present state."""
        return path == self._path and self._num_deaths >= FATAL_DEATHS

    def begin(self, path: str) -> None:
        """A file is about to be read."""
        self._write(orjson.dumps([path, self._num_deaths if path == self._path else 0]))

    def clear(self) -> None:
        """No file is being read."""
        self._path = None
        self._write(b"")

    def close(self) -> None:
        """Write nothing more."""
        os.close(self._handle)

    def _write(self, data: bytes) -> None:
        os.pwrite(self._handle, data, 0)
        os.ftruncate(self._handle, len(data))


def _left_behind(data: bytes) -> tuple[str | None, int]:
    """The file that a dead process was reading, and how many have died over it; a death may have cut the note short."""
    try:
        path, num_deaths = orjson.loads(data)
        return str(path), int(num_deaths) + 1
    except (orjson.JSONDecodeError, ValueError, TypeError):
        return None, 0

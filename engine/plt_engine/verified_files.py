"""A note of files that were hashed and found right, so that fifteen gigabytes are not read again at every start.

A file counts as unchanged while its inode, size and times of change are those of the note. It knows no packs; where the
note cannot be read or written, every file is simply hashed.
"""

import contextlib
import logging
import os
import tempfile
from pathlib import Path

import orjson

logger = logging.getLogger(__name__)


class VerifiedFiles:
    """The note kept in one JSON file: the path of each file, with its state and its sha256 when it was last hashed."""

    def __init__(self, note: Path) -> None:
        self._note = note
        self._known = _read(note)

    def __contains__(self, item: tuple[Path, str]) -> bool:
        """Whether a file, unchanged since, was found to have this sha256."""
        path, sha256 = item
        return self._known.get(str(path.resolve())) == [*file_state(path), sha256]

    def add(self, path: Path, sha256: str, state: tuple[int, ...]) -> None:
        """Note a file that was just hashed; `state` is what it was before that, so that no later change is missed."""
        if state != file_state(path):
            return
        self._known = {name: held for name, held in self._known.items() if os.path.exists(name)}
        self._known[str(path.resolve())] = [*state, sha256]
        try:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._note.parent, prefix=".verified.")
            with contextlib.closing(os.fdopen(handle, "wb")) as file:
                file.write(orjson.dumps(self._known))
            os.replace(draft, self._note)
        except OSError as error:
            logger.info("%s cannot be written (%s); the files will be hashed again next time", self._note, error)


def file_state(path: Path) -> tuple[int, ...]:
    """Inode, size, and the times at which content and entry last changed, in nanoseconds."""
    status = path.stat()
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _read(note: Path) -> dict[str, list[int | str]]:
    try:
        raw = orjson.loads(note.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {name: held for name, held in raw.items() if isinstance(held, list)}

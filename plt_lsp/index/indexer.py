"""Brings the index in line with the files: finds what has changed, and reads one file at a time.

It does not know when files change; it is told where to look. It belongs to one thread.
"""

import logging
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from plt_lsp.index.belonging import Belonging, Rules, SourceFile
from plt_lsp.index.ignoring import IGNORE_FILES
from plt_lsp.index.languages import language_of
from plt_lsp.index.reading import Contents, NotRead, contents_of, hash_of, read_source
from plt_lsp.index.store import Reading, Store
from plt_lsp.index.suspect import Suspect

logger = logging.getLogger(__name__)

# Of more paths at once it is quicker to look at all files than at each of them.
MAX_PATHS = 1000


class Indexer:
    """The files that are still to be read, and those whose rows are to go.

    Rows go when everything is read, so that a file that was renamed finds what is known of it under its old name.
    """

    def __init__(self, root: Path, rules: Rules, store: Store, suspect: Suspect) -> None:
        self._root = root
        self._rules = rules
        self._store = store
        self._suspect = suspect
        self._belonging = Belonging(root, rules)
        self._urgent: dict[str, None] = {}
        self._pending: dict[str, None] = {}
        self._gone: set[str] = set()
        self.num_done = 0
        self.is_truncated = False

    @property
    def num_waiting(self) -> int:
        """How many files are still to be read."""
        return len(self._urgent) + len(self._pending)

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._urgent or self._pending or self._gone)

    def rescan(self, rules: Rules | None = None) -> None:
        """Look at everything again, by other rules where some are given."""
        self._rules = rules or self._rules
        self._belonging = Belonging(self._root, self._rules)
        self._urgent.clear()
        self._pending.clear()
        self._gone.clear()
        self._scan("")

    def refresh(self, paths: Iterable[str]) -> None:
        """Look at what has changed, which comes before anything else that waits.

        Args:
            paths: of files and folders that were written, made, renamed or removed, relative to the workspace folder.
        """
        changed = list(paths)
        if len(changed) > MAX_PATHS or any(map(_concerns_all, changed)):
            self.rescan()
            return
        for path in changed:
            self._refresh(path)

    def step(self) -> None:
        """Read the next file, or where there is none, do away with what is gone."""
        if self._urgent or self._pending:
            queue = self._urgent or self._pending
            path = next(iter(queue))
            del queue[path]
            self._read(path)
            self.num_done += 1
            return
        self._store.remove(self._gone)
        self._gone.clear()

    def _refresh(self, path: str) -> None:
        self._belonging.forget(path)
        if self._belonging.file(path) is not None:
            self._pending.pop(path, None)
            self._urgent[path] = None
            self._gone.discard(path)
        elif language_of(path) is None and self._belonging.admits_folder(path):
            self._scan(path)
        else:
            self._lose(self._store.known(path))

    def _scan(self, under: str) -> None:
        """Compare the files of a folder with what the index knows of them."""
        known = self._store.known(under)
        room = self._rules.max_files - (self._store.num_known() - len(known))
        found = {file.path: file for file in islice(self._belonging.walk(under), max(0, room) + 1)}
        self.is_truncated = len(found) > room
        while len(found) > max(0, room):
            found.popitem()
        for path, file in found.items():
            self._gone.discard(path)
            if path not in self._urgent and (path not in known or not known[path].is_of(file)):
                self._pending[path] = None
        self._lose(known.keys() - found.keys())

    def _lose(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._urgent.pop(path, None)
            self._pending.pop(path, None)
            self._gone.add(path)

    def _read(self, path: str) -> None:
        file = self._belonging.file(path)
        if file is None:
            self._gone.add(path)
            return
        seen_ns = time.time_ns()
        data = read_source(self._root / path, self._rules.max_file_bytes)
        if data is NotRead.GONE:
            self._gone.add(path)
        elif isinstance(data, NotRead):
            self._store.put(Reading(file, b"", seen_ns), data)
        else:
            self._keep(file, data, seen_ns)

    def _keep(self, file: SourceFile, data: bytes, seen_ns: int) -> None:
        reading = Reading(file, hash_of(data), seen_ns)
        if self._store.adopt(reading):
            return
        if self._suspect.is_fatal(file.path):
            self._store.put(reading, NotRead.FATAL)
            return
        self._suspect.begin(file.path)
        language = language_of(file.path)
        assert language is not None, "only source files belong"
        self._store.put(reading, _contents_or_not(data, language, file.path))


def _concerns_all(path: str) -> bool:
    """Whether a change at a path may be one for other files: it is an ignore file, or the workspace folder itself."""
    return path in ("", ".") or path.rpartition("/")[2] in IGNORE_FILES


def _contents_or_not(data: bytes, language: str, path: str) -> Contents | NotRead:
    """What is kept of a file; a fault in how one file is understood costs that file alone."""
    try:
        return contents_of(data, language)
    except MemoryError:
        raise
    except Exception as error:
        logger.warning("%s is not indexed: %s", path, type(error).__name__)  # its words may be the file's
        return NotRead.FATAL

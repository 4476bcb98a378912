"""Says which paths of a workspace folder change, as the operating system tells it.

It does not know what lies at a path. Folders that do not belong are not watched where they stand directly in the
workspace folder, which is where the largest of them stand.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from plt_lsp.index.ignoring import IGNORE_FILES

logger = logging.getLogger(__name__)

EVENTS: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent),
    *(DirCreatedEvent, DirDeletedEvent, DirMovedEvent),
]
# Each folder that is watched on its own costs a thread.
MAX_FOLDERS = 64


class Watch(FileSystemEventHandler):
    """The watch over one workspace folder; ends with its process.

    Args:
        root: the workspace folder, symbolic links resolved.
        admits_folder: whether a folder, by its path relative to the root, may hold files of interest.
        on_paths: called, in a thread of the watch's own, with paths relative to the root.
    """

    def __init__(
        self, root: Path, admits_folder: Callable[[str], bool], on_paths: Callable[[Iterable[str]], None]
    ) -> None:
        self._root = root
        self._admits_folder = admits_folder
        self._on_paths = on_paths
        self._observer: BaseObserver = Observer()
        self._is_whole = False

    def start(self) -> bool:
        """Begin to watch; False where the system cannot watch all of it."""
        try:
            self._observer.start()
            folders = self._folders()
            self._is_whole = len(folders) > MAX_FOLDERS
            self._schedule(self._root, is_recursive=self._is_whole)
            self._cover(folders)
            _probe(self._root)
        except OSError as error:
            logger.warning("changes in %s are not all seen: %s", self._root, error)
            return False
        return True

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on where something changed, and watch a folder that has come into the workspace folder."""
        paths = [path for path in map(self._relative, (event.src_path, event.dest_path)) if path]
        is_folder = isinstance(event, DirCreatedEvent | DirMovedEvent)
        if any("/" not in path and (is_folder or path in IGNORE_FILES) for path in paths):
            with contextlib.suppress(OSError):  # it has gone again
                self._cover(self._folders())
        self._on_paths(paths)

    def _folders(self) -> list[str]:
        with os.scandir(self._root) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]

    def _cover(self, folders: Iterable[str]) -> None:
        """Watch these folders; one that is watched already stays so."""
        if not self._is_whole:
            for name in filter(self._admits_folder, folders):
                self._schedule(self._root / name, is_recursive=True)

    def _schedule(self, folder: Path, *, is_recursive: bool) -> None:
        self._observer.schedule(self, str(folder), recursive=is_recursive, event_filter=EVENTS)

    def _relative(self, path: str | bytes) -> str | None:
        found = PurePath(os.fsdecode(path))
        return found.relative_to(self._root).as_posix() if found.is_relative_to(self._root) and path else None


def _probe(root: Path) -> None:
    """Raise OSError where the system's watches are used up, which is not said of those inside a folder."""
    observer = Observer()
    observer.schedule(FileSystemEventHandler(), str(root), recursive=False)
    try:
        observer.start()
    finally:
        observer.stop()
    observer.join()

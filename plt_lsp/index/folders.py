"""The indexes of the workspace folders that the editor has open, each begun with the first document opened in it.

It does not know the protocol; paths are the file system's.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

from plt_lsp.index.belonging import Rules
from plt_lsp.index.client import FolderIndex, IndexOptions
from plt_lsp.settings import Settings


class WorkspaceIndexes:
    """All of them; belongs to a running event loop."""

    def __init__(self) -> None:
        self._folders: dict[Path, FolderIndex] = {}
        self._opened: dict[Path, None] = {}
        self._options: IndexOptions | None = options_of(Settings())
        self._watchers: list[Callable[[], None]] = []
        self._closing: set[asyncio.Task[None]] = set()

    def watch(self, on_change: Callable[[], None]) -> None:
        """Have a function called whenever an index has something new to report."""
        self._watchers.append(on_change)

    def configure(self, settings: Settings) -> None:
        """Keep them as the settings want it, or none."""
        self._options = options_of(settings)
        if self._options is None:
            self._end(list(self._folders))
            return
        for index in self._folders.values():
            index.configure(self._options)
        for root in self._opened:
            self._start(root)

    def open(self, folder: str | None) -> None:
        """A document was opened in this folder, or in none."""
        if folder is not None:
            self._opened[Path(folder)] = None
            self._start(Path(folder))

    def keep_only(self, folders: Iterable[str]) -> None:
        """These are the folders that are open; the indexes of others are no longer kept."""
        wanted = {Path(folder) for folder in folders}
        self._opened = {root: None for root in self._opened if root in wanted}
        self._end([root for root in self._folders if root not in wanted])

    def note_changed(self, path: str) -> None:
        """The editor has seen a file or folder change; an index that watches for itself knows it already."""
        changed = PurePath(path)
        for root, index in self._folders.items():
            if changed.is_relative_to(root) and not index.report.is_watching:
                index.note_changed([changed.relative_to(root).as_posix()])

    def of(self, folder: str | None) -> FolderIndex | None:
        """The index of a folder, or None where none is kept."""
        return None if folder is None else self._folders.get(Path(folder))

    @property
    def all(self) -> tuple[FolderIndex, ...]:
        """Every index, in the order in which they were begun."""
        return tuple(self._folders.values())

    async def close(self) -> None:
        """Keep none any more."""
        self._watchers.clear()
        self.keep_only(())
        if self._closing:
            await asyncio.wait(self._closing)

    def _start(self, root: Path) -> None:
        if self._options is not None and root not in self._folders:
            self._folders[root] = FolderIndex(root, self._options, self._note_change)
            self._folders[root].start()
            self._note_change()

    def _end(self, roots: Iterable[Path]) -> None:
        for root in roots:
            task = asyncio.create_task(self._folders.pop(root).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._note_change()

    def _note_change(self) -> None:
        for on_change in self._watchers:
            on_change()


def options_of(settings: Settings) -> IndexOptions | None:
    """How indexes are kept by these settings, or None where none is to be kept."""
    index = settings.index
    if not index.enable:
        return None
    return IndexOptions(rules_of(settings), index.max_memory_mb)


def rules_of(settings: Settings) -> Rules:
    """What belongs into an index by these settings."""
    return Rules(settings.excluded_files, settings.index.max_file_kb * 1000, settings.index.max_files)

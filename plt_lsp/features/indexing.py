"""What editors show and tell of the indexes: work-done progress while one is made, and changed files.

LSP 3.18, window/workDoneProgress/create and workspace/didChangeWatchedFiles. It does not know how an index is kept.
"""

import asyncio
import itertools
import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from plt_lsp.features.loading import is_shown
from plt_lsp.index.client import FolderIndex
from plt_lsp.index.folders import WorkspaceIndexes
from plt_lsp.index.languages import LANGUAGES
from plt_lsp.index.messages import IndexState

logger = logging.getLogger(__name__)

# Fewer files are read before anybody could see that they are.
MIN_SHOWN_FILES = 100
REGISTRATION_ID = "plt-watched-files"


def did_change_files(indexes: WorkspaceIndexes, params: types.DidChangeWatchedFilesParams) -> None:
    """workspace/didChangeWatchedFiles: for the indexes that do not see changes by themselves."""
    for change in params.changes:
        path = to_fs_path(change.uri)
        if path:
            indexes.note_changed(path)


class IndexingProgress:
    """What one server shows of its indexes; belongs to one event loop, and does nothing before `begin`."""

    def __init__(self, server: LanguageServer, indexes: WorkspaceIndexes) -> None:
        self._server = server
        self._indexes = indexes
        self._changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._tokens: dict[FolderIndex, str] = {}
        self._shows = False
        self._registers = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, capabilities: types.ClientCapabilities) -> None:
        """Show each indexing from now on, as far as the client can, and have it tell what an index cannot see."""
        workspace = capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        self._shows = is_shown(capabilities)
        self._registers = watched is not None and bool(watched.dynamic_registration)
        if self._shows or self._registers:
            self._indexes.watch(self._changed.set)
            self._changed.set()
            self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Show nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                for index in self._indexes.all:
                    await self._show(index)
                self._end_closed()
                await self._register()
            except Exception as error:  # whatever the client answers, the server goes on
                logger.warning("the client does not take news of the index: %s", error)
                return

    async def _show(self, index: FolderIndex) -> None:
        report, token = index.report, self._tokens.get(index)
        is_scanning = report.state is IndexState.SCANNING
        if token is not None and not is_scanning:
            self._end(index)
        elif token is not None:
            message = f"{report.num_done} of {report.num_total} files"
            percentage = 100 * report.num_done // max(1, report.num_total)
            news = types.WorkDoneProgressReport(message=message, percentage=percentage)
            self._server.work_done_progress.report(token, news)
        elif self._shows and is_scanning and report.num_total - report.num_done >= MIN_SHOWN_FILES:
            await self._begin(index)

    async def _begin(self, index: FolderIndex) -> None:
        token = f"plt-indexing-{next(self._numbers)}"
        await self._server.work_done_progress.create_async(token)
        self._tokens[index] = token
        self._server.work_done_progress.begin(
            token, types.WorkDoneProgressBegin(f"Indexing {index.root.name}", percentage=0)
        )
        self._changed.set()

    def _end_closed(self) -> None:
        for index in [index for index in self._tokens if index not in self._indexes.all]:
            self._end(index)

    def _end(self, index: FolderIndex) -> None:
        self._server.work_done_progress.end(self._tokens.pop(index), types.WorkDoneProgressEnd())

    async def _register(self) -> None:
        """Where the system does not tell an index of all changes, the client is asked to."""
        reports = [index.report for index in self._indexes.all]
        if not self._registers or all(found.is_watching or found.state is not IndexState.READY for found in reports):
            return
        self._registers = False
        suffixes = ",".join(suffix.removeprefix(".") for suffix in LANGUAGES)
        options = types.DidChangeWatchedFilesRegistrationOptions(
            [types.FileSystemWatcher(f"**/*.{{{suffixes}}}"), types.FileSystemWatcher("**/.{gitignore,pltignore}")]
        )
        registration = types.Registration(REGISTRATION_ID, types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        await self._server.client_register_capability_async(types.RegistrationParams([registration]))

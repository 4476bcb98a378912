"""What each open document is shown of other files: gathered beside the event loop, kept from one request to the next.

Nobody waits long for it: what is late is shown with the next request. How it is chosen is not known here.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Protocol

from plt_lsp.context.cross_file import Selection
from plt_lsp.context.workspace import OpenFile
from plt_lsp.documents import Document, DocumentStore, Shift
from plt_lsp.edit_log import EditLog, Home
from plt_lsp.exclusions import is_excluded
from plt_lsp.helper_thread import HelperThread
from plt_lsp.settings import Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.workspace_reader import Question

logger = logging.getLogger(__name__)

TIME_CAP_S = 0.03
MAX_OPEN_FILES = 12


class Reader(Protocol):
    """What answers; `plt_lsp.workspace_reader.WorkspaceReader` does. It is asked by one thread."""

    def answer(self, question: Question) -> Selection:
        """The selection for a place."""

    def forget(self, session_id: str) -> None:
        """A document was closed."""


class Places(Protocol):
    """Where documents belong."""

    def relative_path(self, uri: str) -> str | None:
        """A document's path relative to its workspace folder."""

    def folder_of(self, uri: str) -> str | None:
        """The path of the workspace folder that a document is in, or None where it is in none."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was gathered for a document, and the settings that it was gathered by."""

    settings: Settings
    selection: Selection


class Gathering:
    """What is shown of other files in each open document; belongs to one event loop.

    Args:
        documents: that are open.
        places: where they belong.
        counts: of what is worth counting.
        reader: answers what is to be shown.
        time_cap_s: so long a request waits for it.
    """

    def __init__(
        self,
        documents: DocumentStore,
        places: Places,
        counts: Counter[str],
        reader: Reader,
        time_cap_s: float = TIME_CAP_S,
    ) -> None:
        self._documents = documents
        self._places = places
        self._counts = counts
        self._time_cap_s = time_cap_s
        self._log = EditLog()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._known: dict[str, _Known] = {}
        self._jobs: dict[str, asyncio.Future[_Known]] = {}
        self._thread = HelperThread("plt-context")
        self._reader = reader

    def note_open(self, document: Document) -> None:
        """A document was opened."""
        self._touch(document.uri)
        folder, path = self._places.folder_of(document.uri), self._places.relative_path(document.uri)
        if folder is not None and path is not None and _is_file(document.uri):
            self._log.open(document.uri, Home(folder, path, document.language_id))

    def note_edit(self, document: Document, shifts: tuple[Shift, ...]) -> None:
        """A document was changed."""
        self._touch(document.uri)
        self._log.note(document.uri, shifts)

    def note_close(self, document: Document) -> None:
        """A document was closed; its edits are kept for a while."""
        self._recent.pop(document.uri, None)
        self._known.pop(document.session_id, None)
        self._jobs.pop(document.session_id, None)
        self._log.close(document.uri, document.lines)
        if self._thread.is_started:
            self._thread.submit(partial(self._reader.forget, document.session_id))

    def current(self, snapshot: Snapshot) -> Selection:
        """What the last request for the snapshot's document was shown."""
        known = self._known.get(snapshot.session_id)
        is_valid = known is not None and known.settings == snapshot.settings
        return known.selection if known is not None and is_valid else Selection()

    def version(self, snapshot: Snapshot) -> object:
        """What changes when a text for the document would be asked for with another context than the last one was."""
        return self.current(snapshot).chunks, self._log.num_elsewhere(snapshot.uri)

    async def select(self, snapshot: Snapshot, outline: Outline | None) -> Selection:
        """What to show with a request: as it is now where that is found in time, else as it was known before.

        Args:
            snapshot: of the request.
            outline: of its text, where one is at hand.
        """
        folder = self._folder_of(snapshot)
        if folder is None:
            return Selection()
        self._touch(snapshot.uri)
        self._adopt(snapshot.session_id)
        job = self._jobs.get(snapshot.session_id)
        if job is None:
            job = self._jobs[snapshot.session_id] = self._begin(folder, snapshot, outline)
        await asyncio.wait([job], timeout=self._time_cap_s)
        if not job.done():
            self._counts["context.late"] += 1
        self._adopt(snapshot.session_id)
        return self.current(snapshot)

    async def preview(self, snapshot: Snapshot, outline: Outline | None) -> Selection:
        """What the next request would be shown, however long it takes to find; nothing changes by it."""
        folder = self._folder_of(snapshot)
        return Selection() if folder is None else (await self._begin(folder, snapshot, outline)).selection

    def close(self) -> None:
        """Gather nothing more."""
        self._thread.close()

    def _folder_of(self, snapshot: Snapshot) -> str | None:
        """The workspace folder whose files may be shown, or None where none may."""
        is_wanted = snapshot.settings.context.max_chunk_chars > 0 and snapshot.path is not None
        return self._places.folder_of(snapshot.uri) if is_wanted else None

    def _begin(self, folder: str, snapshot: Snapshot, outline: Outline | None) -> asyncio.Future[_Known]:
        before = self.current(snapshot)
        question = Question(
            root=Path(folder),
            snapshot=snapshot,
            outline=outline,
            open_files=tuple(self._open_files(folder, snapshot)),
            edits=self._log.edits(folder, {uri: document.lines for uri, document in self._open()}),
            before=before,
        )

        def work() -> _Known:
            return _Known(snapshot.settings, _found(self._reader, question))

        return self._thread.submit(work)

    def _adopt(self, session_id: str) -> None:
        """What was gathered for a document is what it is shown from now on."""
        job = self._jobs.get(session_id)
        if job is not None and job.done():
            del self._jobs[session_id]
            self._known[session_id] = job.result()

    def _touch(self, uri: str) -> None:
        self._recent[uri] = None
        self._recent.move_to_end(uri)

    def _open(self) -> Iterator[tuple[str, Document]]:
        """The open documents that are in step with the editor, the last ones first."""
        for uri in reversed(self._recent):
            document = self._documents.get(uri)
            if document is not None and document.is_in_sync and _is_file(uri):
                yield uri, document

    def _open_files(self, folder: str, snapshot: Snapshot) -> Iterator[OpenFile]:
        """The other open files of a folder, the last ones first."""
        settings, num = snapshot.settings, 0
        for uri, document in self._open():
            if num == MAX_OPEN_FILES:
                return
            path = self._places.relative_path(uri)
            is_wanted = path is not None and uri != snapshot.uri and self._places.folder_of(uri) == folder
            is_large = document.num_chars > settings.max_file_chars
            if path is not None and is_wanted and not is_large and not is_excluded(path, settings.excluded_files):
                num += 1
                yield OpenFile(path, document.language_id, tuple(document.lines))


def _found(reader: Reader, question: Question) -> Selection:
    """The answer to a question, or what was known before where there is none."""
    try:
        return reader.answer(question)
    except Exception:
        logger.exception("nothing of other files is shown in %s", PurePath(question.snapshot.path or "").name)
        return question.before


def _is_file(uri: str) -> bool:
    """Whether a document is a file, and not an older state of one or a part of a notebook."""
    return uri.startswith("file:")

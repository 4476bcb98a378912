"""The refactorings that the model writes: one at a time, told as they grow, and ended by an edit or a newer one.

It does not know how one is written or checked, nor what becomes of a proposal.
"""

import asyncio
import itertools
import logging
from dataclasses import dataclass

from pygls.lsp.server import LanguageServer

from plt_lsp.announcer import Announcer
from plt_lsp.features.cancellable_progress import show_until_cancelled
from plt_lsp.features.refactoring_client import Abilities
from plt_lsp.features.refactoring_edits import edit_to_json, workspace_edit
from plt_lsp.messages import REFACTORING_PROGRESS, PositionJson, RefactoringProgress
from plt_lsp.positions import Cursor
from plt_lsp.protocol import PltProtocol
from plt_lsp.refactor.edits import PlacedEdit, placed, position_in, stale
from plt_lsp.refactor.proposal import Offer, Proposal, RefusedError, Selection
from plt_lsp.refactor.written.api import Problem, Writing
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """How a refactoring that the model wrote has ended.

    Attributes:
        number: names it.
        proposal: what has passed every check, or None.
        edits: the proposal's changes, with their places.
        refusal: why nothing is proposed, in words, or None.
        is_cancelled: whether it was ended before its end.
    """

    number: int
    proposal: Proposal | None = None
    edits: tuple[PlacedEdit, ...] = ()
    refusal: str | None = None
    is_cancelled: bool = False


class Writer:
    """The refactorings of one server that the model writes; at most one of them grows."""

    def __init__(self, server: LanguageServer, session: ServerSession) -> None:
        self.client = Abilities()
        self._server = server
        self._session = session
        self._numbers = itertools.count(1)
        self._running: asyncio.Task[Written] | None = None
        self._newest: int | None = None
        self._uri = ""

    async def write(
        self, selection: Selection, offer: Offer, instruction: str = "", problem: Problem | None = None
    ) -> Written:
        """Have a refactoring written, which ends the one before; a caller that is cancelled ends it too."""
        self.cancel()
        number = self._newest = next(self._numbers)
        self._uri = selection.snapshot.uri
        # What can be done there is found out in the whole file, which may be long.
        writing = await asyncio.to_thread(Writing, number, selection, offer, instruction, problem)
        if self._newest != number:
            self._session.counts["refactoring.cancelled"] += 1
            return Written(number, is_cancelled=True)
        task = self._running = asyncio.create_task(self._run(writing))
        protocol = self._server.protocol
        assert isinstance(protocol, PltProtocol)
        protocol.when_cancelled(lambda: self._end(task))
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            self._end(task)
            raise
        return Written(number, is_cancelled=True) if task.cancelled() else task.result()

    def cancel(self) -> None:
        """End the one that grows, if one does."""
        # Cancelled twice, it would not come to say that it has ended.
        running, self._running, self._newest = self._running, None, None
        if running is not None:
            running.cancel()

    def note_edit(self, uri: str) -> None:
        """A document has changed: what is being written for its older text is of no use."""
        if self._uri == uri:
            self.cancel()

    def _end(self, task: "asyncio.Task[Written]") -> None:
        """End one, unless a newer one has done so."""
        if self._running is task:
            self.cancel()

    async def _run(self, writing: Writing) -> Written:
        announcer = Announcer(lambda: self._tell(writing, None))
        progress = asyncio.create_task(self._show_progress(writing))
        session, settings = self._session, writing.selection.snapshot.settings
        is_cancelled = False
        try:
            await writing.run(session.engine, lambda: session.engine_config(settings), announcer.note_change)
        except asyncio.CancelledError:
            logger.info("refactoring %s was cancelled", writing.number)
            is_cancelled = True
        finally:
            progress.cancel()
            await announcer.close()
        written = self._end_of(writing, is_cancelled=is_cancelled)
        self._count(writing, written)
        await self._tell(writing, written)
        return written

    def _end_of(self, writing: Writing, *, is_cancelled: bool) -> Written:
        snapshot = writing.selection.snapshot
        document = self._session.documents.get(snapshot.uri)
        if document is None or document.version != snapshot.version:
            return Written(writing.number, refusal=str(stale(snapshot.uri)))
        if is_cancelled:
            return Written(writing.number, is_cancelled=True)
        proposal = writing.proposal
        if proposal is None:
            return Written(writing.number, refusal=writing.refusal or "The model proposed nothing.")
        try:
            _require_inside(proposal, writing)
            return Written(writing.number, proposal, placed(proposal, self._session.documents, {}))
        except RefusedError as error:
            return Written(writing.number, refusal=str(error))

    def _count(self, writing: Writing, written: Written) -> None:
        outcome = "cancelled" if written.is_cancelled else "refused" if written.proposal is None else "proposed"
        self._session.counts[f"refactoring.{outcome}"] += 1
        if writing.num_repairs:
            self._session.counts["refactoring.repaired"] += 1
        logger.info("refactoring %s (%s): %s", writing.number, writing.offer.name, written.refusal or outcome)

    async def _tell(self, writing: Writing, written: Written | None) -> None:
        if self.client.previews:
            self._session.editor.notify(REFACTORING_PROGRESS, self._to_json(writing, written))

    def _to_json(self, writing: Writing, written: Written | None) -> RefactoringProgress:
        """All of it so far; the edit asks for no confirmation, since the client shows a preview."""
        end = written or Written(writing.number)
        snapshot, (first, last) = writing.selection.snapshot, writing.range
        edit = None
        if end.proposal is not None:
            edit = workspace_edit(end.proposal, end.edits, takes_versions=True, is_annotated=False, asks=False)
        return {
            "id": writing.number,
            "uri": snapshot.uri,
            "version": snapshot.version,
            "range": {"start": self._position(writing, first), "end": self._position(writing, last)},
            "title": writing.offer.title,
            "text": writing.preview,
            "done": written is not None,
            "cancelled": end.is_cancelled,
            "refusal": end.refusal,
            "edit": None if edit is None else edit_to_json(edit, self._server),
        }

    def _position(self, writing: Writing, cursor: Cursor) -> PositionJson:
        place = position_in(writing.selection.snapshot.lines, cursor, self._session.documents.encoding)
        return {"line": place.line, "character": place.character}

    async def _show_progress(self, writing: Writing) -> None:
        running = self._running
        if self.client.shows_progress and running is not None:
            token = f"plt-refactoring-{writing.number}"
            await show_until_cancelled(self._server, token, writing.offer.title, lambda: self._end(running))


def _require_inside(proposal: Proposal, writing: Writing) -> None:
    """Whoever checks proposals before: nothing outside of the range that was asked for is ever changed.

    Raises:
        RefusedError: something is.
    """
    first, last = writing.range
    for document in proposal.changes:
        is_there = document.uri == writing.selection.snapshot.uri
        if not is_there or any(one.start < first or one.end > last for one in document.changes):
            raise RefusedError("What the model proposed would change more than was asked for, so it was withdrawn.")

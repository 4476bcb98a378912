"""Refactorings of the open documents: what is offered where, and the exact ones worked out beside the event loop.

It has the model propose names but no more. It does not know the protocol, nor what becomes of a proposal.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from plt_engine.errors import EngineError
from plt_lsp.documents import cursor_of
from plt_lsp.explain.subject import refusal_of
from plt_lsp.helper_thread import HelperThread
from plt_lsp.positions import Cursor, Position
from plt_lsp.reasons import EmptyReason
from plt_lsp.refactor.ask import Ask
from plt_lsp.refactor.edits import PlacedEdit, files_of, name_of, placed, stale
from plt_lsp.refactor.exact import api as exact
from plt_lsp.refactor.model import PackReader
from plt_lsp.refactor.names import propose_name
from plt_lsp.refactor.proposal import Offer, Proposal, RefusedError, Selection
from plt_lsp.refactor.written import api as written
from plt_lsp.refactor.written.kinds import INSTRUCT
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)

# In a notebook these are right within one cell; what others change or leave out may be used in another cell.
FOR_CELLS = frozenset({"extractVariable", "convertToFString"})

MAX_TITLE_CHARS = 60

T = TypeVar("T")
Placed = tuple[Proposal, tuple[PlacedEdit, ...]]


class Workshop:
    """The refactorings of one server; belongs to one event loop."""

    def __init__(self, session: ServerSession) -> None:
        self._session = session
        self._packs = PackReader()
        # What is looked at does not wait for what is worked out.
        self._eyes = HelperThread("refactorings")
        self._hands = HelperThread("refactoring")

    def close(self) -> None:
        """Work nothing more out."""
        self._eyes.close()
        self._hands.close()

    def selection(self, ask: Ask) -> Selection:
        """The place that is asked about, in the document as it is.

        Raises:
            RefusedError: it is no longer the document that was asked about, or nothing is refactored there.
        """
        snapshot = self._session.snapshot(ask.uri, ask.start)
        reason = snapshot if isinstance(snapshot, EmptyReason) else refusal_of(snapshot)
        if isinstance(snapshot, EmptyReason) or reason is not None:
            raise RefusedError(f"Nothing is refactored in {name_of(ask.uri)}: {reason}.")
        if not snapshot.settings.refactor.enable:
            raise RefusedError("Refactorings are switched off by the setting plt.refactor.enable.")
        if ask.version not in (None, snapshot.version):
            raise stale(ask.uri)
        return Selection(snapshot, snapshot.cursor, self._cursor(snapshot.lines, ask.end))

    def problems(self, ask: Ask, selection: Selection) -> tuple[written.Problem, ...]:
        """The client's diagnostics at a place."""
        lines = selection.snapshot.lines
        return tuple(
            written.Problem(one.message, self._cursor(lines, one.start), self._cursor(lines, one.end), one.source)
            for one in ask.faults
        )

    async def offers(self, ask: Ask, selection: Selection) -> tuple[Offer, ...]:
        """Everything that could be done at a place; nothing of it is worked out."""
        is_cell, tree = self._is_cell(selection), self._session.tree_of(selection.snapshot)
        abilities, problems = self._model_abilities(selection), self.problems(ask, selection)
        allow_unproven = selection.snapshot.settings.refactor.unproven

        def look() -> tuple[Offer, ...]:
            exactly = (offer for offer in exact.offers(selection) if not is_cell or offer.name in FOR_CELLS)
            known = written.Abilities(can_chat=True, can_infill=True) if isinstance(abilities, str) else abilities
            found = written.offers(selection, problems, known, allow_unproven=allow_unproven, tree=tree)
            if isinstance(abilities, str):
                found = tuple(replace(offer, disabled=offer.disabled or abilities) for offer in found)
            return (*exactly, *found)

        return await self._eyes.submit(look)

    async def offer(self, ask: Ask, selection: Selection) -> Offer:
        """The offer that is asked for by its name.

        Raises:
            RefusedError: it cannot be done there.
        """
        return _possible((await self._by_name(ask, selection)).get(ask.what))

    async def offer_or_instruction(self, ask: Ask, selection: Selection) -> Offer:
        """The offer that is asked for by its name, or, for other words, the one that follows them as an instruction.

        Raises:
            RefusedError: it cannot be done there.
        """
        offers = await self._by_name(ask, selection)
        if ask.what in offers or INSTRUCT not in offers:
            return _possible(offers.get(ask.what))
        return replace(_possible(offers[INSTRUCT]), title=_short(ask.what))

    async def _by_name(self, ask: Ask, selection: Selection) -> dict[str, Offer]:
        return {offer.name: offer for offer in await self.offers(ask, selection)}

    async def propose(self, selection: Selection, offer: Offer) -> Placed:
        """An exact refactoring, with its places; where it names something, the model may propose a better name.

        Raises:
            RefusedError: it cannot be done there, or the document has changed meanwhile.
        """
        wanted = await self._beside(lambda: exact.name_wanted(selection, offer))
        name = None
        if wanted is not None:
            try:
                config = self._session.engine_config(selection.snapshot.settings)
                name = await propose_name(self._session.engine, config, selection.snapshot, wanted)
            except EngineError:  # no pack is needed for this
                name = wanted.default
        workspace = self._workspace(selection)
        return await self._placed(lambda: exact.propose(selection, offer, name, workspace))

    async def rename_target(self, selection: Selection) -> tuple[Cursor, Cursor]:
        """Where the name stands that would be renamed; raises RefusedError."""
        self._require_whole(selection)
        return await self._beside(lambda: exact.rename_target(selection))

    async def rename(self, selection: Selection, new_name: str) -> Placed:
        """The renaming of what stands at a cursor, over all files; raises RefusedError."""
        self._require_whole(selection)
        workspace = self._workspace(selection)
        return await self._placed(lambda: exact.rename(selection, new_name, workspace))

    def _is_cell(self, selection: Selection) -> bool:
        return self._session.notebooks.notebook_of(selection.snapshot.uri) is not None

    def _require_whole(self, selection: Selection) -> None:
        if self._is_cell(selection):
            raise RefusedError("In a notebook nothing is renamed: other cells may use the name.")

    def _model_abilities(self, selection: Selection) -> written.Abilities | str:
        """What the model can do, or why there is none, in words."""
        try:
            return self._packs.abilities(self._session.engine_config(selection.snapshot.settings))
        except EngineError as error:
            return str(error)

    async def _placed(self, work: Callable[[], Proposal]) -> Placed:
        counts = self._session.counts
        try:
            proposal = await self._beside(work)
            files = await self._beside(lambda: files_of(proposal))
            edits = placed(proposal, self._session.documents, files)
        except RefusedError:
            counts["refactoring.refused"] += 1
            raise
        counts["refactoring.proposed"] += 1
        return proposal, edits

    async def _beside(self, work: Callable[[], T]) -> T:
        """What the work gives on the helper thread; a fault of it refuses the refactoring, and says so in the log."""
        try:
            return await self._hands.submit(work)
        except RefusedError:
            raise
        except Exception as error:
            logger.exception("a refactoring failed")
            raise RefusedError(f"This refactoring has failed ({type(error).__name__}); the log says more.") from None

    def _workspace(self, selection: Selection) -> exact.Workspace:
        folder = self._session.editor.folder_of(selection.snapshot.uri)
        documents = {
            url2pathname(urlsplit(one.uri).path): exact.OpenDocument(one.uri, one.version, one.text)
            for one in self._session.documents
            if one.is_in_sync and urlsplit(one.uri).scheme == "file"
        }
        return exact.Workspace(None if folder is None else Path(folder), documents)

    def _cursor(self, lines: tuple[str, ...], position: Position) -> Cursor:
        return cursor_of(lines, position, self._session.documents.encoding)


def _possible(offer: Offer | None) -> Offer:
    if offer is None or offer.disabled is not None:
        raise RefusedError("There is nothing here that it could be done for." if offer is None else str(offer.disabled))
    return offer


def _short(instruction: str) -> str:
    """An instruction as a title."""
    words = " ".join(instruction.split())
    return words if len(words) <= MAX_TITLE_CHARS else f"{words[:MAX_TITLE_CHARS]}..."

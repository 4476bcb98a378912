"""Work for the engine that nobody waits for yet: reading while the user pauses, going on with what was accepted.

It never starts an engine, loads no model, and gives way to every request.
"""

import asyncio
import logging
from contextlib import aclosing

from plt_engine.errors import EngineError
from plt_engine.types import GenerationChunk, Priority
from plt_engine.wire import EngineConfig
from plt_lsp.acceptance import Offer
from plt_lsp.engine_client import EngineState
from plt_lsp.engine_requests import request_for, warm_up_request
from plt_lsp.first_text import key_of
from plt_lsp.generation import Generation
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.settings import TriggerMode
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import plan_for, refusal

logger = logging.getLogger(__name__)

# A user who has not typed for so long has paused; whoever types on would only be in the engine's way.
IDLE_S = 0.6


class Foresight:
    """The work ahead of one server; belongs to one event loop."""

    def __init__(self, session: ServerSession, idle_s: float = IDLE_S) -> None:
        self._session = session
        self._idle_s = idle_s
        self._timer: asyncio.TimerHandle | None = None
        self._warm_up: asyncio.Task[None] | None = None
        session.usage.on_accept = self.note_accept

    def note_edit(self, uri: str) -> None:
        """A document was changed: the user is busy, and has paused once nothing comes for a while."""
        self.close()
        if self._session.settings.engine.foresight:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._begin_warm_up, uri)

    def note_accept(self, offer: Offer) -> None:
        """An offer stands in its document: what follows it is generated before it is asked for."""
        session, document = self._session, self._session.documents.get(offer.uri)
        if document is None or not self._may_work() or session.settings.inline_completion.trigger is TriggerMode.MANUAL:
            return
        snapshot = session.snapshot_at(document, offer.end)
        config = session.config_if_any()
        if isinstance(snapshot, EmptyReason) or config is None or not offer.stands_in(document.lines):
            return  # the editor may tell of the accept before it tells of the edit
        key = key_of(session, snapshot, config)
        if session.cache.find(snapshot, key) is None and refusal(snapshot, is_automatic=True) is None:
            plan = plan_for(snapshot, session.tree_of(snapshot))
            outline, others = session.outline_of(snapshot), session.others.current(snapshot)
            request_id = session.engine.new_id("ahead")
            request = request_for(request_id, snapshot, plan, outline, others, Priority.SPECULATIVE)
            session.cache.add(Generation(session.engine, config, request, snapshot, plan, key))
            session.counts["foresight.speculative"] += 1

    def close(self) -> None:
        """End the warm-up that runs, and begin none before the next edit."""
        if self._timer is not None:
            self._timer.cancel()
        if self._warm_up is not None:
            self._warm_up.cancel()
        self._timer = self._warm_up = None

    def _may_work(self) -> bool:
        session = self._session
        is_wanted = session.settings.engine.foresight and session.snooze.until is None
        return is_wanted and session.engine.state is EngineState.READY

    def _begin_warm_up(self, uri: str) -> None:
        session, document = self._session, self._session.documents.get(uri)
        if document is None or document.caret is None or not self._may_work() or len(session.running):
            return
        snapshot, config = session.snapshot_at(document, document.caret), session.config_if_any()
        if isinstance(snapshot, EmptyReason) or config is None or refusal(snapshot, is_automatic=False) is not None:
            return
        if session.cache.find(snapshot, key_of(session, snapshot, config)) is None:
            self._warm_up = asyncio.create_task(self._warm(config, snapshot))

    async def _warm(self, config: EngineConfig, snapshot: Snapshot) -> None:
        engine = self._session.engine
        outline = self._session.outline_of(snapshot)
        others = await self._session.others.select(snapshot, outline)
        request = warm_up_request(engine.new_id("warm"), snapshot, outline, others)
        try:
            async with aclosing(engine.generate(config, request)) as events:
                async for event in events:
                    if not isinstance(event, GenerationChunk):
                        self._session.counts["foresight.warm_up"] += 1
        except EngineError as error:
            logger.info("no warm-up: %s", error)

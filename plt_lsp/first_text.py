"""The best text for a place: one that is kept for it, or one that the engine is asked for; whole, or what is in time.

It does not know requests or the protocol; `plt_lsp.completer` turns what it finds into an answer.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from plt_engine.types import GenerationOutput, RequestKind
from plt_engine.wire import EngineConfig
from plt_lsp.completion_cache import Hit
from plt_lsp.engine_client import EngineState, monotonic_ms
from plt_lsp.engine_requests import request_for
from plt_lsp.generation import Generation
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan

OnFollow = Callable[[Hit[Generation]], None]


@dataclass(frozen=True, slots=True)
class FirstText:
    """What there is to offer.

    Attributes:
        text: to insert at the cursor; empty where there is a reason.
        reason: why there is no text, or None.
        output: what the engine said at its end; None where it has not ended.
        is_partial: whether the engine goes on with it.
        is_kept: whether the engine did not have to be asked.
    """

    text: str
    reason: EmptyReason | None = None
    output: GenerationOutput | None = None
    is_partial: bool = False
    is_kept: bool = False


def key_of(session: ServerSession, snapshot: Snapshot, config: EngineConfig) -> object:
    """What a text depends on besides the document and the cursor."""
    around = (snapshot.lines_before, snapshot.lines_after, session.others.version(snapshot))
    return (config, snapshot.settings, snapshot.language_id, snapshot.path, around)


async def kept_text(
    session: ServerSession, config: EngineConfig, snapshot: Snapshot, budget_ms: float | None, on_follow: OnFollow
) -> FirstText | None:
    """The rest of a text that the document's own last characters are the beginning of; None where there is none."""
    hit = session.cache.find(snapshot, key_of(session, snapshot, config))
    if hit is None:
        return None
    on_follow(hit)
    return await _await_text(session, hit, budget_ms, is_kept=True)


async def new_text(
    session: ServerSession,
    config: EngineConfig,
    snapshot: Snapshot,
    plan: Plan,
    budget_ms: float | None,
    on_follow: OnFollow,
) -> FirstText:
    """The text that the engine is now asked for, in place of the document's running one. Raises EngineError."""
    outline = session.outline_of(snapshot)
    others = await session.others.select(snapshot, outline)
    kind = RequestKind.INVOKED if budget_ms is None else RequestKind.TYPING
    request = request_for(session.engine.new_id(), snapshot, plan, outline, others, kind=kind)

    def note(output: GenerationOutput) -> None:
        session.note_decision(snapshot.language_id, output.metrics.decision)

    generation = Generation(session.engine, config, request, snapshot, plan, key_of(session, snapshot, config), note)
    session.cache.add(generation)
    hit = Hit(generation, "")
    on_follow(hit)
    started_ms, was_ready = monotonic_ms(), session.engine.state is EngineState.READY
    found = await _await_text(session, hit, budget_ms, is_kept=False)
    assert found is not None, "nothing was typed that the text could differ from"
    session.counts.update(f"postprocess.{reason}" for reason in generation.shaped.changes)
    if was_ready and found.text:
        session.note_latency(monotonic_ms() - started_ms)
    return found


async def _await_text(
    session: ServerSession, hit: Hit[Generation], budget_ms: float | None, *, is_kept: bool
) -> FirstText | None:
    """The rest of a text at its end, or its complete lines once the budget is spent; None once it is not what is typed.

    Raises EngineError where the engine did.
    """
    growing = hit.found
    since_ms = monotonic_ms()
    while not growing.is_over:
        if not hit.goes_on:
            return None
        if session.engine.state is EngineState.LOADING:
            since_ms = monotonic_ms()
        left_ms = None if budget_ms is None else since_ms + budget_ms - monotonic_ms()
        if left_ms is not None and left_ms <= 0:
            rest = _early(session, hit, budget_ms)
            if rest.strip():
                return FirstText(rest, is_partial=True, is_kept=is_kept)
            left_ms = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if left_ms is None else left_ms / 1e3):
                await growing.change.wait()
    return _end_of(hit, is_kept=is_kept)


def _early(session: ServerSession, hit: Hit[Generation], budget_ms: float | None) -> str:
    """What can be given of a text that grows on: its complete lines, or the words of the first where none is.

    Words are given only where there is a budget at all, and to clients that are told how the text grows on.
    """
    lines = hit.rest_of(hit.found.complete_lines)
    if lines.strip() or not budget_ms or not session.client_features.inline_completion_progress:
        return lines
    return hit.rest_of(hit.found.complete_words)


def _end_of(hit: Hit[Generation], *, is_kept: bool) -> FirstText | None:
    growing = hit.found
    if growing.error is not None:
        raise growing.error
    if growing.was_stopped:
        return FirstText("", EmptyReason.EDITED)
    if hit.typed and not hit.goes_on:
        return None
    rest = hit.rest_of(growing.text)
    reason = growing.shaped.reason or (None if rest else EmptyReason.BLANK)
    return FirstText(rest, reason, growing.output, is_kept=is_kept)

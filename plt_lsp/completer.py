"""Runs one inline completion: snapshot and plan in, text or a named reason out.

It does not know the protocol's types; how the engine is reached and what the session is told is all that is not pure.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from plt_engine.errors import ConfigError, EngineError, HostError, LoopCountError, PackError, PackNotFoundError
from plt_engine.types import GenerationChunk, GenerationOutput, GenerationRequest, StopSpec
from plt_engine.wire import EngineConfig
from plt_lsp.context.prompt import build_prompt
from plt_lsp.postprocess.shape import Shaped, shape
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan

logger = logging.getLogger(__name__)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of one request.

    Attributes:
        text: to insert at the cursor; empty where there is a reason.
        reason: why there is no text, or None.
        output: what the engine said at its end, or None where it was not asked or failed.
    """

    text: str
    reason: EmptyReason | None = None
    output: GenerationOutput | None = None


async def complete(session: ServerSession, snapshot: Snapshot, plan: Plan, progress: Progress) -> Completion:
    """Ask the engine, and turn each of its failures into a reason and at most one message to the user.

    Args:
        session: the engine's client and the user's ear.
        snapshot: what the request sees.
        plan: how much to ask for.
        progress: called with the text so far whenever it has changed.
    """
    try:
        config = session.engine_config(snapshot.settings)
        completion = await _generate(session, config, snapshot, plan, progress)
    except EngineError as error:
        return Completion("", _explain(session, error))
    session.forget_warnings()
    return completion


async def _generate(
    session: ServerSession, config: EngineConfig, snapshot: Snapshot, plan: Plan, progress: Progress
) -> Completion:
    request = generation_request(session.engine.new_id(), snapshot, plan)
    raw, shown = "", Shaped("")
    async with aclosing(session.engine.generate(config, request)) as events:
        async for event in events:
            if isinstance(event, GenerationChunk):
                raw += event.text
                shown = _advance(session, request, shown, shape(raw, snapshot, plan), progress)
            else:
                final = shown if shown.is_final else shape(event.text, snapshot, plan)
                return Completion(final.text, final.reason, event)
    return Completion("", EmptyReason.ENGINE_ERROR)


def _advance(
    session: ServerSession, request: GenerationRequest, old: Shaped, new: Shaped, progress: Progress
) -> Shaped:
    """Tell of the text so far; where it is final, have the engine stop, which then still says what it cost."""
    if old.is_final:
        return old
    if new.text != old.text:
        progress(new.text)
    if new.is_final:
        session.engine.abort(request.request_id)
    return new


def generation_request(request_id: str, snapshot: Snapshot, plan: Plan) -> GenerationRequest:
    """The engine's request for a snapshot and a plan."""
    settings = snapshot.settings
    return GenerationRequest(
        request_id=request_id,
        session_id=snapshot.session_id,
        prompt=build_prompt(snapshot),
        stop=StopSpec(
            max_tokens=settings.inline_completion.max_tokens,
            unit=plan.unit,
            indent_columns=plan.indent_columns,
            deadline_ms=float(settings.inline_completion.deadline_ms),
        ),
        loops=settings.loops,
    )


def _explain(session: ServerSession, error: EngineError) -> EmptyReason:
    """The reason for an error; the user hears of each kind once until a completion succeeds."""
    reason = reason_of(error)
    remedy = " It is started again when the next completion is asked for." if isinstance(error, HostError) else ""
    session.warn_once(reason, f"No completion: {str(error).rstrip('.')}.{remedy}")
    return reason


def reason_of(error: EngineError) -> EmptyReason:
    """The name of an engine's error among the reasons."""
    if isinstance(error, PackNotFoundError):
        return EmptyReason.NO_PACK
    if isinstance(error, PackError | ConfigError):
        return EmptyReason.PACK_ERROR
    if isinstance(error, LoopCountError):
        return EmptyReason.LOOPS_REFUSED
    if isinstance(error, HostError):
        return EmptyReason.ENGINE_DIED
    return EmptyReason.ENGINE_ERROR

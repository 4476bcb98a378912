"""Runs one inline completion: snapshot in, texts or a named reason out.

It does not know the protocol's types; how the engine is reached and what the session is told is all that is not pure.
"""

import asyncio
import math
from dataclasses import dataclass
from operator import itemgetter

from plt_engine.errors import ConfigError, EngineError, HostError, LoopCountError, PackError, PackNotFoundError
from plt_engine.types import FinishReason, GenerationOutput, RequestKind
from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import monotonic_ms
from plt_lsp.engine_requests import request_for, sampled
from plt_lsp.first_text import FirstText, OnFollow, kept_text, key_of, new_text
from plt_lsp.generation import Generation
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan, decide, refusal, wait_ms

TRIES_PER_ALTERNATIVE = 2
# Of the deadline: who asks sees nothing before the last alternative is there.
ALTERNATIVES_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of one request.

    Attributes:
        texts: to insert at the cursor, each different, the best first; none where there is a reason.
        reason: why there is no text, or None.
        output: what the engine said at the end of its likeliest text, or None where that has not ended or failed.
        is_partial: whether the first text goes on growing.
        is_kept: whether the first text was there already, or on its way.
    """

    texts: tuple[str, ...] = ()
    reason: EmptyReason | None = None
    output: GenerationOutput | None = None
    is_partial: bool = False
    is_kept: bool = False

    @property
    def text(self) -> str:
        """The best text, or an empty one."""
        return self.texts[0] if self.texts else ""


async def complete(
    session: ServerSession, snapshot: Snapshot, on_follow: OnFollow, *, is_automatic: bool
) -> Completion:
    """Find a text or ask the engine, and turn each of its failures into a reason and at most one message to the user.

    Args:
        session: what is kept, the engine's client, and the user's ear.
        snapshot: what the request sees.
        on_follow: called with the generation whose text is going to be the first one, and how much of it is typed.
        is_automatic: whether typing asks, and not the user.
    """
    reason = refusal(snapshot, is_automatic=is_automatic)
    session.note_refusal(reason)
    if reason is None and is_automatic and session.snooze.until is not None:
        reason = EmptyReason.SNOOZED
    if reason is not None:
        session.cache.stop(snapshot.session_id)
        return Completion(reason=reason)
    try:
        config = session.engine_config(snapshot.settings)
        completion = await _complete(session, config, snapshot, on_follow, is_automatic=is_automatic)
    except EngineError as error:
        return Completion(reason=explain(session, error))
    if completion.texts or completion.output is not None:
        session.note_success()
    return completion


async def _complete(
    session: ServerSession, config: EngineConfig, snapshot: Snapshot, on_follow: OnFollow, *, is_automatic: bool
) -> Completion:
    budget_ms = float(snapshot.settings.inline_completion.latency_budget_ms) if is_automatic else None
    first = await kept_text(session, config, snapshot, budget_ms, on_follow)
    if is_automatic and first is not None:
        return _completion(first, [])
    plan = decide(snapshot, session.activity(snapshot.uri), session.tree_of(snapshot), is_automatic=is_automatic)
    if isinstance(plan, EmptyReason):
        session.cache.stop(snapshot.session_id)
        return Completion(reason=plan)
    if first is None:
        first = await _after_pause(session, config, snapshot, plan, budget_ms, on_follow)
    return _completion(first, await _alternatives(session, config, snapshot, plan, first))


async def _after_pause(
    session: ServerSession,
    config: EngineConfig,
    snapshot: Snapshot,
    plan: Plan,
    budget_ms: float | None,
    on_follow: OnFollow,
) -> FirstText:
    session.cache.stop(snapshot.session_id)
    if budget_ms is not None:
        pause_ms = wait_ms(session.activity(snapshot.uri), session.latency_ms, monotonic_ms())
        await asyncio.sleep(pause_ms / 1e3)
    return await new_text(session, config, snapshot, plan, budget_ms, on_follow)


def _completion(first: FirstText, others: list[str]) -> Completion:
    texts = tuple(text for text in (first.text, *others) if text)
    return Completion(texts, None if texts else first.reason, first.output, first.is_partial, first.is_kept)


async def _alternatives(
    session: ServerSession, config: EngineConfig, snapshot: Snapshot, plan: Plan, first: FirstText
) -> list[str]:
    """Further texts that differ after shaping too, the surest first; nobody is kept waiting for long for them."""
    if plan.num_texts == 1:
        return []
    found: list[tuple[float, Generation]] = []
    texts = {first.text, ""}
    spent_ms = first.output.metrics.total_ms if first.output is not None and not first.is_kept else 0.0
    deadline_ms = snapshot.settings.inline_completion.deadline_ms
    ends_ms = monotonic_ms() + min(deadline_ms - spent_ms, ALTERNATIVES_SHARE * deadline_ms)
    outline, key = session.outline_of(snapshot), key_of(session, snapshot, config)
    for seed in range(1, TRIES_PER_ALTERNATIVE * (plan.num_texts - 1) + 1):
        left_ms = ends_ms - monotonic_ms()
        if len(found) == plan.num_texts - 1 or left_ms <= 0:
            break
        others, request_id = session.others.current(snapshot), session.engine.new_id()
        request = request_for(request_id, snapshot, plan, outline, others, kind=RequestKind.INVOKED)
        request = sampled(request, seed, left_ms)
        other = Generation(session.engine, config, request, snapshot, plan, key)
        output = await other.finished()
        if other.text not in texts and output.finish_reason is not FinishReason.DEADLINE:
            texts.add(other.text)
            found.append((mean_log_probability(output), other))
    generations = [other for _, other in sorted(found, key=itemgetter(0), reverse=True)]
    session.cache.add_behind(generations)
    return [other.text for other in generations]


def mean_log_probability(output: GenerationOutput) -> float:
    """How sure the model was of its tokens, 0 being certainty; minus infinity where that was not asked for."""
    found = output.log_probabilities
    return sum(found) / len(found) if found else -math.inf


def explain(session: ServerSession, error: EngineError) -> EmptyReason:
    """The reason for an error; the user hears of each kind once until a completion succeeds."""
    reason = reason_of(error)
    remedy = " It is started again when the next completion is asked for." if isinstance(error, HostError) else ""
    session.note_failure(reason, f"No completion: {str(error).rstrip('.')}.{remedy}")
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

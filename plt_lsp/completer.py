"""Runs one inline completion: snapshot and plan in, texts or a named reason out.

It does not know the protocol's types; how the engine is reached and what the session is told is all that is not pure.
"""

from dataclasses import dataclass

from plt_engine.errors import ConfigError, EngineError, HostError, LoopCountError, PackError, PackNotFoundError
from plt_engine.types import FinishReason, GenerationOutput
from plt_engine.wire import EngineConfig
from plt_lsp.candidate import Candidate, Progress, generate, ignore_progress, request_for, sampled
from plt_lsp.engine_client import monotonic_ms
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan

TRIES_PER_ALTERNATIVE = 2


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of one request.

    Attributes:
        texts: to insert at the cursor, each different, the best first; none where there is a reason.
        reason: why there is no text, or None.
        output: what the engine said at the end of its likeliest text, or None where it was not asked or failed.
    """

    texts: tuple[str, ...] = ()
    reason: EmptyReason | None = None
    output: GenerationOutput | None = None

    @property
    def text(self) -> str:
        """The best text, or an empty one."""
        return self.texts[0] if self.texts else ""


async def complete(session: ServerSession, snapshot: Snapshot, plan: Plan, progress: Progress) -> Completion:
    """Ask the engine, and turn each of its failures into a reason and at most one message to the user.

    Args:
        session: the engine's client and the user's ear.
        snapshot: what the request sees.
        plan: how much to ask for.
        progress: called with the likeliest text so far whenever it has changed.
    """
    try:
        config = session.engine_config(snapshot.settings)
        request = request_for(session.engine.new_id(), snapshot, plan)
        first = await generate(session.engine, config, request, snapshot, plan, progress)
        others = await _alternatives(session, config, snapshot, plan, first)
    except EngineError as error:
        return Completion(reason=explain(session, error))
    session.note_success()
    texts = tuple(candidate.text for candidate in (first, *others) if candidate.text)
    return Completion(texts, None if texts else first.shaped.reason, first.output)


async def _alternatives(
    session: ServerSession, config: EngineConfig, snapshot: Snapshot, plan: Plan, first: Candidate
) -> list[Candidate]:
    """Further texts that differ after shaping too, the surest first; the deadline counts for all texts together."""
    found: list[Candidate] = []
    texts = {first.text, ""}
    ends_ms = monotonic_ms() + snapshot.settings.inline_completion.deadline_ms - first.output.metrics.total_ms
    for seed in range(1, TRIES_PER_ALTERNATIVE * (plan.num_texts - 1) + 1):
        left_ms = ends_ms - monotonic_ms()
        if len(found) == plan.num_texts - 1 or left_ms <= 0:
            break
        request = sampled(request_for(session.engine.new_id(), snapshot, plan), seed, left_ms)
        candidate = await generate(session.engine, config, request, snapshot, plan, ignore_progress)
        if candidate.text not in texts and candidate.output.finish_reason is not FinishReason.DEADLINE:
            texts.add(candidate.text)
            found.append(candidate)
    return sorted(found, key=lambda candidate: candidate.mean_log_probability, reverse=True)


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

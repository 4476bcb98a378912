"""One text from the engine: the request for it, and the text as it grows, shaped and stopped where it is final.

It does not know how many texts are wanted, nor what becomes of an error.
"""

import math
from contextlib import aclosing
from dataclasses import dataclass, replace

from plt_engine.errors import EngineError
from plt_engine.types import GenerationOutput, GenerationRequest, Priority, SamplingParams, StopSpec
from plt_engine.wire import EngineConfig
from plt_lsp.context.prompt import build_prompt
from plt_lsp.engine_client import EngineClient
from plt_lsp.postprocess.shape import BROKEN_OFF, Shaped, shape
from plt_lsp.postprocess.view import View
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan

# The likeliest text is always the same one; others need some chance to differ from it.
TEMPERATURE = 0.8
TOP_P = 0.95


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text, and what the engine said at its end."""

    shaped: Shaped
    output: GenerationOutput

    @property
    def text(self) -> str:
        """The text to offer, or an empty one."""
        return self.shaped.text

    @property
    def mean_log_probability(self) -> float:
        """How sure the model was of its tokens, 0 being certainty; minus infinity where that was not asked for."""
        found = self.output.log_probabilities
        return sum(found) / len(found) if found else -math.inf


async def generate(
    engine: EngineClient,
    config: EngineConfig,
    request: GenerationRequest,
    snapshot: Snapshot,
    plan: Plan,
) -> Candidate:
    """One text; where it is final the engine is told to stop, and still says what it cost. Raises EngineError."""
    raw, shown, view = "", Shaped(""), View.of(snapshot, plan)
    async with aclosing(engine.generate(config, request)) as events:
        async for event in events:
            if isinstance(event, GenerationOutput):
                is_whole = event.finish_reason not in BROKEN_OFF
                return Candidate(shown if shown.is_final else shape(event.text, view, is_whole=is_whole), event)
            if not shown.is_final:
                raw += event.text
                shown = shape(raw, view, is_done=False)
                if shown.is_final:
                    engine.abort(request.request_id)
    raise EngineError(f"the engine ended the request {request.request_id} without an output")


def request_for(
    request_id: str, snapshot: Snapshot, plan: Plan, priority: Priority = Priority.INTERACTIVE
) -> GenerationRequest:
    """The engine's request for the likeliest text."""
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
        priority=priority,
    )


def warm_up_request(request_id: str, snapshot: Snapshot) -> GenerationRequest:
    """The engine's request for no text: the prompt is read, so that the next completion there begins at once."""
    return GenerationRequest(
        request_id=request_id,
        session_id=snapshot.session_id,
        prompt=build_prompt(snapshot),
        stop=StopSpec(max_tokens=1),
        loops=snapshot.settings.loops,
        priority=Priority.WARM_UP,
    )


def sampled(request: GenerationRequest, seed: int, deadline_ms: float) -> GenerationRequest:
    """The request for another text, which is chosen by chance, repeatably, and judged by its probability."""
    return replace(
        request,
        sampling=SamplingParams(TEMPERATURE, TOP_P, seed),
        stop=replace(request.stop, deadline_ms=deadline_ms),
        log_probabilities=True,
    )

"""What the engine is asked for at a place: the likeliest text, another one, or none but that the prompt is read.

It does not know how an answer comes or what becomes of it.
"""

from dataclasses import replace

from plt_engine.types import GenerationRequest, Priority, RequestKind, SamplingParams, StopSpec
from plt_lsp.budgets import budget_ms, loops_asked
from plt_lsp.context.cross_file import Selection
from plt_lsp.context.prompt import build_prompt
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.trigger import Plan

# The likeliest text is always the same one; others need some chance to differ from it.
TEMPERATURE = 0.8
TOP_P = 0.95


def request_for(
    request_id: str,
    snapshot: Snapshot,
    plan: Plan,
    outline: Outline | None,
    others: Selection,
    priority: Priority = Priority.INTERACTIVE,
    kind: RequestKind = RequestKind.TYPING,
) -> GenerationRequest:
    """The engine's request for the likeliest text.

    Args:
        request_id: names it.
        snapshot: the place.
        plan: how much is asked for.
        outline: of the snapshot's lines, where it has one.
        others: what is shown of other files.
        priority: what it gives way to.
        kind: what it is for, which says its latency budget.
    """
    settings = snapshot.settings
    return GenerationRequest(
        request_id=request_id,
        session_id=snapshot.session_id,
        prompt=build_prompt(snapshot, outline, others),
        stop=StopSpec(
            max_tokens=settings.inline_completion.max_tokens,
            unit=plan.unit,
            indent_columns=plan.indent_columns,
            deadline_ms=float(settings.inline_completion.deadline_ms),
        ),
        loops=loops_asked(settings),
        priority=priority,
        kind=kind,
        budget_ms=budget_ms(settings, kind),
    )


def warm_up_request(
    request_id: str, snapshot: Snapshot, outline: Outline | None, others: Selection
) -> GenerationRequest:
    """The engine's request for no text: the prompt is read, so that the next completion there begins at once."""
    return GenerationRequest(
        request_id=request_id,
        session_id=snapshot.session_id,
        prompt=build_prompt(snapshot, outline, others),
        stop=StopSpec(max_tokens=1),
        loops=loops_asked(snapshot.settings),
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

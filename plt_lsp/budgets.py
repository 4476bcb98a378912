"""What the settings say of time and loops for each kind of request, and how it is changed while the server runs.

Pure functions of settings; it does not know who keeps to them.
"""

from dataclasses import replace

from plt_engine.types import RequestKind
from plt_lsp.settings import Loops, Settings


def loops_asked(settings: Settings) -> int | None:
    """The loop count that the user wants, or None where the policy is to choose it."""
    return None if isinstance(settings.loops, Loops) else settings.loops


def budget_ms(settings: Settings, kind: RequestKind) -> float | None:
    """The latency budget of a kind of request, in milliseconds; None for 0, which nothing is worth giving up for."""
    return float(budgets(settings)[kind]) or None


def budgets(settings: Settings) -> dict[RequestKind, int]:
    """Every kind's latency budget, in milliseconds."""
    inline = settings.inline_completion
    return {
        RequestKind.TYPING: inline.latency_budget_ms,
        RequestKind.INVOKED: inline.invoked_latency_budget_ms,
        RequestKind.EXPLAIN: settings.explain.latency_budget_ms,
        RequestKind.REFACTOR: settings.refactor.latency_budget_ms,
    }


def with_budget(settings: Settings, kind: RequestKind, ms: int) -> Settings:
    """The settings with another latency budget for a kind of request."""
    inline = settings.inline_completion
    match kind:
        case RequestKind.TYPING:
            return replace(settings, inline_completion=replace(inline, latency_budget_ms=ms))
        case RequestKind.INVOKED:
            return replace(settings, inline_completion=replace(inline, invoked_latency_budget_ms=ms))
        case RequestKind.EXPLAIN:
            return replace(settings, explain=replace(settings.explain, latency_budget_ms=ms))
        case RequestKind.REFACTOR:
            return replace(settings, refactor=replace(settings.refactor, latency_budget_ms=ms))

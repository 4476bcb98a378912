"""What the policy decided for a request, in words and as the protocol has it.

It decides nothing.
"""

from collections.abc import Mapping

from plt_engine.types import Decision, DecisionReason, LoopLatency
from plt_lsp.messages import DecisionJson, LatencyJson

REASONS: Mapping[DecisionReason, str] = {
    DecisionReason.NO_BUDGET: "no budget to keep",
    DecisionReason.NOT_MEASURED: "this machine's speed is not known yet",
    DecisionReason.FITS: "the best loop count fits",
    DecisionReason.FEWER_LOOPS: "more loops would take too long",
    DecisionReason.HELD: "more loops fit, but not often enough in a row yet",
    DecisionReason.FEWER_TOKENS: "a whole line would take too long",
    DecisionReason.LESS_CONTEXT: "the whole context would take too long",
    DecisionReason.OVER_BUDGET: "not even the least fits",
}


def described(decision: Decision) -> str:
    """One line for people."""
    parts = [f"R={decision.loops} ({_choice(decision)})"]
    parts.append(f"{decision.num_prompt_tokens} of {decision.num_whole_tokens} prompt tokens")
    parts.append(f"{decision.num_uncached_tokens} to read")
    if decision.budget_ms is not None:
        parts.append(f"up to {decision.num_answer_tokens} tokens in {decision.budget_ms:.0f} ms")
    if decision.predicted_ms is not None:
        parts.append(f"predicted {decision.predicted_ms:.0f} ms")
    if decision.answer_ms is not None:
        parts.append(f"took {decision.answer_ms:.0f} ms")
    return f"{REASONS[decision.reason]}: {', '.join(parts)}"


def _choice(decision: Decision) -> str:
    if decision.asked_loops is None:
        return "auto"
    is_as_asked = decision.loops == decision.asked_loops
    return "as asked" if is_as_asked else f"the pack for R={decision.asked_loops} is not loaded yet"


def decision_to_json(decision: Decision) -> DecisionJson:
    """A decision with the protocol's spelling of names."""
    return {
        "kind": decision.kind.value,
        "reason": decision.reason.value,
        "askedLoops": decision.asked_loops,
        "loops": decision.loops,
        "budgetMs": decision.budget_ms,
        "numWholeTokens": decision.num_whole_tokens,
        "numPromptTokens": decision.num_prompt_tokens,
        "numUncachedTokens": decision.num_uncached_tokens,
        "numAnswerTokens": decision.num_answer_tokens,
        "predictedMs": decision.predicted_ms,
        "answerMs": decision.answer_ms,
        "modelMs": decision.model_ms,
        "withinBudget": decision.is_within_budget,
        "text": described(decision),
    }


def latency_to_json(latency: LoopLatency) -> LatencyJson:
    """What is known of a loop count's speed, with the protocol's spelling of names."""
    return {
        "loops": latency.loops,
        "tokenMs": latency.token_ms,
        "readingMs": latency.reading_ms,
        "error": latency.error,
        "numMeasured": latency.num_measured,
    }

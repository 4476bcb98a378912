"""What follows every answer with a completion, whichever request it was for: log, counts, report and statistics.

It does not know the forms that answers have.
"""

import logging

from plt_engine.types import GenerationOutput
from plt_lsp.acceptance import Place
from plt_lsp.completer import Completion
from plt_lsp.convert import metrics_to_json
from plt_lsp.messages import COMPLETION_REPORT
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot

logger = logging.getLogger(__name__)

RequestId = str | int | None


def offered(
    session: ServerSession, snapshot: Snapshot, completion: Completion, elapsed_ms: float
) -> list[tuple[int, str]]:
    """The texts, each with the number by which its acceptance is told."""
    loops = completion.output.metrics.loops if completion.output else 1
    place = Place(snapshot.uri, snapshot.language_id, snapshot.cursor)
    numbers = session.usage.offered(place, loops, completion.texts, elapsed_ms)
    return list(zip(numbers, completion.texts, strict=True))


def report(session: ServerSession, uri: str, request_id: RequestId, completion: Completion, elapsed_ms: float) -> None:
    """Log and count how the request ended, and tell a client that asked for it."""
    outcome = str(completion.reason) if completion.reason else "completed"
    session.counts[f"completion.{outcome}"] += 1
    if completion.is_kept:
        session.counts["kept"] += 1
    logger.info("completion %s: %s after %.0f ms%s", request_id, outcome, elapsed_ms, _cost(completion.output))
    if session.client_features.completion_report:
        output = completion.output
        session.editor.notify(
            COMPLETION_REPORT,
            {
                "requestId": request_id,
                "uri": uri,
                "outcome": outcome,
                "elapsedMs": elapsed_ms,
                "model": session.engine.info.pack if session.engine.info else None,
                "numItems": len(completion.texts),
                "partial": completion.is_partial,
                "kept": completion.is_kept,
                "finishReason": str(output.finish_reason) if output else None,
                "metrics": metrics_to_json(output.metrics) if output else None,
            },
        )


def _cost(output: GenerationOutput | None) -> str:
    if output is None:
        return ""
    cost = output.metrics
    return (
        f" (R={cost.loops}, TTFT {cost.ttft_ms:.0f} ms, {cost.tokens_per_second:.1f} tokens/s, "
        f"{cost.num_generated_tokens} tokens, {cost.num_cached_tokens} of {cost.num_prompt_tokens} cached)"
    )

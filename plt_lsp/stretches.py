"""One answer of the model in as many stretches as it takes: a completion that is more urgent only makes it later.

What is typed stops the model at its next token, and the answer goes on from there once the model is free again. It does
not know what is asked.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple

from plt_engine.types import FinishReason, GenerationChunk, GenerationOutput, GenerationRequest
from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import EngineClient, monotonic_ms

PAUSE_S = 0.05

# From what was said so far, the tokens that are left and the milliseconds that are left.
MakeRequest = Callable[[str, int, float], GenerationRequest]
# Told of what was said so far, and of the event that it comes from.
Follow = Callable[[str, GenerationChunk | GenerationOutput], None]


class Stretches(NamedTuple):
    """What was said; the last stretch's output, or None where the time or the tokens were over; the tokens left."""

    said: str
    output: GenerationOutput | None
    num_left: int


async def in_stretches(
    engine: EngineClient, config: EngineConfig, make: MakeRequest, follow: Follow, max_tokens: int, ends_ms: float
) -> Stretches:
    """Generate until an end that is not an interruption.

    Args:
        engine: asked.
        config: which model.
        make: the request of each stretch.
        follow: told of each event.
        max_tokens: of all stretches.
        ends_ms: when the time is over, by `monotonic_ms`.
    """
    said, left = "", max_tokens
    while left > 0 and (left_ms := ends_ms - monotonic_ms()) > 0:
        output: GenerationOutput | None = None
        before = said
        async with aclosing(engine.generate(config, make(said, left, left_ms))) as events:
            async for event in events:
                if isinstance(event, GenerationOutput):
                    output, said = event, before + event.text
                else:
                    said += event.text
                follow(said, event)
        if output is not None:
            left -= output.metrics.num_generated_tokens
            if output.finish_reason is not FinishReason.ABORTED:
                return Stretches(said, output, left)
        await asyncio.sleep(PAUSE_S)  # a completion has taken the model
    return Stretches(said, None, left)

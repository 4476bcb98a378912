"""The decode loop: from a prompt's ids and a sequence's state to text, token by token.

It does not know packs, sessions or processes, and it chooses neither the loop count nor the prompt.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from plt_engine.kv_cache import KVCache
from plt_engine.runner import ModelRunner
from plt_engine.sampling import Sampler
from plt_engine.stopping import TextStopper
from plt_engine.tokenizer import StreamDecoder, Tokenizer
from plt_engine.types import (
    FinishReason,
    GenerationChunk,
    GenerationMetrics,
    GenerationOutput,
    GenerationRequest,
)


@dataclass(slots=True)
class Sequence:
    """The ids whose KV a cache holds, and the cache: `len(tokens) == cache.num_tokens` between requests."""

    tokens: list[int]
    cache: KVCache

    def rewind_to(self, prompt: list[int]) -> int:
        """Keep what the prompt begins with, short of its last token, whose logits are wanted; returns how much."""
        limit = min(len(self.tokens), len(prompt) - 1)
        kept = next((i for i in range(limit) if self.tokens[i] != prompt[i]), limit)
        self.cache.truncate(kept)
        del self.tokens[kept:]
        return kept


class _Clock:
    """Milliseconds since a request's start, and its deadline."""

    def __init__(self, deadline_ms: float | None) -> None:
        self._start = time.perf_counter()
        self._deadline_ms = deadline_ms

    def ms(self) -> float:
        return (time.perf_counter() - self._start) * 1e3

    def is_late(self) -> bool:
        return self._deadline_ms is not None and self.ms() >= self._deadline_ms


def generate(
    runner: ModelRunner,
    tokenizer: Tokenizer,
    sequence: Sequence,
    prompt: list[int],
    request: GenerationRequest,
    end_ids: frozenset[int],
    should_abort: Callable[[], bool],
) -> Iterator[GenerationChunk | GenerationOutput]:
    """Generate one completion: chunks as they become certain, then exactly one output.

    Args:
        runner: the model.
        tokenizer: the pack's.
        sequence: the state to go on from; what it shares with the prompt is not computed again. It is consistent
            after every yield, and also where the caller drops the iterator.
        prompt: ids, at least one.
        request: sampling and stop rules; the loop count is the sequence's.
        end_ids: tokens that end the text.
        should_abort: asked before each prefill chunk and each token.

    Raises:
        RequestError: a sampling parameter is out of its range.
    """
    clock, sampler = _Clock(request.stop.deadline_ms), Sampler(request.sampling)
    decoder, stopper = StreamDecoder(tokenizer), TextStopper(request.stop)
    num_cached = sequence.rewind_to(prompt)
    state = _prefill(runner, sequence, prompt, lambda: should_abort() or clock.is_late())
    num_generated, ttft_ms = 0, 0.0
    reason = None if state is not None else FinishReason.ABORTED if should_abort() else FinishReason.DEADLINE
    while state is not None:
        token = sampler.choose(runner.logits(state))
        num_generated += 1
        ttft_ms = ttft_ms or clock.ms()
        if token in end_ids:
            reason = FinishReason.END_OF_TEXT
            break
        certain, reason = stopper.push(decoder.push(token))
        if certain:
            yield GenerationChunk(request.request_id, certain)
        reason = reason or _outer_reason(num_generated >= request.stop.max_tokens, should_abort(), clock.is_late())
        if reason is not None:
            break
        state = _append(runner, sequence, token)
    assert reason is not None, "the loop ends with a reason only"
    held = _rest(stopper, decoder, reason)
    if held:
        yield GenerationChunk(request.request_id, held)
    total_ms = clock.ms()
    metrics = GenerationMetrics(
        loops=sequence.cache.loops,
        num_prompt_tokens=len(prompt),
        num_cached_tokens=num_cached,
        num_computed_tokens=len(prompt) - num_cached,
        num_generated_tokens=num_generated,
        ttft_ms=ttft_ms or total_ms,
        total_ms=total_ms,
        tokens_per_second=(num_generated - 1) * 1e3 / (total_ms - ttft_ms) if num_generated > 1 else 0.0,
    )
    yield GenerationOutput(request.request_id, stopper.text, reason, metrics)


def _prefill(
    runner: ModelRunner, sequence: Sequence, prompt: list[int], should_stop: Callable[[], bool]
) -> Tensor | None:
    """The last position's state [d], or None where it was stopped; the sequence holds what was finished."""
    states = runner.prefill(sequence.cache, prompt, should_abort=should_stop)
    sequence.tokens[:] = prompt[: sequence.cache.num_tokens]
    return None if states is None else states[-1]


def _append(runner: ModelRunner, sequence: Sequence, token: int) -> Tensor:
    state = runner.decode(sequence.cache, token)
    sequence.tokens.append(token)
    return state


def _outer_reason(is_full: bool, is_aborted: bool, is_late: bool) -> FinishReason | None:
    if is_aborted:
        return FinishReason.ABORTED
    if is_late:
        return FinishReason.DEADLINE
    return FinishReason.LENGTH if is_full else None


def _rest(stopper: TextStopper, decoder: StreamDecoder, reason: FinishReason) -> str:
    """What was held back and may be shown now: nothing where a stop rule ended the text."""
    if reason in (FinishReason.STOP_STRING, FinishReason.END_OF_LINE, FinishReason.END_OF_BLOCK):
        return ""
    certain, ended = stopper.push(decoder.flush())
    return certain if ended else certain + stopper.flush()

"""The decode loop: from a prompt's ids and a sequence's state to text, token by token.

It does not know packs, sessions or processes, and it chooses neither the loop count nor the prompt.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from plt_engine.drafts import CopyDrafter
from plt_engine.growing_text import GrowingText
from plt_engine.kv_cache import KVCache
from plt_engine.runner import ModelRunner
from plt_engine.sampling import Sampler, log_probability
from plt_engine.types import (
    FinishReason,
    GenerationChunk,
    GenerationMetrics,
    GenerationOutput,
    GenerationRequest,
)
from plt_engine.vocabulary import Vocabulary


@dataclass(slots=True)
class Sequence:
    """The ids whose KV a cache holds, and the cache: `len(tokens) == cache.num_tokens` between requests."""

    tokens: list[int]
    cache: KVCache

    def num_shared_with(self, prompt: list[int]) -> int:
        """How much of a prompt is held, token by token; never its last token, whose logits are wanted."""
        limit = min(len(self.tokens), len(prompt) - 1)
        return next((i for i in range(limit) if self.tokens[i] != prompt[i]), limit)

    def rewind(self, num_tokens: int) -> None:
        """Keep the first `num_tokens`."""
        self.cache.truncate(num_tokens)
        del self.tokens[num_tokens:]


@dataclass(frozen=True, slots=True)
class PromptIds:
    """A prompt's ids, at least one, and the bytes that the text must begin with and that are not part of it."""

    ids: list[int]
    remainder: bytes = b""


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """When a text is an answer, though it may grow on: after so many tokens, or with its first line that is not blank.

    Without either it is one at its end.
    """

    num_tokens: int | None = None
    with_line: bool = False

    def is_reached(self, num_tokens: int, text: str) -> bool:
        """Whether so many tokens with this text are an answer."""
        if self.num_tokens is not None and num_tokens >= self.num_tokens:
            return True
        return self.with_line and "\n" in text.lstrip()


@dataclass(frozen=True, slots=True)
class _AnswerCost:
    """What there was when the answer was complete."""

    ms: float = 0.0
    num_tokens: int = 0
    num_drafted: int = 0
    num_accepted: int = 0


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
    vocabulary: Vocabulary,
    sequence: Sequence,
    prompt: PromptIds,
    request: GenerationRequest,
    should_abort: Callable[[], bool],
    answer_end: AnswerEnd = AnswerEnd(),
) -> Iterator[GenerationChunk | GenerationOutput]:
    """Generate one text: chunks as they become certain, then exactly one output.

    Args:
        runner: the model.
        vocabulary: the pack's.
        sequence: the state to go on from; what it shares with the prompt is not computed again. It is consistent
            after every yield, and also where the caller drops the iterator.
        prompt: what is read before the first token is chosen.
        request: sampling and stop rules; the loop count is the sequence's.
        should_abort: asked before each prefill chunk and each token.
        answer_end: when the text is the answer whose time is told; the text itself does not end there.

    Raises:
        RequestError: a sampling parameter is out of its range, or a constraint leaves nothing to choose.
    """
    clock, sampler, drafter = _Clock(request.stop.deadline_ms), Sampler(request.sampling), CopyDrafter()
    text = GrowingText(vocabulary, request, prompt.remainder)
    num_cached = sequence.num_shared_with(prompt.ids)
    sequence.rewind(num_cached)
    num_token_layers = _cost(runner, sequence, len(prompt.ids))
    state = _prefill(runner, sequence, prompt.ids, lambda: should_abort() or clock.is_late())
    num_generated, ttft_ms, answer = 0, 0.0, _AnswerCost()
    reason = None if state is not None else FinishReason.ABORTED if should_abort() else FinishReason.DEADLINE
    if state is not None:
        for token, log_p in _choices(runner, sequence, state, sampler, drafter, text):
            num_generated += 1
            ttft_ms = ttft_ms or clock.ms()
            certain, reason = text.push(token, log_p)
            if certain:
                yield GenerationChunk(request.request_id, certain)
            reason = reason or _outer_reason(num_generated >= request.stop.max_tokens, should_abort(), clock.is_late())
            if not answer.num_tokens and (reason is not None or answer_end.is_reached(num_generated, text.text)):
                answer = _AnswerCost(clock.ms(), num_generated, drafter.num_drafted, drafter.num_accepted)
            if reason is not None:
                break
    assert reason is not None, "the loop ends with a reason only"
    held = text.flush(reason)
    if held:
        yield GenerationChunk(request.request_id, held)
    total_ms = clock.ms()
    metrics = GenerationMetrics(
        loops=sequence.cache.loops,
        num_prompt_tokens=len(prompt.ids),
        num_cached_tokens=num_cached,
        num_computed_tokens=len(prompt.ids) - num_cached,
        num_generated_tokens=num_generated,
        ttft_ms=ttft_ms or total_ms,
        total_ms=total_ms,
        tokens_per_second=(num_generated - 1) * 1e3 / (total_ms - ttft_ms) if num_generated > 1 else 0.0,
        num_drafted_tokens=drafter.num_drafted,
        num_accepted_tokens=drafter.num_accepted,
        num_token_layers=num_token_layers,
        answer_ms=answer.ms or total_ms,
        num_answer_tokens=answer.num_tokens,
        num_answer_drafted_tokens=answer.num_drafted,
        num_answer_accepted_tokens=answer.num_accepted,
    )
    log_probabilities = tuple(text.log_probabilities) if request.log_probabilities else ()
    yield GenerationOutput(request.request_id, text.text, reason, metrics, log_probabilities)


def _takes_one_pass(sequence: Sequence, num_prompt_tokens: int) -> bool:
    """Whether a prompt needs one token more than is held: decode runs all loops in one pass, a prefill in turn."""
    return num_prompt_tokens == sequence.cache.num_tokens + 1 and sequence.cache.is_ready


def _cost(runner: ModelRunner, sequence: Sequence, num_prompt_tokens: int) -> int:
    """Token-layers that reading a prompt takes."""
    if _takes_one_pass(sequence, num_prompt_tokens):
        return sequence.cache.loops * runner.config.num_hidden_layers
    return runner.plan(sequence.cache, num_prompt_tokens, num_prompt_tokens - 1).token_layers


def _prefill(
    runner: ModelRunner, sequence: Sequence, prompt: list[int], should_stop: Callable[[], bool]
) -> Tensor | None:
    """The last position's state [d], or None where it was stopped; the sequence holds what was finished."""
    if _takes_one_pass(sequence, len(prompt)) and not should_stop():
        state = runner.decode(sequence.cache, prompt[-1])
        sequence.tokens[:] = prompt
        return state
    states = runner.prefill(sequence.cache, prompt, should_abort=should_stop)
    sequence.tokens[:] = prompt[: sequence.cache.num_tokens]
    return None if states is None else states[-1]


def _choices(
    runner: ModelRunner,
    sequence: Sequence,
    state: Tensor,
    sampler: Sampler,
    drafter: CopyDrafter,
    text: GrowingText,
) -> Iterator[tuple[int, float]]:
    """Tokens one after the other, each with its log-probability, as long as the caller asks for more.

    A token is computed with only when the next is asked for. Greedy choices are verified several at a time where the
    drafter has a guess; the tokens are those that come one by one.
    """
    logits = runner.logits(state)
    try:
        while True:
            token = sampler.choose(logits, text.allowed)
            yield token, log_probability(logits, token) if text.wants_probabilities else 0.0
            may_guess = sampler.is_greedy and not text.is_bound
            guess = _guess(drafter, sequence, token, runner.max_tokens) if may_guess else []
            rows = _run(runner, sequence, [token, *guess])  # [1 + len(guess), V]
            sequence.tokens.append(token)
            num_right = 0
            while num_right < len(guess) and sampler.choose(rows[num_right]) == guess[num_right]:
                accepted = guess[num_right]
                yield accepted, log_probability(rows[num_right], accepted) if text.wants_probabilities else 0.0
                sequence.tokens.append(accepted)
                num_right += 1
                drafter.num_accepted += 1
            sequence.cache.truncate(len(sequence.tokens))
            logits = rows[num_right]
    finally:
        sequence.cache.truncate(len(sequence.tokens))


def _guess(drafter: CopyDrafter, sequence: Sequence, token: int, max_tokens: int) -> list[int]:
    """What may follow `token`, which follows the sequence; the drafter reads only what it has not read yet."""
    drafter.extend(sequence.tokens[drafter.num_tokens :])
    drafter.extend([token])
    return drafter.draft()[: max_tokens - len(sequence.tokens) - 1]


def _run(runner: ModelRunner, sequence: Sequence, tokens: list[int]) -> Tensor:
    """Logits [len(tokens), V] after each of the next tokens; the cache holds them all, the sequence does not yet."""
    cache, start = sequence.cache, len(sequence.tokens)
    if len(tokens) == 1 and cache.is_ready:
        return runner.logits(runner.decode(cache, tokens[0])[None])
    states = runner.prefill(cache, sequence.tokens + tokens, first_wanted=start)
    assert states is not None, "nothing aborts this prefill"
    return runner.logits(states)


def _outer_reason(is_full: bool, is_aborted: bool, is_late: bool) -> FinishReason | None:
    if is_aborted:
        return FinishReason.ABORTED
    if is_late:
        return FinishReason.DEADLINE
    return FinishReason.LENGTH if is_full else None

"""Applies the policy to the requests of one engine: what each would compute, what was decided, and what came of it.

It knows caches and prefill plans, but no text and no clock: times are handed in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from plt_engine.generate import AnswerEnd
from plt_engine.generate import Sequence as TokenSequence
from plt_engine.latency import LatencyModel, Measurement, Prediction, Work
from plt_engine.latency_store import LatencyStore
from plt_engine.loop_policy import RULES, Choice, Held, Task, choose
from plt_engine.runner import ModelRunner
from plt_engine.trapezoid import LoopState
from plt_engine.types import Decision, DecisionReason, GenerationMetrics, GenerationRequest, LoopLatency, RequestKind

Render = Callable[[int], list[int]]
"""The ids of a request's prompt in at most so many tokens."""
Peek = Callable[[list[int]], TokenSequence | None]
"""The sequence that a prompt would go on from."""
# The model is written down after so many measurements.
SAVE_EVERY = 16


@dataclass(frozen=True, slots=True)
class Planned:
    """A request as it is to be run: its prompt's ids, what was decided, and when its answer is complete."""

    ids: list[int]
    decision: Decision
    max_tokens: int
    answer_end: AnswerEnd
    work: Work


class Planner:
    """Decides for one engine; not thread-safe.

    Args:
        runner: says what a prefill computes.
        counts: the loop counts to choose from, the best first.
        store: where the latency model is kept.
    """

    def __init__(self, runner: ModelRunner, counts: Sequence[int], store: LatencyStore) -> None:
        self._runner = runner
        self._counts = tuple(counts)
        self._store = store
        self._held: dict[tuple[str, RequestKind], Held] = {}
        self._num_unsaved = 0
        self.model = store.load()

    @property
    def latencies(self) -> tuple[LoopLatency, ...]:
        """What is known of each loop count, the lowest first; none before anything was measured."""
        return tuple(latencies_of(self.model, sorted({*self._counts, *self.model.loops})))

    def plan(
        self,
        request: GenerationRequest,
        whole: list[int],
        render: Render,
        peek: Peek,
        fixed_loops: int | None,
        contexts: tuple[int, ...] | None = None,
    ) -> Planned:
        """What to do about a request.

        Args:
            request: its kind and budget.
            whole: the ids of its whole prompt.
            render: makes it shorter.
            peek: looks at what is held of a prompt.
            fixed_loops: the loop count asked for, or None where the policy is to choose it.
            contexts: the lengths that it can be had in, the whole one first; None for those that are cut from it.
        """
        if contexts is None:
            contexts = contexts_of(len(whole), RULES[request.kind].min_context_tokens)
        prompts = _Prompts(self._runner, whole, render, peek)
        choice = self._choose(request, prompts, contexts, fixed_loops)
        ids = prompts.ids(choice.num_context_tokens)
        work = prompts.work(choice.loops, choice.num_context_tokens)
        decision = Decision(
            kind=request.kind,
            reason=choice.reason,
            asked_loops=fixed_loops,
            loops=choice.loops,
            budget_ms=request.budget_ms,
            num_whole_tokens=len(whole),
            num_prompt_tokens=len(ids),
            num_uncached_tokens=len(ids) - prompts.num_cached(choice.num_context_tokens),
            num_answer_tokens=choice.num_answer_tokens,
            predicted_ms=None if choice.prediction is None else choice.prediction.ms,
        )
        rule = RULES[request.kind]
        max_tokens = choice.num_answer_tokens if rule.ends_with_budget else request.stop.max_tokens
        end = AnswerEnd(min(rule.answer_tokens or max_tokens, choice.num_answer_tokens), rule.ends_with_line)
        return Planned(ids, decision, max_tokens, end, work)

    def _choose(
        self, request: GenerationRequest, prompts: "_Prompts", contexts: tuple[int, ...], fixed_loops: int | None
    ) -> Choice:
        counts = self._counts if fixed_loops is None else (fixed_loops,)
        key = (request.session_id, request.kind)
        held = self._held.get(key, Held())
        if request.budget_ms is None:
            loops = held.loops if held.loops is not None and held.loops in counts else counts[0]
            return Choice(loops, len(prompts.whole), request.stop.max_tokens, DecisionReason.NO_BUDGET)
        task = Task(request.kind, request.budget_ms, request.stop.max_tokens, contexts)

        def predict(loops: int, context: int, num_tokens: int) -> Prediction | None:
            return self.model.predict(loops, with_steps(prompts.work(loops, context), num_tokens - 1))

        choice, self._held[key] = choose(task, counts, predict, held)
        return choice

    def finish(self, planned: Planned, metrics: GenerationMetrics, answer_ms: float) -> Decision:
        """What came of a request whose answer took so long; the latency model learns from it."""
        if metrics.num_answer_tokens == 0:
            return planned.decision
        loops, context = planned.decision.loops, planned.decision.num_prompt_tokens
        num_steps = metrics.num_answer_tokens - metrics.num_answer_accepted_tokens - 1
        answer = with_steps(planned.work, max(0, num_steps), metrics.num_answer_drafted_tokens * loops)
        predicted = self.model.predict(loops, answer)
        self.model = self.model.judge(Measurement(loops, answer, answer_ms))
        first_ms = metrics.ttft_ms + answer_ms - metrics.answer_ms
        self._observe(Measurement(loops, planned.work, first_ms))
        num_steps = metrics.num_generated_tokens - metrics.num_accepted_tokens - 1
        if num_steps > 0:
            rest = with_steps(Work(num_context_tokens=context), num_steps, metrics.num_drafted_tokens * loops)
            self._observe(Measurement(loops, rest, metrics.total_ms - metrics.ttft_ms))
        return replace(planned.decision, answer_ms=answer_ms, model_ms=None if predicted is None else predicted.ms)

    def learn(self, model: LatencyModel) -> None:
        """Take another model, and write it down."""
        self.model = model
        self._store.save(model)

    def close_session(self, session_id: str) -> None:
        """Forget what was chosen for a session."""
        self._held = {key: held for key, held in self._held.items() if key[0] != session_id}

    def _observe(self, found: Measurement) -> None:
        self.model = self.model.observe(found)
        self._num_unsaved += 1
        if self._num_unsaved >= SAVE_EVERY:
            self._num_unsaved = 0
            self._store.save(self.model)


class _Prompts:
    """One request's prompt at several lengths, each made when it is first asked for."""

    def __init__(
        self,
        runner: ModelRunner,
        whole: list[int],
        render: Render,
        peek: Peek,
    ) -> None:
        self.whole = whole
        self._runner, self._render, self._peek = runner, render, peek
        self._ids: dict[int, list[int]] = {len(whole): whole}
        self._sequences: dict[int, TokenSequence | None] = {}
        self._works: dict[tuple[int, int], Work] = {}

    def ids(self, context: int) -> list[int]:
        """The ids at a length."""
        if context not in self._ids:
            self._ids[context] = self._render(context)
        return self._ids[context]

    def num_cached(self, context: int) -> int:
        """How many of them need not be computed."""
        sequence = self._sequence(context)
        return 0 if sequence is None else sequence.num_shared_with(self.ids(context))

    def work(self, loops: int, context: int) -> Work:
        """What the first token takes at a loop count."""
        if (loops, context) not in self._works:
            self._works[loops, context] = self._work(loops, context)
        return self._works[loops, context]

    def _sequence(self, context: int) -> TokenSequence | None:
        if context not in self._sequences:
            self._sequences[context] = self._peek(self.ids(context))
        return self._sequences[context]

    def _work(self, loops: int, context: int) -> Work:
        sequence, end = self._sequence(context), len(self.ids(context))
        num_cached = self.num_cached(context)
        # Rings of another loop count are no use: they are rebuilt, which the plan counts.
        later = (LoopState(num_cached, num_cached),) * (loops - 1)
        rewind_tokens = 0
        if sequence is not None:
            rewind_tokens = sequence.cache.rewind_tokens
            later = sequence.cache.later_loops if sequence.cache.loops == loops else later
        config = self._runner.config
        reaches = all(state.reaches(num_cached, config.loop.window_left, config.loop.shift) for state in later)
        if end == num_cached + 1 and reaches:
            return Work(1, 0, 1, end)
        plan = self._runner.plan_from(num_cached, later, rewind_tokens, end, end - 1)
        return Work(1, plan.token_layers / config.num_hidden_layers, 0, end)


def with_steps(work: Work, num_steps: int, num_positions: int = 0) -> Work:
    """Work with so many decoded tokens and read positions more."""
    return replace(work, num_steps=work.num_steps + num_steps, num_positions=work.num_positions + num_positions)


def contexts_of(num_whole: int, least: int | None) -> tuple[int, ...]:
    """Prompt lengths to choose from: the whole one, then the powers of two below it that are not less than `least`."""
    found = [num_whole]
    power = 1 << max(0, num_whole - 1).bit_length() - 1 if num_whole > 1 else 0
    while least is not None and power >= least:
        found.append(power)
        power //= 2
    return tuple(found)


def latencies_of(model: LatencyModel, counts: Sequence[int]) -> list[LoopLatency]:
    """What a latency model says of loop counts."""
    found = []
    for loops in counts:
        one = model.model_of(loops)
        if one is not None:
            token, reading = (
                Work(num_steps=1, num_context_tokens=1000),
                Work(num_positions=100, num_context_tokens=1000),
            )
            found.append(LoopLatency(loops, one.ms(token), one.ms(reading), one.error, one.num_measured))
    return found

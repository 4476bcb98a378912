"""Applies the policy to the requests of one engine: what each would compute, what was decided, and what came of it.

It knows caches and prefill plans, but no text and no clock: times are handed in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from plt_engine.generate import AnswerEnd
from plt_engine.generate import Sequence as TokenSequence
from plt_engine.latency import LatencyModel, Measurement, Prediction, Work
from plt_engine.loop_policy import RULES, Choice, Held, Task, choose
from plt_engine.member import Member, Members
from plt_engine.trapezoid import LoopState
from plt_engine.types import Decision, DecisionReason, GenerationMetrics, GenerationRequest, LoopLatency, RequestKind

Render = Callable[[int], list[int]]
"""The ids of a request's prompt in at most so many tokens."""
Peek = Callable[[Member, list[int]], TokenSequence | None]
"""The sequence that a prompt would go on from with a member's model."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A request as it is to be run: its prompt's ids, by whom, what was decided, and when its answer is complete."""

    ids: list[int]
    member: Member
    decision: Decision
    max_tokens: int
    answer_end: AnswerEnd
    work: Work


class Planner:
    """Decides for one engine; not thread-safe.

    Attributes:
        members: the models and loop counts to choose from; more may come.
    """

    def __init__(self, members: Members) -> None:
        self.members = members
        self._held: dict[tuple[str, RequestKind], Held] = {}

    @property
    def latencies(self) -> tuple[LoopLatency, ...]:
        """What is known of each loop count, the lowest first; none before anything was measured."""
        members = self.members
        counts = sorted({*members.counts, *(count for one in members.all for count in one.speed.model.loops)})
        return tuple(found for count in counts for found in latencies_of(members.at(count).speed.model, [count]))

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
            peek: looks at what is held of a prompt for a model.
            fixed_loops: the loop count asked for, or None where the policy is to choose it.
            contexts: the lengths that it can be had in, the whole one first; None for those that are cut from it.
        """
        if contexts is None:
            contexts = contexts_of(len(whole), RULES[request.kind].min_context_tokens)
        prompts = _Prompts(self.members, whole, render, peek)
        choice = self._choose(request, prompts, contexts, fixed_loops)
        ids, member = prompts.ids(choice.num_context_tokens), self.members.at(choice.loops)
        work = prompts.work(choice.loops, choice.num_context_tokens)
        decision = Decision(
            kind=request.kind,
            reason=choice.reason,
            asked_loops=request.loops,
            loops=choice.loops,
            budget_ms=request.budget_ms,
            num_whole_tokens=len(whole),
            num_prompt_tokens=len(ids),
            num_uncached_tokens=len(ids) - prompts.num_cached(member, choice.num_context_tokens),
            num_answer_tokens=choice.num_answer_tokens,
            predicted_ms=None if choice.prediction is None else choice.prediction.ms,
        )
        rule = RULES[request.kind]
        max_tokens = choice.num_answer_tokens if rule.ends_with_budget else request.stop.max_tokens
        end = AnswerEnd(min(rule.answer_tokens or max_tokens, choice.num_answer_tokens), rule.ends_with_line)
        return Planned(ids, member, decision, max_tokens, end, work)

    def _choose(
        self, request: GenerationRequest, prompts: "_Prompts", contexts: tuple[int, ...], fixed_loops: int | None
    ) -> Choice:
        counts = self.members.counts if fixed_loops is None else (fixed_loops,)
        key = (request.session_id, request.kind)
        held = self._held.get(key, Held())
        if request.budget_ms is None:
            loops = held.loops if held.loops is not None and held.loops in counts else counts[0]
            return Choice(loops, len(prompts.whole), request.stop.max_tokens, DecisionReason.NO_BUDGET)
        task = Task(request.kind, request.budget_ms, request.stop.max_tokens, contexts)

        def predict(loops: int, context: int, num_tokens: int) -> Prediction | None:
            model = self.members.at(loops).speed.model
            return model.predict(loops, with_steps(prompts.work(loops, context), num_tokens - 1))

        choice, self._held[key] = choose(task, counts, predict, held)
        return choice

    def finish(self, planned: Planned, metrics: GenerationMetrics, answer_ms: float) -> Decision:
        """What came of a request whose answer took so long; the member's latency model learns from it."""
        if metrics.num_answer_tokens == 0:
            return planned.decision
        loops, context, speed = planned.decision.loops, planned.decision.num_prompt_tokens, planned.member.speed
        num_steps = metrics.num_answer_tokens - metrics.num_answer_accepted_tokens - 1
        answer = with_steps(planned.work, max(0, num_steps), metrics.num_answer_drafted_tokens * loops)
        predicted = speed.model.predict(loops, answer)
        speed.judge(Measurement(loops, answer, answer_ms))
        first_ms = metrics.ttft_ms + answer_ms - metrics.answer_ms
        speed.observe(Measurement(loops, planned.work, first_ms))
        num_steps = metrics.num_generated_tokens - metrics.num_accepted_tokens - 1
        if num_steps > 0:
            rest = with_steps(Work(num_context_tokens=context), num_steps, metrics.num_drafted_tokens * loops)
            speed.observe(Measurement(loops, rest, metrics.total_ms - metrics.ttft_ms))
        return replace(planned.decision, answer_ms=answer_ms, model_ms=None if predicted is None else predicted.ms)

    def close_session(self, session_id: str) -> None:
        """Forget what was chosen for a session."""
        self._held = {key: held for key, held in self._held.items() if key[0] != session_id}


class _Prompts:
    """One request's prompt at several lengths, each made when it is first asked for."""

    def __init__(self, members: Members, whole: list[int], render: Render, peek: Peek) -> None:
        self.whole = whole
        self._members, self._render, self._peek = members, render, peek
        self._ids: dict[int, list[int]] = {len(whole): whole}
        self._sequences: dict[tuple[Member, int], TokenSequence | None] = {}
        self._works: dict[tuple[int, int], Work] = {}

    def ids(self, context: int) -> list[int]:
        """The ids at a length."""
        if context not in self._ids:
            self._ids[context] = self._render(context)
        return self._ids[context]

    def num_cached(self, member: Member, context: int) -> int:
        """How many of them a member need not compute."""
        sequence = self._sequence(member, context)
        return 0 if sequence is None else sequence.num_shared_with(self.ids(context))

    def work(self, loops: int, context: int) -> Work:
        """What the first token takes at a loop count."""
        if (loops, context) not in self._works:
            self._works[loops, context] = self._work(loops, context)
        return self._works[loops, context]

    def _sequence(self, member: Member, context: int) -> TokenSequence | None:
        if (member, context) not in self._sequences:
            self._sequences[member, context] = self._peek(member, self.ids(context))
        return self._sequences[member, context]

    def _work(self, loops: int, context: int) -> Work:
        member, end = self._members.at(loops), len(self.ids(context))
        sequence, num_cached = self._sequence(member, context), self.num_cached(member, context)
        # Rings of another loop count are no use: they are rebuilt, which the plan counts.
        later = (LoopState(num_cached, num_cached),) * (loops - 1)
        rewind_tokens = 0
        if sequence is not None:
            rewind_tokens = sequence.cache.rewind_tokens
            later = sequence.cache.later_loops if sequence.cache.loops == loops else later
        config = member.runner.config
        reaches = all(state.reaches(num_cached, config.loop.window_left, config.loop.shift) for state in later)
        if end == num_cached + 1 and reaches:
            return Work(1, 0, 1, end)
        plan = member.runner.plan_from(num_cached, later, rewind_tokens, end, end - 1)
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

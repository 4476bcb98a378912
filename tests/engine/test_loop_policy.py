"""The policy: the order in which it gives things up, and what must hold for any latency whatever."""

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plt_engine.latency import Prediction
from plt_engine.loop_policy import (
    RISING_STREAK,
    RULES,
    Choice,
    Held,
    LoopOption,
    Task,
    choose,
    preference,
)
from plt_engine.types import DecisionReason, RequestKind

FEW = settings(max_examples=60, deadline=None)


def linear(token_ms: float = 20.0, reading_ms: float = 0.5, per_loop: float = 0.4, spread: float = 1.0):
    """A machine whose time grows evenly with loops, context and tokens."""

    def predict(loops: int, context: int, num_tokens: int) -> Prediction:
        ms = (1 + per_loop * (loops - 1)) * (reading_ms * context + token_ms * num_tokens)
        return Prediction(ms, spread * ms)

    return predict


def typing(budget_ms: float, contexts: tuple[int, ...] = (1000, 512, 256), max_tokens: int = 96) -> Task:
    return Task(RequestKind.TYPING, budget_ms, max_tokens, contexts)


def decide(task: Task, counts=(2, 1), predict=None, held: Held = Held()) -> Choice:  # noqa: B008
    return choose(task, counts, predict or linear(), held)[0]


def test_with_time_enough_the_best_count_gets_everything():
    found = decide(typing(10_000))
    assert (found.loops, found.num_context_tokens, found.num_answer_tokens) == (2, 1000, 96)
    assert found.reason is DecisionReason.FITS


def test_first_loops_go_then_tokens_then_context_and_then_it_is_late():
    # 8 tokens behind 1000 take 660 ms with one loop and 924 ms with two.
    wanted = [
        (924, 2, 1000, DecisionReason.FITS),
        (923, 1, 1000, DecisionReason.FEWER_LOOPS),
        (660, 1, 1000, DecisionReason.FEWER_LOOPS),
        (659, 1, 1000, DecisionReason.FEWER_TOKENS),
        (520, 1, 1000, DecisionReason.FEWER_TOKENS),
        (519, 1, 512, DecisionReason.LESS_CONTEXT),
        (148, 1, 256, DecisionReason.LESS_CONTEXT),
        (147, 1, 256, DecisionReason.OVER_BUDGET),
        (0, 1, 256, DecisionReason.OVER_BUDGET),
    ]
    found = [decide(typing(budget)) for budget, *_ in wanted]
    assert [(one.loops, one.num_context_tokens, one.reason) for one in found] == [tuple(row[1:]) for row in wanted]
    assert [one.num_answer_tokens for one in found[3:5]] == [7, 1]


def test_what_is_late_is_taken_with_the_context_that_has_been_read():
    """The whole prompt is in the cache; a shorter one would have to be read."""

    def predict(loops: int, context: int, num_tokens: int) -> Prediction:
        ms = 20.0 * num_tokens + (2.0 if context == 1000 else 0.5 * context)
        return Prediction(ms, ms)

    late = decide(typing(10), predict=predict)
    assert (late.num_context_tokens, late.reason) == (1000, DecisionReason.OVER_BUDGET)


def test_the_margin_of_the_prediction_counts():
    assert decide(typing(924), predict=linear(spread=1.1)).loops == 1


@pytest.mark.parametrize("kind", list(RequestKind))
def test_each_kind_gives_up_no_more_than_it_may(kind):
    rule = RULES[kind]
    task = Task(kind, 0.0, 1000, (2000, 1024, 512, 256))
    found = decide(task)
    assert found.reason is DecisionReason.OVER_BUDGET
    assert found.num_answer_tokens == (rule.min_tokens or rule.expected_tokens)


def test_without_any_measurement_the_best_count_is_taken_and_nothing_cut():
    found = decide(typing(1), predict=lambda *_: None)
    assert (found.loops, found.num_context_tokens, found.num_answer_tokens) == (2, 1000, 96)
    assert (found.reason, found.prediction) == (DecisionReason.NOT_MEASURED, None)


def test_a_count_that_was_not_measured_is_not_taken_where_another_was():
    known = linear()
    assert decide(typing(10_000), predict=lambda loops, *rest: None if loops == 2 else known(loops, *rest)).loops == 1


def test_a_better_count_must_fit_well_and_three_times_in_a_row():
    held = choose(typing(700), (2, 1), linear(), Held())[1]
    assert held == Held(1)
    found = []
    for budget in (1100, 1100, 1000, 1100, 1100, 1100):
        choice, held = choose(typing(budget), (2, 1), linear(), held)
        found.append((choice.loops, choice.reason))
    late, waits = (1, DecisionReason.FEWER_LOOPS), (1, DecisionReason.HELD)
    assert found == [waits, waits, late, waits, waits, (2, DecisionReason.FITS)]


def test_a_count_that_still_fits_is_kept():
    assert choose(typing(924), (2, 1), linear(), Held(2))[0].loops == 2


def test_a_count_of_another_pack_is_forgotten():
    assert choose(typing(10_000), (2, 1), linear(), Held(7, 1)) == choose(typing(10_000), (2, 1), linear(), Held())


def test_the_preference_is_by_quality_where_that_is_known():
    def options(**quality: float | None) -> list[LoopOption]:
        return [LoopOption(int(name[1:]), value) for name, value in quality.items()]

    assert preference(options(r1=0.9, r2=0.8, r3=0.7), 2) == (3, 2, 1)
    assert preference(options(r1=0.9, r2=0.8, r3=0.8), 2) == (2, 1)
    assert preference(options(r1=0.9, r2=0.8995), 2) == (1,)
    assert preference(options(r2=0.9), 2) == (2,)
    assert preference(options(r1=None, r2=0.8, r3=0.7), 2) == (2, 1)
    assert preference(options(r3=None, r1=None), 1) == (1,)


tasks = st.builds(
    lambda kind, whole, max_tokens: Task(
        kind, 0.0, max_tokens, (whole, *(size for size in (4096, 1024, 256) if size < whole))
    ),
    st.sampled_from(RequestKind),
    st.integers(1, 9000),
    st.integers(1, 500),
)
machines = st.builds(linear, st.floats(0.01, 500), st.floats(0.001, 20), st.floats(0.0, 2.0), st.floats(1.0, 3.0))
counts = st.lists(st.integers(1, 4), min_size=1, unique=True).map(lambda found: tuple(sorted(found, reverse=True)))
helds = st.builds(Held, st.one_of(st.none(), st.integers(1, 4)), st.integers(0, RISING_STREAK))
budgets = st.one_of(st.floats(0, 1e5), st.sampled_from([0.0, 1e-9, 1e9, float("inf")]))


def with_budget(task: Task, budget_ms: float) -> Task:
    return Task(task.kind, budget_ms, task.max_tokens, task.contexts)


@FEW
@given(tasks, counts, machines, helds, budgets, budgets)
def test_a_larger_budget_never_yields_less(task, counts, machine, held, one, other):
    less, more = (
        choose(with_budget(task, budget), counts, machine, held)[0] for budget in (min(one, other), max(one, other))
    )

    def worth(choice: Choice) -> tuple[int, int, int]:
        return -counts.index(choice.loops), choice.num_context_tokens, choice.num_answer_tokens

    assert worth(less) <= worth(more)


@FEW
@given(tasks, counts, machines, helds, budgets)
def test_only_what_was_offered_is_chosen_and_what_fits_fits(task, counts, machine, held, budget):
    task = with_budget(task, budget)
    choice, kept = choose(task, counts, machine, held)
    assert choice.loops in counts
    assert kept.loops == choice.loops
    assert choice.num_context_tokens in task.contexts
    assert 1 <= choice.num_answer_tokens <= task.max_tokens
    if choice.reason is not DecisionReason.OVER_BUDGET:
        assert machine(choice.loops, choice.num_context_tokens, choice.num_answer_tokens).upper_ms <= budget


@FEW
@given(counts, machines, st.lists(st.floats(0.93, 1.07), min_size=2, max_size=40), st.floats(1, 1e4))
def test_noise_of_seven_percent_makes_no_count_flicker(counts, machine, noise, budget):
    held, chosen = Held(), []
    for factor in noise:

        def noisy(loops: int, context: int, num_tokens: int, factor: float = factor) -> Prediction:
            found = machine(loops, context, num_tokens)
            return Prediction(factor * found.ms, factor * found.upper_ms)

        choice, held = choose(typing(budget), counts, noisy, held)
        chosen.append(choice.loops)
    changes = [(a, b) for a, b in itertools.pairwise(chosen) if a != b]
    assert all(counts.index(a) < counts.index(b) for a, b in changes)
    assert len(changes) < len(counts)


@FEW
@given(counts, st.lists(machines, min_size=1, max_size=30), st.floats(1, 1e4))
def test_whatever_the_machine_does_a_count_rises_no_sooner_than_after_three_requests(counts, course, budget):
    held, chosen = Held(), []
    for machine in course:
        choice, held = choose(typing(budget), counts, machine, held)
        chosen.append(choice.loops)
    rises = [i for i in range(1, len(chosen)) if counts.index(chosen[i]) < counts.index(chosen[i - 1])]
    changes = [i for i in range(1, len(chosen)) if chosen[i] != chosen[i - 1]]
    for i in rises:
        earlier = [j for j in changes if j < i]
        assert i - (earlier[-1] if earlier else 0) >= RISING_STREAK


qualities = st.dictionaries(st.integers(1, 6), st.one_of(st.none(), st.floats(0, 10)), min_size=1)


@FEW
@given(qualities, st.data())
def test_the_preference_names_certified_counts_only_and_each_costs_less_than_the_one_before(found, data):
    options = [LoopOption(loops, quality) for loops, quality in found.items()]
    default = data.draw(st.sampled_from([option.loops for option in options]))
    order = preference(options, default)
    assert order
    assert set(order) <= {option.loops for option in options}
    assert list(order) == sorted(order, reverse=True)


@FEW
@given(tasks, counts, helds, budgets, st.sampled_from([0.0, 1e300, float("inf")]))
def test_absurd_predictions_are_survived(task, counts, held, budget, ms):
    choice, _ = choose(with_budget(task, budget), counts, lambda *_: Prediction(ms, ms), held)
    assert choice.loops in counts
    assume(ms == 0.0)
    assert choice.num_context_tokens == task.contexts[0]

"""The latency model: what it learns, what it makes of what cannot be true, and that more work never takes less time."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.latency import MIN_MEASURED, LatencyModel, LoopModel, Measurement, Work, fitted

FEW = settings(max_examples=60, deadline=None)
FACTS = (3.0, 0.9, 0.2, 20.0, 6.0)
works = st.builds(
    Work,
    num_requests=st.integers(0, 1),
    num_positions=st.floats(0, 5000),
    num_steps=st.floats(1, 200),
    num_context_tokens=st.integers(0, 8000),
)
times = st.one_of(st.floats(0.01, 1e6), st.sampled_from([0.0, -1.0, math.inf, -math.inf, math.nan, 1e300, 1e-300, 1e7]))
models = st.lists(st.builds(Measurement, st.integers(1, 3), works, times), max_size=10).map(
    lambda found: _observed(LatencyModel(), found)
)


def _observed(model: LatencyModel, found) -> LatencyModel:
    for measurement in found:
        model = model.observe(measurement)
    return model


def true_ms(work: Work, factor: float = 1.0) -> float:
    return factor * sum(c * amount for c, amount in zip(FACTS, work.amounts, strict=True))


def requests(num: int) -> list[Work]:
    """Reading and decoding in turn, of many sizes."""
    found = []
    for i in range(num):
        context = 100 + 397 * i % 3000
        found.append(Work(1, 1 + 53 * i % 800, 0, context))
        found.append(Work(0, 0, 1 + 7 * i % 30, context))
    return found


def test_it_learns_every_cost_from_requests_alone():
    model = fitted(LatencyModel(), [Measurement(1, work, true_ms(work)) for work in requests(40)])
    errors = sorted(abs(model.predict(1, work).ms / true_ms(work) - 1) for work in requests(100))
    assert errors[len(errors) // 2] < 0.05
    assert errors[-1] < 0.5


def test_one_measurement_is_fitted_and_nothing_is_predicted_from_it_alone():
    work = Work(1, 100, 0, 500)
    model = LatencyModel().observe(Measurement(1, work, 123.0))
    assert model.loops[1].ms(work) == pytest.approx(123.0, rel=0.02)
    assert model.predict(1, work) is None
    assert LatencyModel().predict(1, work) is None


def test_a_machine_that_slows_down_is_followed_within_a_dozen_requests():
    model = fitted(LatencyModel(), [Measurement(1, work, true_ms(work)) for work in requests(30)])
    slower = [Measurement(1, work, true_ms(work, 2.0)) for work in requests(15)]
    model = _observed(model, slower)
    assert model.predict(1, slower[10].work).ms == pytest.approx(slower[10].ms, rel=0.25)


def test_an_outlier_hardly_counts():
    model = fitted(LatencyModel(), [Measurement(1, work, true_ms(work)) for work in requests(30)])
    work = Work(1, 200, 0, 1000)
    before = model.predict(1, work).ms
    assert model.observe(Measurement(1, work, 1000 * before)).predict(1, work).ms < 1.15 * before
    assert model.observe(Measurement(1, work, before / 1000)).predict(1, work).ms > before / 1.15


def test_the_order_of_many_measurements_hardly_matters_and_each_counts_once():
    found = [Measurement(1, work, true_ms(work)) for work in requests(20)]
    one, other = fitted(LatencyModel(), found), fitted(LatencyModel(), found[::-1])
    assert one.loops[1].num_measured == len(found)
    assert one.predict(1, Work(1, 300, 5, 900)).ms == pytest.approx(other.predict(1, Work(1, 300, 5, 900)).ms, rel=0.1)


def test_a_loop_count_that_was_not_measured_is_guessed_from_its_neighbour():
    model = fitted(LatencyModel(), [Measurement(1, work, true_ms(work)) for work in requests(20)])
    step = Work(num_steps=1, num_context_tokens=1000)
    assert model.predict(1, step).ms < model.predict(2, step).ms < model.predict(3, step).ms
    assert model.model_of(2).num_measured == 0


def test_the_error_and_the_spread_follow_what_was_predicted():
    model = fitted(LatencyModel(), [Measurement(1, work, true_ms(work)) for work in requests(20)])
    work = Work(1, 200, 4, 800)
    ms = model.predict(1, work).ms
    calm = wild = model
    for i in range(200):
        calm = calm.judge(Measurement(1, work, ms))
        wild = wild.judge(Measurement(1, work, ms * (1.5 if i % 2 else 0.7)))
    assert calm.loops[1].error < 0.02
    assert calm.predict(1, work).upper_ms == pytest.approx(ms, rel=0.02)
    assert 0.3 < wild.loops[1].error < 0.5
    assert wild.predict(1, work).upper_ms > 1.35 * ms


@FEW
@given(models, st.integers(1, 4), works)
def test_predictions_are_finite_and_positive_whatever_was_measured(model, loops, work):
    found = model.predict(loops, work)
    if found is not None:
        assert 0 < found.ms <= found.upper_ms < math.inf
        assert found.upper_ms <= 3.001 * found.ms


@FEW
@given(models, st.integers(1, 4), works, st.floats(0, 1000), st.floats(0, 100), st.integers(0, 4000))
def test_more_work_never_takes_less_time(model, loops, work, positions, steps, context):
    less, more = (
        model.predict(loops, one)
        for one in (
            work,
            Work(
                work.num_requests,
                work.num_positions + positions,
                work.num_steps + steps,
                work.num_context_tokens + context,
            ),
        )
    )
    if less is not None:
        assert less.ms <= more.ms
        assert less.upper_ms <= more.upper_ms


@FEW
@given(models, st.builds(Measurement, st.integers(1, 3), works, st.sampled_from([0.0, -1.0, math.inf, math.nan, 1e9])))
def test_what_cannot_be_true_changes_nothing(model, found):
    assert model.observe(found) == model
    assert model.judge(found) == model


def test_no_work_is_no_measurement():
    assert LatencyModel().observe(Measurement(1, Work(), 5.0)) == LatencyModel()


@FEW
@given(st.lists(st.tuples(works, st.floats(0.01, 1e5)), min_size=MIN_MEASURED, max_size=20))
def test_costs_stay_positive(found):
    model = LoopModel()
    for work, ms in found:
        model = model.after(work, ms).judged(work, ms)
    assert all(cost > 0 for cost in model.coefficients)

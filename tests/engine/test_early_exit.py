"""The early-exit experiment: never exiting is two loops, always exiting is one, and in between it is exact."""

import numpy as np
import pytest

from plt_engine.fused import fuse
from plt_engine.linear import plan_numerics
from plt_engine.model import named_tensors
from plt_engine.runner import ModelRunner
from tests.bench.early_exit_decoder import EarlyExit, ExitRule
from tests.bench.early_exit_quality import ALWAYS, NEVER, Scores, learn_threshold, quality
from tests.engine.models import assert_same, random_tokens, tiny_model

NUM, CUT = 60, 9
TOKENS = random_tokens(NUM)


def tiny_runner(**loop) -> ModelRunner:
    weights = tiny_model(num_loops=2, **loop)
    return ModelRunner(fuse(weights.config, dict(named_tensors(weights)), plan_numerics("float64")), 100)


def plain(runner: ModelRunner, loops: int):
    cache = runner.new_cache(loops)
    runner.prefill(cache, TOKENS[:CUT])
    return [runner.logits(runner.decode(cache, token)) for token in TOKENS[CUT:]]


def exiting(runner: ModelRunner, rule: ExitRule):
    decoder = EarlyExit(runner, rule)
    cache = decoder.new_cache()
    runner.prefill(cache, TOKENS[:CUT])
    decoder.begin(cache)
    return [decoder.step(token) for token in TOKENS[CUT:]]


def middle_threshold(logits) -> float:
    tops = sorted(float(one.softmax(-1).max()) for one in logits)
    return tops[len(tops) // 3]


@pytest.mark.parametrize("gate_uses_hidden_states", [True, False])
def test_over_1_it_is_two_loops_and_at_0_it_is_one(gate_uses_hidden_states):
    runner = tiny_runner(gate_uses_hidden_states=gate_uses_hidden_states)
    for threshold, loops in ((1.1, 2), (0.0, 1)):
        for is_exact in (True, False):
            steps = exiting(runner, ExitRule(threshold, is_exact=is_exact))
            assert {step.is_skipped for step in steps} == {loops == 1}
            for step, expected in zip(steps, plain(runner, loops), strict=True):
                assert_same(step.logits, expected)


@pytest.mark.parametrize("max_pending", [1, 2, 6, 40])
@pytest.mark.parametrize("dwells", [False, True])
def test_in_between_each_token_has_the_distribution_of_one_of_the_loops_exactly(max_pending, dwells):
    runner = tiny_runner()
    one, two = plain(runner, 1), plain(runner, 2)
    steps = exiting(runner, ExitRule(middle_threshold(one), max_pending=max_pending, dwells=dwells))
    assert 5 < sum(step.is_skipped for step in steps) < len(steps) - 5
    for step, first, second in zip(steps, one, two, strict=True):
        assert_same(step.logits, first if step.is_skipped else second)


def test_where_loop_1_stands_in_unsure_tokens_have_another_distribution_than_two_loops():
    runner = tiny_runner()
    one, two = plain(runner, 1), plain(runner, 2)
    steps = exiting(runner, ExitRule(middle_threshold(one), is_exact=False))
    differences = [float((step.logits - second).abs().max()) for step, second in zip(steps, two, strict=True)]
    unsure = [difference for step, difference in zip(steps, differences, strict=True) if not step.is_skipped]
    assert max(unsure) > 1e-6


def test_a_model_of_one_loop_is_refused():
    weights = tiny_model()
    runner = ModelRunner(fuse(weights.config, dict(named_tensors(weights)), plan_numerics("float64")), 100)
    with pytest.raises(ValueError, match="two parallel loops"):
        EarlyExit(runner, ExitRule(0.5))


def scores(top, differs) -> Scores:
    num = len(top)
    return Scores(np.array(top), np.full(num, 2.0), np.full(num, 1.0), np.array(differs), num_bytes=10)


def test_the_threshold_is_the_smallest_that_keeps_the_bound_over_all_tokens():
    both = [scores([0.9, 0.5, 0.3], [False, True, False]), scores([0.8, 0.2], [False, True])]
    assert learn_threshold(both, 1.0) == ALWAYS
    assert 0.2 < learn_threshold(both, 0.2) <= 0.3
    assert 0.5 < learn_threshold(both, 0.1) <= 0.8
    assert learn_threshold([scores([0.9], [True])], 0.5) > 0.9


def test_quality_is_loop_1s_where_it_is_sure_and_loop_2s_elsewhere():
    both = [scores([0.9, 0.5], [False, True]), scores([0.8, 0.2], [True, False])]
    half = quality(both, 0.8, seed=0)
    assert (half.skipped.mean, half.agreement.mean) == (0.5, 0.75)
    assert (half.bits_per_byte.mean, half.less_loop_1.mean, half.less_loop_2.mean) == (0.3, -0.1, 0.1)
    assert quality(both, NEVER, seed=0).less_loop_2.mean == 0
    assert quality(both, ALWAYS, seed=0).less_loop_1.mean == 0

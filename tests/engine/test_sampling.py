"""Greedy, temperature and top-p choices on logits whose probabilities are known."""

from collections import Counter

import pytest
import torch

from plt_engine.errors import RequestError
from plt_engine.sampling import Sampler
from plt_engine.types import SamplingParams

LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()


def counts(params, num=2000):
    sampler = Sampler(params)
    return Counter(sampler.choose(LOGITS) for _ in range(num))


def test_temperature_zero_takes_the_most_likely():
    assert counts(SamplingParams(), 10) == {0: 10}


def test_samples_follow_the_probabilities():
    drawn = counts(SamplingParams(temperature=1.0, seed=1))
    for i, p in enumerate([0.5, 0.3, 0.15, 0.05]):
        assert drawn[i] / 2000 == pytest.approx(p, abs=0.04)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.4, {0}), (0.5, {0}), (0.6, {0, 1}), (0.81, {0, 1, 2}), (1.0, {0, 1, 2, 3})]
)
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p, kept):
    assert set(counts(SamplingParams(temperature=1.0, top_p=top_p, seed=3))) == kept


def test_a_low_temperature_sharpens():
    drawn = counts(SamplingParams(temperature=0.5, seed=1))
    assert drawn[0] / 2000 == pytest.approx(0.25 / (0.25 + 0.09 + 0.0225 + 0.0025), abs=0.04)


def test_a_seed_repeats():
    params = SamplingParams(temperature=1.0, seed=7)
    first, second = Sampler(params), Sampler(params)
    assert [first.choose(LOGITS) for _ in range(50)] == [second.choose(LOGITS) for _ in range(50)]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        (SamplingParams(temperature=-1.0), "temperature is -1.0"),
        (SamplingParams(temperature=float("nan")), "temperature is nan"),
        (SamplingParams(top_p=0.0), "top_p is 0.0"),
        (SamplingParams(top_p=1.5), "top_p is 1.5"),
    ],
)
def test_a_parameter_out_of_range_is_named(params, named):
    with pytest.raises(RequestError, match=named):
        Sampler(params)

"""The rule by which a text ends where the model is unsure."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine.confidence import is_unsure


@pytest.mark.parametrize(
    ("probabilities", "threshold", "expected"),
    [
        ([0.9], 0.5, False),
        ([0.4], 0.5, True),
        ([0.9, 0.9, 0.9, 0.2], 0.5, False),
        ([0.9, 0.9, 0.2, 0.2], 0.5, True),
        ([0.01, 0.9, 0.9, 0.9, 0.9], 0.5, False),
        ([0.01], 0.0, False),
        ([], 0.5, False),
    ],
)
def test_the_mean_of_the_last_four_decides(probabilities, threshold, expected):
    assert is_unsure([math.log(p) for p in probabilities], threshold) is expected


@given(st.lists(st.floats(-20, 0), max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_is_never_more_lenient(log_probabilities, a, b):
    low, high = sorted((a, b))
    assert is_unsure(log_probabilities, high) or not is_unsure(log_probabilities, low)

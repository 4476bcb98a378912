"""The staircase of positions: the figures of the design for LoopCoder-V2's geometry, and what a plan must contain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine.trapezoid import LoopState, plan_prefill

EMPTY = LoopState(0, 0)


def plan(**changes):
    values = {
        "num_cached": 0,
        "end": 4096,
        "num_layers": 14,
        "window_left": 64,
        "later_loops": (EMPTY,),
        "first_wanted": 4095,
    }
    return plan_prefill(**{**values, **changes})


@pytest.mark.parametrize(
    ("tokens", "most"), [(512, 75), (1024, 47), (2048, 23.5), (4096, 11.7), (8192, 5.9), (32768, 1.5)]
)
def test_the_second_loop_costs_no_more_than_the_staircase(tokens, most):
    """Design figures count K/V positions as whole layers; outputs alone cost less."""
    computed = plan(end=tokens, first_wanted=tokens - 1)
    second = sum(tokens - start for start in computed.loops[1].out_start)
    with_kv = sum(tokens - start for start in computed.loops[1].kv_start)
    assert with_kv / (14 * tokens) * 100 == pytest.approx(most, abs=0.6)
    assert second < with_kv


def test_the_last_loop_computes_its_top_layer_at_the_last_position_only():
    spans = plan().loops
    assert spans[1].out_start[-1] == 4095
    assert spans[1].kv_start[-1] == 4095 - 64
    assert spans[1].kv_start[0] == 4095 - 64 * 14
    assert spans[0].out_start[-1] == spans[1].kv_start[0] - 1
    assert spans[0].out_start[0] == 0


def test_one_loop_needs_its_top_layer_once():
    assert plan(later_loops=()).token_layers == 13 * 4096 + 1


def test_a_sequence_that_goes_on_computes_its_new_tokens_only():
    held = LoopState(ring_start=900, saved_start=980)
    computed = plan(num_cached=1000, end=1003, first_wanted=1000, later_loops=(held,))
    assert computed.start == 1000
    assert computed.token_layers == 2 * 14 * 3


def test_lost_rings_are_rebuilt_from_no_further_back_than_needed():
    lost = LoopState(ring_start=1000, saved_start=1000)
    computed = plan(num_cached=1000, end=1001, first_wanted=1000, later_loops=(lost,))
    assert computed.start == 1000 - 64 * 14 - 1


@given(st.integers(0, 300), st.integers(1, 200), st.integers(1, 6), st.integers(0, 40), st.integers(0, 3), st.data())
def test_every_input_that_a_plan_needs_is_computed_or_held(num_cached, num_new, num_layers, window, num_later, data):
    later = tuple(
        LoopState(data.draw(st.integers(0, num_cached)), data.draw(st.integers(0, num_cached)))
        for _ in range(num_later)
    )
    end = num_cached + num_new
    wanted = data.draw(st.integers(num_cached, end - 1))
    result = plan(num_cached=num_cached, end=end, num_layers=num_layers, window_left=window, later_loops=later,
                  first_wanted=wanted)  # fmt: skip
    assert 0 <= result.start <= num_cached

    def held(r):
        return later[r - 1].reaches(num_cached, window) and result.loops[r].kv_start[0] >= num_cached

    assert result.loops[-1].out_start[-1] <= wanted
    for r, span in enumerate(result.loops):
        for i in range(num_layers):
            assert span.kv_start[i] <= span.out_start[i]
            if i:
                assert span.kv_start[i] == span.out_start[i - 1]
            if r:
                local_from = num_cached if held(r) else 0
                assert span.kv_start[i] <= max(local_from, span.out_start[i] - window)
        if r:
            below = result.loops[r - 1]
            saved = held(r) and span.input_start == num_cached
            assert saved or below.out_start[-1] <= max(0, span.input_start - 1)
            assert below.out_start[-1] <= wanted

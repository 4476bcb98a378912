"""The figures of whole models: each against a plain run of the same model, and what is kept of a sample."""

import math

import numpy as np
import pytest
import torch

from plt_engine.config import LoopRule
from plt_engine.diagnostics.figures import KINDS
from plt_engine.diagnostics.measure import Measured, measure
from plt_engine.diagnostics.samples import Sample
from plt_engine.diagnostics.summary import collect
from plt_engine.model import full_forward, logits
from tests.engine import plain_figures as by_hand
from tests.engine.models import random_tokens, tiny_model

SHAPES = {
    "hidden": {"num_loops": 3},
    "query": {"num_loops": 2, "gate_uses_hidden_states": False},
    "raw": {"num_loops": 3, "normalize_per_loop": False, "window_left": 2},
    "in turn": {"num_loops": 2, "rule": LoopRule.SEQUENTIAL, "normalize_per_loop": False,
                "gate_uses_hidden_states": False},
    "dense": {"num_loops": 1},
}  # fmt: skip
NUM_TOKENS = 9


def measured(weights, ids, loops) -> Measured:
    return next(measure(weights, [Sample(tuple(ids), "a.py", 1)], loops))


@pytest.fixture(scope="module", params=SHAPES)
def shape(request):
    """A model, its ids and loop count, what was measured, and the plain run with one loop more where there is one."""
    settings = SHAPES[request.param]
    weights, loops = tiny_model(3, **settings), settings["num_loops"]
    ids = random_tokens(NUM_TOKENS, seed=5)
    run = by_hand.PlainRun(weights, ids, loops + (loops > 1))
    return weights, loops, measured(weights, ids, loops), run, ids


def test_figures_of_states_are_the_plain_runs(shape):
    weights, loops, found, run, _ = shape
    h = [state[1:] for state in run.states]
    shift = weights.config.loop.shift
    expected = {
        "step_size": [by_hand.step_size(h[r], h[r - 1]) for r in range(1, loops + 1)],
        "fixed_point_gap": [by_hand.step_size(h[r + 1], h[r]) for r in range(1, len(h) - 1)],
        "angular_change": [by_hand.angular_change(h[r], h[r - 1], h[r - 2]) for r in range(2, loops + 1)],
        "offset_cost": [by_hand.offset_cost(h[r - 1]) * shift for r in range(2, loops + 1)],
        "effective_rank": [by_hand.effective_rank(h[r]) for r in range(1, loops + 1)],
    }
    for name, values in expected.items():
        assert found.values[name].tolist() == pytest.approx(values, rel=1e-6), name


def test_figures_of_attention_are_the_plain_runs(shape):
    weights, loops, found, run, _ = shape
    layers = range(len(weights.layers))

    def rows(r, i):
        return [head[1:] for head in run.maps[r - 1][i]]

    def over_rows(figure, *maps):
        return by_hand.mean([figure(*row) for heads in zip(*maps, strict=True) for row in zip(*heads, strict=True)])

    expected = {
        "attention_entropy": lambda r, i: over_rows(by_hand.entropy, rows(r, i)),
        "attention_shift": lambda r, i: over_rows(by_hand.divergence, rows(r, i), rows(r - 1, i)),
        "head_similarity": lambda r, i: by_hand.head_similarity(rows(r, i)),
        "head_effective_rank": lambda r, i: by_hand.head_effective_rank(rows(r, i)),
        "gate": lambda r, i: by_hand.mean([g for row in run.gates[r - 1][i][1:] for g in row]),
    }
    for name, value in expected.items():
        wanted = [[value(r, i) for i in layers] for r in range(KINDS[name].first_loop, loops + 1)]
        np.testing.assert_allclose(found.values[name], np.array(wanted), rtol=1e-6, err_msg=name)


def test_figures_of_the_output_are_the_plain_runs(shape):
    _, loops, found, run, ids = shape
    places = range(1, NUM_TOKENS - 1)
    shifts = [[by_hand.divergence(run.probs[r][t], run.probs[r - 1][t]) for t in places] for r in range(1, loops)]
    peaks = [2 + max(range(len(shifts)), key=lambda r: shifts[r][i]) for i in range(len(places)) if shifts]
    expected = {
        "loss": [by_hand.mean([-math.log(run.probs[r][t][ids[t + 1]]) for t in places]) for r in range(loops)],
        "entropy": [by_hand.mean([by_hand.entropy(run.probs[r][t]) for t in places]) for r in range(loops)],
        "output_shift": [by_hand.mean(row) for row in shifts],
        "peak_share": [peaks.count(r) / len(peaks) for r in range(2, loops + 1)],
    }
    ranks = [[by_hand.true_rank(run.probs[r][t], ids[t + 1]) for t in places] for r in range(loops)]
    expected["lens_rank"] = [by_hand.mean(row) for row in ranks]
    expected["top_share"] = [row.count(1) / len(row) for row in ranks]
    for name, values in expected.items():
        assert found.values[name].tolist() == pytest.approx(values, rel=1e-6), name
    assert [token.token_id for token in found.trace] == ids[2:]
    for i, token in enumerate(found.trace):
        assert token.shifts == pytest.approx([row[i] for row in shifts], rel=1e-6)


def test_the_plain_run_is_the_definition(shape):
    weights, loops, _, run, ids = shape
    for r, state in enumerate(full_forward(weights, torch.tensor([ids]), loops)):
        expected = logits(weights, state[0]).softmax(-1)
        torch.testing.assert_close(torch.tensor(run.probs[r], dtype=torch.float64), expected)


def test_every_figure_is_taken_and_none_besides(shape):
    _, loops, found, _, _ = shape
    assert list(found.values) == list(KINDS)
    for name, kind in KINDS.items():
        gaps = loops if loops > 1 else 0
        count = gaps if name == "fixed_point_gap" else loops + 1 - kind.first_loop
        assert len(found.values[name]) == count, name


def test_watching_changes_nothing():
    weights, ids = tiny_model(0, num_loops=2), random_tokens(12)
    before = full_forward(weights, torch.tensor([ids]), 2)[-1]
    first, second = measured(weights, ids, 2), measured(weights, ids, 2)
    assert torch.equal(before, full_forward(weights, torch.tensor([ids]), 2)[-1])
    for name, value in first.values.items():
        assert np.array_equal(value, second.values[name])


def test_rows_that_pass_the_head_in_pieces_are_the_same(monkeypatch):
    weights, ids = tiny_model(0, num_loops=3), random_tokens(30)
    whole = measured(weights, ids, 3)
    monkeypatch.setattr("plt_engine.diagnostics.measure.ROWS_PER_HEAD", 7)
    pieces = measured(weights, ids, 3)
    for name, value in whole.values.items():
        np.testing.assert_allclose(value, pieces.values[name], rtol=1e-9)
    assert [token.token_id for token in pieces.trace] == ids[2:]


def test_the_first_token_is_context_alone():
    weights = tiny_model(0, num_loops=2)
    # A huge embedding of the opening token, as trained models grow states of that size, must not show in the means.
    weights.embed[60] *= 1e4
    found = measured(weights, [60, *random_tokens(10)], 2).values
    assert found["step_size"][0] < 100
    assert found["offset_cost"][0] < 100


def test_samples_pass_one_by_one():
    """Nothing is asked of the next sample before the last one's figures were taken."""
    weights, asked = tiny_model(0, num_loops=2), []

    def samples():
        for i in range(3):
            asked.append(i)
            yield Sample(tuple(random_tokens(9, seed=i)), "a.py", 1)

    for i, _ in enumerate(measure(weights, samples(), 2)):
        assert asked == list(range(i + 1))


def test_of_all_samples_but_the_first_only_figures_stay():
    weights = tiny_model(0, num_loops=2)
    samples = [Sample(tuple(random_tokens(9, seed=i)), "a.py", 1) for i in range(4)]
    collected = collect(measure(weights, samples, 2))
    assert [token.token_id for token in collected.trace] == list(samples[0].ids[2:])
    assert all(len(array) == 4 and array[0].size <= 2 * 3 for array in collected.arrays.values())

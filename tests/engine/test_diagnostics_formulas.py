"""Every figure against a case that was computed by hand, and against a second implementation in plain loops."""

import math

import pytest
import torch
from torch import Tensor

from plt_engine.diagnostics import formulas
from plt_engine.diagnostics.watch import log_attention
from tests.engine import plain_figures as plain

LN2 = math.log(2)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distributions(*shape: int, seed: int = 0) -> Tensor:
    return random(*shape, seed=seed).softmax(-1)


def test_step_size_by_hand():
    before, after = torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert formulas.step_size(after, before) == pytest.approx((5 + 1) / 2)


@pytest.mark.parametrize(
    ("after", "cosine"), [([[2.0, 0.0]], 1), ([[0.0, 0.0]], -1), ([[1.0, 7.0]], 0), ([[2.0, 1.0]], 0.5**0.5)]
)
def test_angular_change_by_hand(after, cosine):
    before, two_before = torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)
    assert formulas.angular_change(torch.tensor(after), before, two_before) == pytest.approx(cosine, abs=1e-6)


def test_offset_cost_by_hand():
    states = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    assert formulas.offset_cost(states, shift=1) == pytest.approx((5 + 1) / 2)
    assert formulas.offset_cost(states, shift=0) == 0


def test_effective_rank_by_hand():
    assert formulas.effective_rank(torch.eye(4)) == pytest.approx(4)
    assert formulas.effective_rank(torch.ones(5, 3)) == pytest.approx(1)
    # The length of a row does not count: each is RMS-normed first.
    assert formulas.effective_rank(torch.diag(torch.tensor([1.0, 2.0, 30.0]))) == pytest.approx(3)
    # Singular values 2 and 1, as shares 2/3 and 1/3.
    rows = torch.tensor([[1.0, 0.0]] * 4 + [[0.0, 1.0]])
    assert formulas.effective_rank(rows) == pytest.approx(math.exp(2 / 3 * math.log(3 / 2) + 1 / 3 * math.log(3)))


def test_entropy_by_hand():
    weights = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    assert formulas.entropy(weights).tolist() == pytest.approx([LN2, 0, 1.5 * LN2])


def test_divergence_by_hand():
    after, before = torch.tensor([[0.5, 0.5, 0.0]]).log(), torch.tensor([[0.25, 0.5, 0.25]]).log()
    assert formulas.divergence(after, before).tolist() == pytest.approx([0.5 * LN2])
    assert formulas.divergence(after, after).tolist() == [0]


def test_divergence_counts_nothing_where_neither_looks():
    after, before = torch.tensor([[1.0, 0.0]]).log(), torch.tensor([[0.5, 0.0]]).log()
    assert formulas.divergence(after, before).tolist() == pytest.approx([LN2])


def test_head_figures_by_hand():
    apart = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert formulas.head_similarity(apart) == pytest.approx(0)
    assert formulas.head_effective_rank(apart) == pytest.approx(2)
    alike = torch.tensor([[[0.5, 0.5]], [[1.0, 1.0]], [[0.2, 0.2]]])
    assert formulas.head_similarity(alike) == pytest.approx(1)
    assert formulas.head_effective_rank(alike) == pytest.approx(1, abs=1e-3)
    third = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    assert formulas.head_similarity(third) == pytest.approx(1 / 3)


def test_one_head_is_like_itself():
    maps = distributions(1, 3, 4)
    assert formulas.head_similarity(maps) == 1
    assert formulas.head_effective_rank(maps) == pytest.approx(1)


def test_ranks_by_hand():
    log_probs = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3]]).log()
    assert formulas.true_ranks(log_probs, torch.tensor([0, 0, 1, 2])).tolist() == [1, 3, 2, 3]


def test_peaks_by_hand():
    shifts = torch.tensor([[0.1, 0.5, 0.2], [0.3, 0.4, 0.2], [0.2, 0.0, 0.1]])
    assert formulas.peak_loops(shifts).tolist() == [3, 2, 2]


@pytest.mark.parametrize(("gate", "expected"), [(1.0, [0.5, 0.5]), (0.0, [0.0, 1.0]), (0.25, [0.125, 0.875])])
def test_mixed_weights_by_hand(gate, expected):
    log_global, log_local = torch.tensor([[[0.5, 0.5]]]).log(), torch.tensor([[[0.0, 1.0]]]).log()
    mixed = formulas.mixed_log_weights(torch.tensor([[gate]]), log_global, log_local).exp()
    assert mixed[0, 0].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_gate_that_is_closed_to_the_last_bit_leaves_a_finite_divergence():
    log_global, log_local = torch.tensor([[[0.5, 0.5]]]).log(), torch.tensor([[[0.0, 1.0]]]).log()
    closed = formulas.mixed_log_weights(torch.tensor([[0.0]]), log_global, log_local)
    assert formulas.divergence(log_global, closed).isfinite().all()


def test_attention_weights_by_hand():
    # One head of width 1: the second query's scores are ln 2 and 0.
    q = torch.tensor([1.0, 1.0]).view(1, 1, 2, 1)
    k = torch.tensor([LN2, 0.0]).view(1, 1, 2, 1)
    weights = log_attention(q, k, is_causal=True).exp()
    assert weights[0].flatten().tolist() == pytest.approx([1, 0, 2 / 3, 1 / 3])


@pytest.mark.parametrize("seed", range(3))
def test_figures_of_states_are_the_plain_ones(seed):
    h = [random(9, 6, seed=10 * seed + r) for r in range(3)]
    rows = [state.tolist() for state in h]
    assert formulas.step_size(h[1], h[0]) == pytest.approx(plain.step_size(rows[1], rows[0]))
    assert formulas.angular_change(*reversed(h)) == pytest.approx(plain.angular_change(*reversed(rows)))
    assert formulas.offset_cost(h[1], 1) == pytest.approx(plain.offset_cost(rows[1]))
    for state, row in zip(h, rows, strict=True):
        assert formulas.effective_rank(state) == pytest.approx(plain.effective_rank(row), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_figures_of_distributions_are_the_plain_ones(seed):
    maps, before = distributions(4, 5, 7, seed=seed), distributions(4, 5, 7, seed=100 + seed)
    plain_maps, plain_before = maps.tolist(), before.tolist()
    assert formulas.head_similarity(maps) == pytest.approx(plain.head_similarity(plain_maps))
    assert formulas.head_effective_rank(maps) == pytest.approx(plain.head_effective_rank(plain_maps), rel=1e-6)
    entropies, divergences = formulas.entropy(maps), formulas.divergence(maps.log(), before.log())
    for h in range(4):
        for t in range(5):
            assert entropies[h, t].item() == pytest.approx(plain.entropy(plain_maps[h][t]))
            assert divergences[h, t].item() == pytest.approx(plain.divergence(plain_maps[h][t], plain_before[h][t]))


def test_ranks_are_the_plain_ones():
    probs = distributions(30, 12)
    true_ids = torch.arange(30) % 12
    expected = [plain.true_rank(row, i) for row, i in zip(probs.tolist(), true_ids.tolist(), strict=True)]
    assert formulas.true_ranks(probs.log(), true_ids).tolist() == expected
    assert len(set(expected)) > 5

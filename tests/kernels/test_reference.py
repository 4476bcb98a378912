"""The reference operations against sums written out by hand, one position and one head at a time."""

import math

import pytest
import torch

from plt_kernels import reference as ops


def naive_attention(q, k, v, seen):
    """q [T, H, D], k and v [KV, S, D]; seen(t) lists the keys that query t sees."""
    T, H, D = q.shape
    group = H // k.shape[0]
    y = torch.zeros_like(q)
    for t in range(T):
        for h in range(H):
            keys = list(seen(t))
            scores = [float(q[t, h] @ k[h // group, j]) / math.sqrt(D) for j in keys]
            top = max(scores)
            weights = [math.exp(s - top) for s in scores]
            for w, j in zip(weights, keys, strict=True):
                y[t, h] += w / sum(weights) * v[h // group, j]
    return y


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize(("T", "S"), [(1, 1), (1, 70), (5, 5), (3, 66), (67, 67)])
@pytest.mark.parametrize(("H", "KV"), [(3, 3), (6, 2), (5, 1)])
def test_causal_attention_sees_every_position_up_to_its_own(T, S, H, KV):
    torch.manual_seed(T * S + H)
    q, k, v = random(T, H, 4), random(KV, S, 4), random(KV, S, 4)
    expected = naive_attention(q, k, v, lambda t: range(S - T + t + 1))
    torch.testing.assert_close(ops.causal_attention(q, k, v), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("window", [0, 1, 3, 64, 200])
@pytest.mark.parametrize(("T", "W"), [(1, 1), (4, 4), (3, 66), (67, 70)])
def test_local_attention_sees_its_own_position_and_the_window_before_it(T, W, window):
    torch.manual_seed(T * W + window)
    q, k, v = random(T, 4, 4), random(2, W, 4), random(2, W, 4)
    expected = naive_attention(q, k, v, lambda t: range(max(0, W - T + t - window), W - T + t + 1))
    torch.testing.assert_close(ops.local_attention(q, k, v, window), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("T", "W"), [(1, 1), (5, 5), (3, 66), (9, 30)])
def test_a_bias_that_was_made_for_more_queries_and_keys_serves_fewer(T, W):
    torch.manual_seed(T + W)
    q, k, v = random(T, 6, 4), random(2, W, 4), random(2, W, 4)
    wide, narrow = ops.band_bias(20, 80, 80, q), ops.band_bias(20, 80, 7, q)
    torch.testing.assert_close(ops.causal_attention(q, k, v, wide), ops.causal_attention(q, k, v))
    torch.testing.assert_close(ops.local_attention(q, k, v, 7, narrow), ops.local_attention(q, k, v, 7))


def test_a_window_of_64_holds_65_keys():
    mask = ops.band_mask(100, 100, 64, torch.device("cpu"))
    assert mask[99].sum() == 65
    assert mask[99, 99 - 64]
    assert not mask[99, 99 - 65]


@pytest.mark.parametrize("R", [1, 2, 3, 4])
def test_decode_attention_is_prefill_attention_row_by_row(R):
    torch.manual_seed(R)
    q, k, v = random(R, 6, 4), random(2, 30, 4), random(2, 30, 4)
    local_k, local_v = random(R - 1, 2, 9, 4), random(R - 1, 2, 9, 4)
    gate = torch.rand(R - 1, 6, dtype=torch.float64)
    got = ops.loop_attention_decode(q, k, v, local_k, local_v, gate)
    torch.testing.assert_close(got[0], ops.causal_attention(q[:1], k, v)[0], rtol=0, atol=1e-12)
    for r in range(1, R):
        expected = ops.loop_attention_prefill(
            q[r : r + 1], k, v, local_k[r - 1], local_v[r - 1], gate[r - 1 : r], window_left=8
        )
        torch.testing.assert_close(got[r], expected[0], rtol=0, atol=1e-12)


def test_rope_turns_each_pair_by_its_angle_and_keeps_products_of_equal_distances():
    cos, sin = ops.rope_tables(50, 8, 10_000.0, torch.float64)
    x, y = random(8), random(8)
    turned = ops.rope(x, cos[7], sin[7])
    for i in range(4):
        angle = 7 * 10_000.0 ** (-2 * i / 8)
        a, b = float(x[i]), float(x[i + 4])
        assert turned[i] == pytest.approx(a * math.cos(angle) - b * math.sin(angle))
        assert turned[i + 4] == pytest.approx(b * math.cos(angle) + a * math.sin(angle))
    near = ops.rope(x, cos[3], sin[3]) @ ops.rope(y, cos[1], sin[1])
    far = ops.rope(x, cos[43], sin[43]) @ ops.rope(y, cos[41], sin[41])
    assert float(near) == pytest.approx(float(far))


def test_turns_are_the_same_rotation_of_complex_numbers():
    cos, sin = ops.rope_tables(50, 8, 10_000.0, torch.float64)
    turns = ops.rope_turns(50, 8, 10_000.0, torch.float64)
    x = random(50, 3, 8)
    turned = torch.complex(x[..., :4].contiguous(), x[..., 4:].contiguous()) * turns[:, None]
    expected = ops.rope(x, cos[:, None], sin[:, None])
    torch.testing.assert_close(torch.cat((turned.real, turned.imag), -1), expected, rtol=0, atol=1e-14)


def test_small_operations_by_hand():
    x = torch.tensor([3.0, 4.0], dtype=torch.float64)
    weight = torch.tensor([1.0, 2.0], dtype=torch.float64)
    rms = math.sqrt((9 + 16) / 2 + 1e-5)
    assert ops.rms_norm(x, weight, 1e-5).tolist() == pytest.approx([3 / rms, 8 / rms])
    silu = 3 / (1 + math.exp(-3))
    assert ops.swiglu(x).tolist() == pytest.approx([silu * 4])
    assert ops.clp_input(x, weight, 0.5, 0.1).tolist() == pytest.approx([1.6, 2.2])
    gate = torch.tensor([[0.25]])
    assert ops.mix(gate, torch.ones(1, 1, 2), torch.zeros(1, 1, 2)).flatten().tolist() == [0.25, 0.25]


def test_gates_by_hand():
    x, norm = torch.tensor([[3.0, 4.0]]).double(), torch.tensor([1.0, 2.0]).double()
    weight, bias = torch.tensor([[0.5, -1.0]]).double(), torch.tensor([0.3]).double()
    rms = math.sqrt(12.5 + 1e-5)
    expected = 1 / (1 + math.exp(-(0.5 * 3 / rms - 8 / rms + 0.3)))
    assert float(ops.gate_from_hidden(x, norm, weight, bias, 1e-5)) == pytest.approx(expected)
    expected = 1 / (1 + math.exp(-(0.5 * 3 - 4 + 0.3)))
    assert float(ops.gate_from_query(x[:, None], weight, bias)) == pytest.approx(expected)

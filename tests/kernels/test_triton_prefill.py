"""The prefill attention kernel against its twin in float64, for suffixes of queries and for several sequences."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_kernels import reference, static_reference
from tests.kernels.differences import assert_close

GATED = "plt_kernels.triton_path:loop_attention_prefill"
CAUSAL = "plt_kernels.triton_path:causal_attention"
VARLEN = "plt_kernels.triton_path:varlen_loop_attention_prefill"


def inputs(T, S, W, KV=1, G=1, D=64, dtype=torch.float32, seed=0):
    """q [T, H, D], k and v [KV, S, D], local k and v [KV, W, D], gate [T, H]."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(T, KV * G, D), (KV, S, D), (KV, S, D), (KV, W, D), (KV, W, D), (T, KV * G)]
    tensors = [torch.randn(*shape, generator=generator) for shape in shapes]
    tensors[-1] = torch.sigmoid(tensors[-1])
    return [t.to(dtype) for t in tensors]


def exact(tensors, window):
    return reference.loop_attention_prefill(*(t.double() for t in tensors), window)


@pytest.mark.parametrize(
    ("T", "S", "W", "KV", "G", "D", "dtype"),
    [
        (1, 1, 1, 2, 3, 64, torch.float32),
        (1, 200, 65, 1, 5, 128, torch.bfloat16),
        (63, 63, 63, 1, 3, 80, torch.float32),
        (64, 100, 100, 1, 1, 128, torch.float16),
        (65, 65, 65, 2, 1, 64, torch.bfloat16),
        (66, 130, 66, 1, 1, 80, torch.float32),
        (129, 140, 140, 1, 3, 64, torch.float32),
        (1000, 1000, 1000, 1, 1, 64, torch.float32),
    ],
)
def test_gated_attention_of_the_last_queries_is_its_twins(interpreter, T, S, W, KV, G, D, dtype):
    tensors = inputs(T, S, W, KV, G, D, dtype)
    assert_close(interpreter.call(GATED, *tensors, 64), exact(tensors, 64), dtype)


@pytest.mark.parametrize(("T", "S"), [(1, 65), (70, 70), (5, 129)])
def test_causal_attention_of_the_first_loop_is_its_twins(interpreter, T, S):
    q, k, v, *_ = inputs(T, S, T, KV=2, G=3, D=80)
    expected = reference.causal_attention(q.double(), k.double(), v.double())
    assert_close(interpreter.call(CAUSAL, q, k, v), expected, torch.float32)


@pytest.mark.parametrize("window", [0, 3, 500])
def test_windows_of_any_width(interpreter, window):
    tensors = inputs(70, 90, 80, G=2)
    assert_close(interpreter.call(GATED, *tensors, window), exact(tensors, window), torch.float32)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    T=st.integers(1, 9), before=st.integers(0, 9), local_before=st.integers(0, 9), KV=st.integers(1, 2),
    G=st.integers(1, 2), D=st.sampled_from([2, 6, 8]), window=st.integers(0, 12), seed=st.integers(0, 99),
)  # fmt: skip
def test_gated_attention_of_any_small_shape(interpreter, T, before, local_before, KV, G, D, window, seed):
    tensors = inputs(T, T + before, T + local_before, KV, G, D, seed=seed)
    assert_close(interpreter.call(GATED, *tensors, window), exact(tensors, window), torch.float32)


def test_sequences_side_by_side_do_not_see_each_other(interpreter):
    lengths = [(3, 40, 10), (70, 70, 70), (1, 1, 1), (20, 33, 25)]  # queries, keys, local keys of each
    several = [inputs(*length, KV=2, G=3, D=16, seed=i) for i, length in enumerate(lengths)]
    joined = [torch.cat([one[j] for one in several], 0 if j in (0, 5) else 1) for j in range(6)]
    firsts = [torch.tensor([0, *(n[j] for n in lengths)]).cumsum(0).to(torch.int32) for j in range(3)]
    arguments = (*joined, 9, *firsts, 70)
    got = interpreter.call(VARLEN, *arguments)
    assert_close(got, static_reference.varlen_loop_attention_prefill(*arguments), torch.float32)
    for one, (i, j) in zip(several, pairwise(firsts[0].tolist()), strict=True):
        assert_close(got[i:j], exact(one, 9), torch.float32)


def test_the_twin_refuses_more_queries_than_were_said():
    tensors = inputs(5, 5, 5)
    firsts = [torch.tensor([0, 5], dtype=torch.int32)] * 3
    with pytest.raises(ValueError, match="a sequence has 5 queries; max_queries is 4"):
        static_reference.varlen_loop_attention_prefill(*tensors, 9, *firsts, 4)


def test_shapes_that_do_not_fit_are_named(interpreter):
    q, k, v, local_k, local_v, gate = inputs(5, 4, 6)
    with pytest.raises(ValueError, match=r"loop_attention_prefill: q \[5, 1, 64\], k \[1, 4, 64\]"):
        interpreter.call(GATED, q, k, v, local_k, local_v, gate, 64)

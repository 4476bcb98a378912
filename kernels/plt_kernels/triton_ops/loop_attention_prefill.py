"""Prefill attention in Triton: causal over the shared KV and, in later loops, banded over the loop's own, gated.

A flash attention for the last T of S positions, which a trapezoid needs. It does not know layers or chunks.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, LaunchTable, power_of_two, require, table_for
from plt_kernels.triton_ops.matrix_product import product_dtype

NAME = "loop_attention_prefill"


@triton.jit
def _banded(
    b_q, p_k, p_v, o_i, first, end, window_left, stride_k, stride_v, scale,
    D: tl.constexpr, BT: tl.constexpr, BN: tl.constexpr, BD: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """Softmax attention [BT, BD] of queries at o_i over keys o_i - window_left .. o_i that lie in first .. end-1."""
    o_d = tl.arange(0, BD)
    b_max = tl.full([BT], float("-inf"), tl.float32)
    b_sum = tl.zeros([BT], tl.float32)
    b_y = tl.zeros([BT, BD], tl.float32)
    for i_n in range(first, end, BN):
        o_n = i_n + tl.arange(0, BN)
        m_kv = (o_n < end)[:, None] & (o_d < D)[None, :]
        b_k = tl.load(p_k + o_n[:, None] * stride_k + o_d[None, :], mask=m_kv, other=0.0)
        b_s = tl.dot(b_q.to(DOT), tl.trans(b_k.to(DOT)), input_precision="ieee") * scale
        o_back = o_i[:, None] - o_n[None, :]
        b_s = tl.where((o_back >= 0) & (o_back <= window_left), b_s, float("-inf"))
        b_new = tl.maximum(b_max, tl.max(b_s, 1))
        # A query that has seen no key yet keeps the maximum -inf, from which nothing may be subtracted.
        b_safe = tl.where(b_new == float("-inf"), 0.0, b_new)
        b_old = tl.exp2(b_max - b_safe)
        b_p = tl.exp2(b_s - b_safe[:, None])
        b_sum = b_sum * b_old + tl.sum(b_p, 1)
        b_v = tl.load(p_v + o_n[:, None] * stride_v + o_d[None, :], mask=m_kv, other=0.0)
        b_y = b_y * b_old[:, None] + tl.dot(b_p.to(b_v.dtype).to(DOT), b_v.to(DOT), input_precision="ieee")
        b_max = b_new
    return b_y / b_sum[:, None]


# Lengths change with every prompt: one compiled kernel serves all of them.
@triton.jit(do_not_specialize=["num_queries", "num_keys", "num_local", "window_left"])
def gated_attention(
    q, k, v, local_k, local_v, gate, y, first_query, first_key, first_local,
    num_queries, num_keys, num_local, window_left, scale,
    stride_q, stride_q_head, stride_k_head, stride_k, stride_v_head, stride_v, stride_local_k_head, stride_local_k,
    stride_local_v_head, stride_local_v, stride_gate,
    H: tl.constexpr, G: tl.constexpr, D: tl.constexpr, BT: tl.constexpr, BN: tl.constexpr, BD: tl.constexpr,
    HAS_LOCAL: tl.constexpr, IS_VARLEN: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """BT queries (axis 0, the last first: they have most to do) of a head (axis 1) of a sequence (axis 2)."""
    i_t, i_h, i_b = tl.num_programs(0) - 1 - tl.program_id(0), tl.program_id(1), tl.program_id(2)
    o_query, o_key, o_local = 0, 0, 0
    if IS_VARLEN:
        o_query, o_key = tl.load(first_query + i_b), tl.load(first_key + i_b)
        num_queries = tl.load(first_query + i_b + 1) - o_query
        num_keys = tl.load(first_key + i_b + 1) - o_key
        if HAS_LOCAL:
            o_local = tl.load(first_local + i_b)
            num_local = tl.load(first_local + i_b + 1) - o_local
    if i_t * BT < num_queries:
        o_t, o_d = i_t * BT + tl.arange(0, BT), tl.arange(0, BD)
        m_t = o_t < num_queries
        m_q = m_t[:, None] & (o_d < D)[None, :]
        p_q = q + i_h * stride_q_head + (o_query + o_t)[:, None].to(tl.int64) * stride_q + o_d[None, :]
        b_q = tl.load(p_q, mask=m_q, other=0.0)
        i_kv = i_h // G
        # Queries beyond the last are given its place, so that they see a key as well and nothing divides by zero.
        o_last = tl.minimum(o_t, num_queries - 1)
        end = tl.minimum(i_t * BT + BT, num_queries)
        o_i = num_keys - num_queries + o_last
        b_y = _banded(
            b_q, k + i_kv * stride_k_head + o_key * stride_k, v + i_kv * stride_v_head + o_key * stride_v, o_i, 0,
            num_keys - num_queries + end, num_keys, stride_k, stride_v, scale, D, BT, BN, BD, DOT,
        )  # fmt: skip
        if HAS_LOCAL:
            o_i = num_local - num_queries + o_last
            b_local = _banded(
                b_q, local_k + i_kv * stride_local_k_head + o_local * stride_local_k,
                local_v + i_kv * stride_local_v_head + o_local * stride_local_v, o_i,
                tl.maximum(num_local - num_queries + i_t * BT - window_left, 0), num_local - num_queries + end,
                window_left, stride_local_k, stride_local_v, scale, D, BT, BN, BD, DOT,
            )  # fmt: skip
            b_gate = tl.load(gate + (o_query + o_t) * stride_gate + i_h, mask=m_t, other=0.0).to(tl.float32)[:, None]
            b_y = b_local + b_gate * (b_y - b_local)
        p_y = y + ((o_query + o_t)[:, None].to(tl.int64) * H + i_h) * D + o_d[None, :]
        tl.store(p_y, b_y.to(y.dtype.element_ty), mask=m_q)


def launch(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    local: tuple[Tensor, Tensor, Tensor] | None,
    window_left: int,
    table: LaunchTable,
    firsts: tuple[Tensor, Tensor, Tensor | None] | None = None,
    max_queries: int | None = None,
) -> tuple[Launch, Tensor]:
    """The launch and its result [T, H, D]; local is (local_k, local_v, gate), firsts the sequences' borders."""
    (T, H, D), (KV, S) = q.shape, k.shape[:2]
    local_k, local_v, gate = local if local is not None else (k, v, None)
    _check(q, k, v, local_k, local_v, gate)
    narrow = 2 if q.element_size() == 4 else 1
    y = q.new_empty((T, H, D))
    first_query, first_key, first_local = firsts if firsts is not None else (None, None, None)
    num_sequences = 1 if first_query is None else first_query.shape[0] - 1
    made = Launch(
        gated_attention,
        (triton.cdiv(max_queries or T, table.prefill.rows), H, num_sequences),
        {
            "q": q, "k": k, "v": v, "local_k": local_k, "local_v": local_v, "gate": gate, "y": y,
            "first_query": first_query, "first_key": first_key, "first_local": first_local,
            "num_queries": T, "num_keys": S, "num_local": local_k.shape[1], "window_left": window_left,
            "scale": D**-0.5 * math.log2(math.e), "stride_q": q.stride(0), "stride_q_head": q.stride(1),
            "stride_k_head": k.stride(0), "stride_k": k.stride(1), "stride_v_head": v.stride(0),
            "stride_v": v.stride(1), "stride_local_k_head": local_k.stride(0), "stride_local_k": local_k.stride(1),
            "stride_local_v_head": local_v.stride(0), "stride_local_v": local_v.stride(1),
            "stride_gate": 0 if gate is None else gate.stride(0),
        },
        {
            "H": H, "G": H // KV, "D": D, "BT": table.prefill.rows, "BN": table.prefill.columns // narrow,
            "BD": power_of_two(D, 16), "HAS_LOCAL": gate is not None, "IS_VARLEN": firsts is not None,
            "DOT": product_dtype(q.dtype),
        },
        table.prefill.num_warps,
        table.prefill.num_stages,
    )  # fmt: skip
    return made, y


def _check(q: Tensor, k: Tensor, v: Tensor, local_k: Tensor, local_v: Tensor, gate: Tensor | None) -> None:
    (T, H, D), KV = q.shape, k.shape[0]
    fits = H % KV == 0 and k.shape == v.shape and k.shape[2] == D and k.shape[1] >= T
    require(fits, NAME, f"q {[*q.shape]}, k {[*k.shape]}, v {[*v.shape]}")
    fits = local_k.shape == local_v.shape and local_k.shape[0] == KV and local_k.shape[2] == D and local_k.shape[1] >= T
    require(fits, NAME, f"q {[*q.shape]}, local_k {[*local_k.shape]}, local_v {[*local_v.shape]}")
    contiguous = all(t.stride(-1) == 1 for t in (q, k, v, local_k, local_v))
    require(contiguous, NAME, "the last dimension must be contiguous")
    require(gate is None or (gate.shape == (T, H) and gate.stride(1) == 1), NAME, f"the gate must be {[T, H]}")


def band_bias(num_queries: int, num_keys: int, window_left: int, like: Tensor) -> Tensor | None:
    """See `reference.band_bias`: the kernel masks by position as it goes, so that there is none to make."""
    return None


def causal_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """See `reference.causal_attention`; q [T, H, D], k and v [KV, S, D]."""
    made, y = launch(q, k, v, None, 0, table_for(q.device))
    made.run()
    return y


def loop_attention_prefill(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    local_k: Tensor,
    local_v: Tensor,
    gate: Tensor,
    window_left: int,
    bias: Tensor | None = None,
    local_bias: Tensor | None = None,
) -> Tensor:
    """See `reference.loop_attention_prefill`; without batch dimensions."""
    made, y = launch(q, k, v, (local_k, local_v, gate), window_left, table_for(q.device))
    made.run()
    return y


def varlen_loop_attention_prefill(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    local_k: Tensor,
    local_v: Tensor,
    gate: Tensor,
    window_left: int,
    first_query: Tensor,
    first_key: Tensor,
    first_local: Tensor,
    max_queries: int,
) -> Tensor:
    """See `static_reference.varlen_loop_attention_prefill`."""
    borders = (first_query, first_key, first_local)
    require(all(t.dtype is torch.int32 for t in borders), NAME, "the sequences' borders must be int32")
    local = (local_k, local_v, gate)
    made, y = launch(q, k, v, local, window_left, table_for(q.device), borders, max_queries)
    made.run()
    return y

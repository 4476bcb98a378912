"""One-pass decode attention in Triton: R rows of one new token over the shared KV, later rows over their rings too.

The shared KV is read once for all rows and all query heads of a KV head. It does not know layers or sequences: the
position is a number on the device, so that a captured graph serves every token.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, LaunchTable, power_of_two, require, table_for
from plt_kernels.triton_ops.matrix_product import product_dtype

NAME = "loop_attention_decode"


@triton.jit
def _attend(
    b_q, p_k, p_v, p_k_scale, p_v_scale, first, end, ring_size, stride_k, stride_v, scale,
    D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BD: tl.constexpr, HAS_SCALES: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """Sums, maxima and unnormalised results of rows b_q [BM, BD] over positions first .. end-1; slot = p mod ring."""
    o_d = tl.arange(0, BD)
    m_d = o_d < D
    b_max = tl.full([BM], float("-inf"), tl.float32)
    b_sum = tl.zeros([BM], tl.float32)
    b_y = tl.zeros([BM, BD], tl.float32)
    for i_n in range(first, end, BN):
        o_n = i_n + tl.arange(0, BN)
        m_n = o_n < end
        o_slot = o_n % ring_size
        m_kv = m_n[:, None] & m_d[None, :]
        b_k = tl.load(p_k + o_slot[:, None] * stride_k + o_d[None, :], mask=m_kv, other=0.0)
        b_s = tl.dot(b_q.to(DOT), tl.trans(b_k.to(tl.float32).to(b_q.dtype).to(DOT)), input_precision="ieee") * scale
        if HAS_SCALES:
            b_s *= tl.load(p_k_scale + o_slot, mask=m_n, other=0.0).to(tl.float32)[None, :]
        b_s = tl.where(m_n[None, :], b_s, float("-inf"))
        b_new = tl.maximum(b_max, tl.max(b_s, 1))
        b_old = tl.exp2(b_max - b_new)
        b_p = tl.exp2(b_s - b_new[:, None])
        b_sum = b_sum * b_old + tl.sum(b_p, 1)
        if HAS_SCALES:
            b_p *= tl.load(p_v_scale + o_slot, mask=m_n, other=0.0).to(tl.float32)[None, :]
        b_v = (
            tl.load(p_v + o_slot[:, None] * stride_v + o_d[None, :], mask=m_kv, other=0.0).to(tl.float32).to(b_q.dtype)
        )
        b_y = b_y * b_old[:, None] + tl.dot(b_p.to(b_q.dtype).to(DOT), b_v.to(DOT), input_precision="ieee")
        b_max = b_new
    return b_max, b_sum, b_y


@triton.jit
def partial_attention(
    q, k, v, k_scale, v_scale, ring_k, ring_v, position, y_part, max_part, sum_part,
    window_left, capacity, ring_size, scale, stride_q_row, stride_q_head, stride_k_head, stride_k, stride_v_head,
    stride_v, stride_scale_head, stride_ring_row, stride_ring_head, stride_ring,
    G: tl.constexpr, M: tl.constexpr, D: tl.constexpr, SPLITS: tl.constexpr, PARTS: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BD: tl.constexpr, HAS_SCALES: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """One KV head (axis 0) and one part (axis 1): a split of the shared KV for all M = R*G rows, or one row's ring."""
    i_head, i_part = tl.program_id(0), tl.program_id(1)
    o_m, o_d = tl.arange(0, BM), tl.arange(0, BD)
    m_m = o_m < M
    p_q = q + (o_m // G)[:, None] * stride_q_row + (i_head * G + o_m % G)[:, None] * stride_q_head + o_d[None, :]
    b_q = tl.load(p_q, mask=m_m[:, None] & (o_d < D)[None, :], other=0.0)
    end = tl.load(position).to(tl.int32) + 1
    if i_part < SPLITS:
        per_split = tl.cdiv(tl.cdiv(end, BN), SPLITS) * BN
        first = i_part * per_split
        p_k_scale, p_v_scale = k_scale, v_scale
        if HAS_SCALES:
            p_k_scale, p_v_scale = k_scale + i_head * stride_scale_head, v_scale + i_head * stride_scale_head
        b_max, b_sum, b_y = _attend(
            b_q, k + i_head * stride_k_head, v + i_head * stride_v_head, p_k_scale, p_v_scale, first,
            tl.minimum(first + per_split, end), capacity, stride_k, stride_v, scale, D, BM, BN, BD, HAS_SCALES, DOT,
        )  # fmt: skip
    else:
        # Only the G rows of this loop look at its ring; a tile has at least 16 rows anyhow.
        m_m &= (o_m // G) == i_part - SPLITS + 1
        o_ring = (i_part - SPLITS) * stride_ring_row + i_head * stride_ring_head
        b_max, b_sum, b_y = _attend(
            b_q, ring_k + o_ring, ring_v + o_ring, k_scale, v_scale, tl.maximum(end - 1 - window_left, 0), end,
            ring_size, stride_ring, stride_ring, scale, D, BM, BN, BD, False, DOT,
        )  # fmt: skip
    o_part = (i_head * PARTS + i_part) * M + o_m
    tl.store(max_part + o_part, b_max, mask=m_m)
    tl.store(sum_part + o_part, b_sum, mask=m_m)
    # A split without keys has the sum 0, by which the reduction knows not to read its result.
    m_y = (m_m & (b_sum > 0))[:, None] & (o_d < D)[None, :]
    tl.store(y_part + o_part[:, None] * D + o_d[None, :], b_y, mask=m_y)


@triton.jit
def reduce_and_mix(
    q, gate, gate_weight, y_part, max_part, sum_part, y, stride_q_row, stride_q_head, stride_gate_row,
    H: tl.constexpr, G: tl.constexpr, M: tl.constexpr, D: tl.constexpr, SPLITS: tl.constexpr, PARTS: tl.constexpr,
    BS: tl.constexpr, BD: tl.constexpr, HAS_RINGS: tl.constexpr, QUERY_GATE: tl.constexpr, IS_GATE: tl.constexpr,
):  # fmt: skip
    """One row (axis 0) and query head (axis 1): both softmaxes normalised, the gate, and the mix."""
    i_row, i_h = tl.program_id(0), tl.program_id(1)
    o_s, o_d = tl.arange(0, BS), tl.arange(0, BD)
    m_d = o_d < D
    first = (i_h // G) * PARTS * M + i_row * G + i_h % G
    o_part = first + o_s * M
    m_s = o_s < SPLITS
    b_sum = tl.load(sum_part + o_part, mask=m_s, other=0.0)
    m_s &= b_sum > 0
    b_max = tl.load(max_part + o_part, mask=m_s, other=float("-inf"))
    b_weight = tl.exp2(b_max - tl.max(b_max, 0))
    b_y = tl.load(y_part + o_part[:, None] * D + o_d[None, :], mask=m_s[:, None] & m_d[None, :], other=0.0)
    b_out = tl.sum(b_y * b_weight[:, None], 0) / tl.sum(b_sum * b_weight, 0)
    if HAS_RINGS:  # noqa: SIM102 (one is known when compiling, the other when running)
        if i_row > 0:
            o_ring = first + (SPLITS + i_row - 1) * M
            b_local = tl.load(y_part + o_ring * D + o_d, mask=m_d, other=0.0) / tl.load(sum_part + o_ring)
            b_gate = tl.load(gate + (i_row - 1) * stride_gate_row + i_h).to(tl.float32)
            if QUERY_GATE:
                b_q = tl.load(q + i_row * stride_q_row + i_h * stride_q_head + o_d, mask=m_d, other=0.0)
                b_w = tl.load(gate_weight + i_h * D + o_d, mask=m_d, other=0.0)
                b_gate += tl.sum(b_q.to(tl.float32) * b_w.to(tl.float32), 0)
            if not IS_GATE:
                b_gate = 1 / (1 + tl.exp(-b_gate))
            b_out = b_local + b_gate * (b_out - b_local)
    tl.store(y + (i_row * H + i_h) * D + o_d, b_out.to(y.dtype.element_ty), mask=m_d)


def launches(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    ring_k: Tensor,
    ring_v: Tensor,
    gate: Tensor,
    position: Tensor,
    window_left: int,
    table: LaunchTable,
    *,
    gate_weight: Tensor | None = None,
    k_scale: Tensor | None = None,
    v_scale: Tensor | None = None,
    is_gate: bool = False,
) -> tuple[tuple[Launch, Launch], Tensor]:
    """The two launches of `ring_attention_decode`, and the tensor [R, H, D] that they fill; see there for the rest."""
    (R, H, D), (KV, capacity) = q.shape, k.shape[:2]
    _check(q, k, v, ring_k, ring_v, gate, window_left)
    G, M = H // KV, R * H // KV
    keys = table.decode.columns // 2 if q.element_size() == 4 else table.decode.columns
    splits = max(1, min(table.decode_programs // KV, triton.cdiv(capacity, keys)))
    parts = splits + R - 1
    y_part = q.new_empty((KV, parts, M, D), dtype=torch.float32)
    max_part = q.new_empty((KV, parts, M), dtype=torch.float32)
    sum_part, y = torch.empty_like(max_part), torch.empty_like(q, memory_format=torch.contiguous_format)
    shape = {"G": G, "M": M, "D": D, "SPLITS": splits, "PARTS": parts, "BD": power_of_two(D, 16)}
    partial = Launch(
        partial_attention,
        (KV, parts),
        {
            "q": q, "k": k, "v": v, "k_scale": k_scale, "v_scale": v_scale, "ring_k": ring_k, "ring_v": ring_v,
            "position": position, "y_part": y_part, "max_part": max_part, "sum_part": sum_part,
            "window_left": window_left, "capacity": capacity, "ring_size": max(1, ring_k.shape[2]),
            "scale": D**-0.5 * math.log2(math.e), "stride_q_row": q.stride(0), "stride_q_head": q.stride(1),
            "stride_k_head": k.stride(0), "stride_k": k.stride(1), "stride_v_head": v.stride(0),
            "stride_v": v.stride(1), "stride_scale_head": 0 if k_scale is None else k_scale.stride(0),
            "stride_ring_row": ring_k.stride(0), "stride_ring_head": ring_k.stride(1),
            "stride_ring": ring_k.stride(2),
        },
        {
            **shape, "BM": power_of_two(M, 16), "BN": keys, "HAS_SCALES": k_scale is not None,
            "DOT": product_dtype(q.dtype),
        },
        table.decode.num_warps,
        table.decode.num_stages,
    )  # fmt: skip
    reduction = Launch(
        reduce_and_mix,
        (R, H),
        {
            "q": q, "gate": gate, "gate_weight": gate_weight, "y_part": y_part, "max_part": max_part,
            "sum_part": sum_part, "y": y, "stride_q_row": q.stride(0), "stride_q_head": q.stride(1),
            "stride_gate_row": gate.stride(0) if R > 1 else 0,
        },
        {
            **shape, "H": H, "BS": power_of_two(splits), "HAS_RINGS": R > 1,
            "QUERY_GATE": gate_weight is not None, "IS_GATE": is_gate,
        },
        num_warps=4,
    )  # fmt: skip
    return (partial, reduction), y


def _check(q: Tensor, k: Tensor, v: Tensor, ring_k: Tensor, ring_v: Tensor, gate: Tensor, window_left: int) -> None:
    (R, H, D), KV = q.shape, k.shape[0]
    require(
        H % KV == 0 and k.shape == v.shape and k.shape[2] == D, NAME, f"q {[*q.shape]}, k {[*k.shape]}, v {[*v.shape]}"
    )
    require(
        ring_k.shape == ring_v.shape and ring_k.stride() == ring_v.stride(), NAME, "the rings differ in their layout"
    )
    require(all(t.stride(-1) == 1 for t in (q, k, v)), NAME, "the last dimension must be contiguous")
    if R > 1:
        fits = ring_k.shape[:2] == (R - 1, KV) and ring_k.shape[3] == D and ring_k.stride(3) == 1
        require(fits, NAME, f"rings {[*ring_k.shape]} do not fit q {[*q.shape]} and {KV} KV heads")
        require(ring_k.shape[2] > window_left, NAME, f"rings of {ring_k.shape[2]} slots, window {window_left} + 1")
        require(gate.shape == (R - 1, H) and gate.stride(1) == 1, NAME, f"gate {[*gate.shape]} of {[R - 1, H]}")


def ring_attention_decode(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    ring_k: Tensor,
    ring_v: Tensor,
    gate_logits: Tensor,
    position: Tensor,
    window_left: int,
    gate_weight: Tensor | None = None,
    k_scale: Tensor | None = None,
    v_scale: Tensor | None = None,
) -> Tensor:
    """See `reference.ring_attention_decode`."""
    both, y = launches(
        q, k, v, ring_k, ring_v, gate_logits, position, window_left, table_for(q.device),
        gate_weight=gate_weight, k_scale=k_scale, v_scale=v_scale,
    )  # fmt: skip
    for launch in both:
        launch.run()
    return y


def loop_attention_decode(q: Tensor, k: Tensor, v: Tensor, local_k: Tensor, local_v: Tensor, gate: Tensor) -> Tensor:
    """See `reference.loop_attention_decode`."""
    num_keys, num_local = k.shape[1], local_k.shape[2] if q.shape[0] > 1 else 0
    require(num_local <= num_keys, NAME, f"{num_local} local keys of {num_keys} keys in all")
    position = torch.full((1,), num_keys - 1, dtype=torch.int64, device=q.device)
    both, y = launches(
        q, k, v, local_k, local_v, gate, position, max(0, num_local - 1), table_for(q.device), is_gate=True
    )
    for launch in both:
        launch.run()
    return y

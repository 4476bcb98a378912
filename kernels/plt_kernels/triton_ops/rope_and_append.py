"""Rotation of q and k and the writes into both caches in one Triton kernel, one program per row and head.

The position is read on the device. It does not know layers, nor who reads the caches.
"""

import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, power_of_two, require

NAME = "rope_and_append"


@triton.jit
def _store(b_x, p_cache, p_scale, o_d, m_d, HAS_SCALES: tl.constexpr):
    """Store one head's vector, in int8 or float8 with its own scale where the cache has scales."""
    element = p_cache.dtype.element_ty
    if HAS_SCALES:
        top = 127.0 if element == tl.int8 else 448.0
        b_scale = tl.maximum(tl.max(tl.abs(b_x), 0) / top, 1.1754943508222875e-38)
        tl.store(p_scale, b_scale.to(p_scale.dtype.element_ty))
        b_x = b_x / b_scale
        if element == tl.int8:
            b_x = tl.floor(b_x + 0.5)
    tl.store(p_cache + o_d, b_x.to(element), mask=m_d)


@triton.jit
def rotate_and_store(
    qkv, cos, sin, position, q, k, v, k_scale, v_scale, ring_k, ring_v,
    ring_size, stride_row, stride_head, stride_k_head, stride_k, stride_v_head, stride_v, stride_scale_head,
    stride_ring_row, stride_ring_head, stride_ring,
    H: tl.constexpr, KV: tl.constexpr, D: tl.constexpr, BD: tl.constexpr, HAS_SCALES: tl.constexpr,
):  # fmt: skip
    """Row (axis 0) and head (axis 1) of qkv: heads of q, then of k, then of v."""
    i_row, i_head = tl.program_id(0), tl.program_id(1)
    o_d = tl.arange(0, BD)
    m_d = o_d < D
    p_x = qkv + i_row * stride_row + i_head * stride_head
    i_position = tl.load(position).to(tl.int32)
    b_x = tl.load(p_x + o_d, mask=m_d, other=0.0).to(tl.float32)
    if i_head < H + KV:
        b_partner = tl.load(p_x + (o_d + D // 2) % D, mask=m_d, other=0.0).to(tl.float32)
        b_cos = tl.load(cos + i_position * D + o_d, mask=m_d, other=0.0).to(tl.float32)
        b_sin = tl.load(sin + i_position * D + o_d, mask=m_d, other=0.0).to(tl.float32)
        b_x = b_x * b_cos + b_partner * b_sin
    # What is stored is what the model's dtype holds, so that a quantised cache starts from the same numbers.
    b_x = b_x.to(q.dtype.element_ty).to(tl.float32)
    i_kv = (i_head - H) % KV
    o_ring = (i_row - 1) * stride_ring_row + i_kv * stride_ring_head + (i_position % ring_size) * stride_ring
    o_scale = i_kv * stride_scale_head + i_position
    if i_head < H:
        _store(b_x, q + (i_row * H + i_head) * D, q, o_d, m_d, False)
    elif i_head < H + KV:
        if i_row == 0:
            p_scale = k_scale
            if HAS_SCALES:
                p_scale = k_scale + o_scale
            _store(b_x, k + i_kv * stride_k_head + i_position * stride_k, p_scale, o_d, m_d, HAS_SCALES)
        else:
            _store(b_x, ring_k + o_ring, q, o_d, m_d, False)
    elif i_row == 0:
        p_scale = v_scale
        if HAS_SCALES:
            p_scale = v_scale + o_scale
        _store(b_x, v + i_kv * stride_v_head + i_position * stride_v, p_scale, o_d, m_d, HAS_SCALES)
    else:
        _store(b_x, ring_v + o_ring, q, o_d, m_d, False)


def launch(
    qkv: Tensor,
    cos: Tensor,
    sin: Tensor,
    position: Tensor,
    k: Tensor,
    v: Tensor,
    ring_k: Tensor,
    ring_v: Tensor,
    k_scale: Tensor | None = None,
    v_scale: Tensor | None = None,
) -> tuple[Launch, Tensor]:
    """The launch and the q [R, H, D] that it fills beside the caches; see `static_reference.rope_and_append`."""
    R, D, KV = qkv.shape[0], qkv.shape[2], k.shape[0]
    H = qkv.shape[1] - 2 * KV
    fits = k.shape == v.shape and k.shape[2] == D and cos.shape == sin.shape and cos.shape[1] == D
    require(fits, NAME, f"qkv {[*qkv.shape]}, k {[*k.shape]}, v {[*v.shape]}, cos {[*cos.shape]}")
    require(cos.is_contiguous() and sin.is_contiguous(), NAME, "cos and sin must be contiguous")
    fits = ring_k.shape == ring_v.shape and ring_k.stride() == ring_v.stride()
    require(
        fits and (R == 1 or ring_k.shape[:2] == (R - 1, KV)), NAME, f"rings {[*ring_k.shape]} and {[*ring_v.shape]}"
    )
    require(all(t.stride(-1) == 1 for t in (qkv, k, v, ring_k)), NAME, "the last dimension must be contiguous")
    q = qkv.new_empty((R, H, D))
    made = Launch(
        rotate_and_store,
        (R, H + 2 * KV),
        {
            "qkv": qkv, "cos": cos, "sin": sin, "position": position, "q": q, "k": k, "v": v, "k_scale": k_scale,
            "v_scale": v_scale, "ring_k": ring_k, "ring_v": ring_v, "ring_size": max(1, ring_k.shape[2]),
            "stride_row": qkv.stride(0), "stride_head": qkv.stride(1), "stride_k_head": k.stride(0),
            "stride_k": k.stride(1), "stride_v_head": v.stride(0), "stride_v": v.stride(1),
            "stride_scale_head": 0 if k_scale is None else k_scale.stride(0), "stride_ring_row": ring_k.stride(0),
            "stride_ring_head": ring_k.stride(1), "stride_ring": ring_k.stride(2),
        },
        {"H": H, "KV": KV, "D": D, "BD": power_of_two(D), "HAS_SCALES": k_scale is not None},
        num_warps=1,
    )  # fmt: skip
    return made, q


def rope_and_append(
    qkv: Tensor,
    cos: Tensor,
    sin: Tensor,
    position: Tensor,
    k: Tensor,
    v: Tensor,
    ring_k: Tensor,
    ring_v: Tensor,
    k_scale: Tensor | None = None,
    v_scale: Tensor | None = None,
) -> Tensor:
    """See `static_reference.rope_and_append`."""
    made, q = launch(qkv, cos, sin, position, k, v, ring_k, ring_v, k_scale, v_scale)
    made.run()
    return q

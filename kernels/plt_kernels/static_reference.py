"""The operations of a decode step whose addresses and shapes never change, in plain torch: what a captured graph needs.

The position is a number on the device, and caches are whole buffers of which a part is filled. Letters as in
`reference`; C is the capacity of the shared KV. Nothing here knows a model or how a graph is captured.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_kernels import reference


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
    """Attention of all R rows of the token at `position` in one pass (one-pass decode), the gate's sigmoid included.

    Args:
        q: [R, H, D]; row 0 is loop 1.
        k: shared keys of loop 1, [KV, C, D], of which positions 0 .. position are filled; `v` likewise.
        ring_k: keys of loops 2..R, [R-1, KV, W, D]; position p lies in slot p mod W, W > window_left; `ring_v` too.
        gate_logits: [R-1, H]; in query mode the bias alone.
        position: [1], the new token's; its keys and values are stored already.
        window_left: how many positions before its own a later row sees locally.
        gate_weight: [H, D] in query mode, where <q_h, gate_weight_h> is added to the logits.
        k_scale: [KV, C], where k is int8 or float8: a key's values are multiplied by it; `v_scale` likewise.

    Returns:
        [R, H, D].
    """
    o_slot = torch.arange(k.shape[1], device=q.device)
    y = _masked_attention(q, _scaled(k, k_scale, q.dtype), _scaled(v, v_scale, q.dtype), o_slot <= position)
    if q.shape[0] == 1:
        return y
    held = _held_positions(ring_k.shape[2], position)
    seen = (held >= 0) & (held >= position - window_left)
    rows = [_masked_attention(q[r + 1 : r + 2], ring_k[r], ring_v[r], seen) for r in range(q.shape[0] - 1)]
    if gate_weight is not None:
        gate_logits = gate_logits + (q[1:] * gate_weight).sum(-1)
    return torch.cat((y[:1], reference.mix(torch.sigmoid(gate_logits), y[1:], torch.cat(rows))))


def _held_positions(ring_size: int, position: Tensor) -> Tensor:
    """The position whose entry each slot of a ring holds once `position` is stored; negative where none is yet."""
    slots = torch.arange(ring_size, device=position.device)
    return position - (position - slots) % ring_size


def _masked_attention(q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
    """Attention of q [R, H, D] over those of k, v [KV, S, D] that are seen [S]; what is not seen may hold anything."""
    R, H, D = q.shape
    KV = k.shape[0]
    k, v = (t.masked_fill(~seen[:, None], 0) for t in (k, v))
    grouped = q.view(R, KV, H // KV, D).transpose(0, 1).reshape(1, KV, R * (H // KV), D)
    y = F.scaled_dot_product_attention(grouped, k[None], v[None], attn_mask=seen[None, :])
    return y.view(KV, R, H // KV, D).transpose(0, 1).reshape(R, H, D)


def _scaled(values: Tensor, scale: Tensor | None, dtype: torch.dtype) -> Tensor:
    return values if scale is None else (values.float() * scale.float()[..., None]).to(dtype)


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
    """Rotate q and k of all rows; store row 0's k and v in the shared cache and the later rows' in their rings.

    Args:
        qkv: [R, H + 2 KV, D]; heads of q, then of k, then of v.
        cos: [P, D], see `reference.rope_tables`; `sin` likewise.
        position: [1].
        k: [KV, C, D], written at `position`; `v` likewise.
        ring_k: [R-1, KV, W, D], written in slot position mod W; `ring_v` likewise.
        k_scale: [KV, C], where k is int8 or float8; `v_scale` likewise.

    Returns:
        The rotated q, [R, H, D].
    """
    KV, H = k.shape[0], qkv.shape[1] - 2 * k.shape[0]
    turned = reference.rope(qkv[:, : H + KV], cos[position], sin[position])
    new_k, new_v = turned[:, H:], qkv[:, H + KV :]
    for cache, scale, new in ((k, k_scale, new_k[0]), (v, v_scale, new_v[0])):
        if scale is not None:
            new, new_scale = quantize_kv(new, cache.dtype)
            scale.index_copy_(1, position, new_scale[:, None].to(scale.dtype))
        # Bytes are copied, since torch copies no float8 by index.
        raw = torch.uint8 if cache.element_size() == 1 else cache.dtype
        cache.view(raw).index_copy_(1, position, new[:, None].view(raw))
    slot = position % max(1, ring_k.shape[2])
    ring_k.index_copy_(2, slot, new_k[1:, :, None])
    ring_v.index_copy_(2, slot, new_v[1:, :, None])
    return turned[:, :H]


def quantize_kv(values: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Values [..., D] in int8 or float8 with one scale for each D, [...] float32; the largest becomes the largest."""
    top = 127.0 if dtype is torch.int8 else torch.finfo(dtype).max
    scale = (values.float().abs().amax(-1) / top).clamp_min(torch.finfo(torch.float32).tiny)
    quotient = values.float() / scale[..., None]
    return (quotient.round() if dtype is torch.int8 else quotient).to(dtype), scale


def clp_rows(embedding: Tensor, saved: Tensor, position: Tensor, emb_scale: float, hidden_scale: float) -> Tensor:
    """The inputs of all R rows at `position`: E, then a * E + b * Hn^{r-1}_{i-1} (LoopCoder-v2 paper, Eq. 2).

    Args:
        embedding: [1, d].
        saved: what loops 1..R-1 passed on, [R-1, W, d]; position p lies in slot p mod W.
        position: [1]; at position 0 the shifted state is zero, whatever `saved` holds.
        emb_scale: a.
        hidden_scale: b.

    Returns:
        [R, d].
    """
    before = saved.index_select(1, (position - 1) % saved.shape[1])[:, 0]  # [R-1, d]
    before = torch.where(position > 0, before, 0)
    return torch.cat((embedding, reference.clp_input(embedding, before, emb_scale, hidden_scale)))


def add_rms_norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The sum x + residual, and the norm of it (see `reference.rms_norm`); x and residual [..., d], weight [d]."""
    total = x + residual
    return total, reference.rms_norm(total, weight, eps)


def quantized_linear(
    x: Tensor, values: Tensor, scale: Tensor, minimum: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """Project rows x [M, I] to [M, O] with a matrix [O, I] that is stored in 8 or 4 bits.

    Args:
        x: [M, I].
        values: int8 [O, I], or uint8 [O, I/2], whose low four bits hold the even input.
        scale: [O, G], a group being I/G neighbouring inputs; G = 1 is one scale per output.
        minimum: [O, G] for int4, whose number is q * scale + minimum; None for int8, whose number is q * scale.
        bias: [O], or None.
    """
    q = values if minimum is None else torch.stack((values & 15, values >> 4), -1).flatten(1)
    grouped = q.view(*scale.shape, -1).float() * scale.float()[..., None]  # [O, G, I/G]
    if minimum is not None:
        grouped = grouped + minimum.float()[..., None]
    return F.linear(x, grouped.flatten(1).to(x.dtype), bias)


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
    """`reference.loop_attention_prefill` for several sequences that lie one after the other in every tensor.

    Args:
        q: [T, H, D], `k`, `v` [KV, S, D], `local_k`, `local_v` [KV, W, D], `gate` [T, H]: as for one sequence.
        window_left: as for one sequence.
        first_query: int32 [B + 1], where each sequence's queries begin, and T; `first_key` and `first_local` likewise.
        max_queries: at least the number of queries of each sequence.
    """
    if int(first_query.diff().max()) > max_queries:
        raise ValueError(f"a sequence has {int(first_query.diff().max())} queries; max_queries is {max_queries}")
    y = torch.empty_like(q)
    for b in range(first_query.shape[0] - 1):
        t, s, w = (slice(int(f[b]), int(f[b + 1])) for f in (first_query, first_key, first_local))
        y[t] = reference.loop_attention_prefill(
            q[t], k[:, s], v[:, s], local_k[:, w], local_v[:, w], gate[t], window_left
        )
    return y

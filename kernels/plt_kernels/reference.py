"""The operations of a Parallel Loop Transformer in plain torch: the specification of the numerics, and the CPU's path.

Every fast kernel has its twin here, with the same signature. Nothing here knows a model, a cache or a configuration.

Letters of the shapes: T tokens, S keys, W keys of a local window, R rows (loops) of a one-pass decode, H query heads,
KV key/value heads (H = KV * G), D head width, d model width. Leading dimensions `...` may be batches.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """X / rms(x) * weight over the last dimension; x [..., d], weight [d]."""
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


def rope_tables(num_positions: int, head_dim: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary position embedding, each [num_positions, head_dim], in the rotate-half convention.

    The sine's first half carries the minus sign, so that `rope` is two products and a sum. Angles are computed in
    float64 and rounded once.
    """
    inverse_frequency = theta ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angles = torch.arange(num_positions, dtype=torch.float64)[:, None] * inverse_frequency  # [P, D/2]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), -1).to(dtype), torch.cat((-sin, sin), -1).to(dtype)


def rope_turns(num_positions: int, head_dim: int, theta: float, dtype: torch.dtype) -> Tensor:
    """The same rotations as complex numbers [num_positions, head_dim / 2]: x_j + i x_{j + D/2} is multiplied by them.

    `dtype` is that of the real and of the imaginary part.
    """
    cos, sin = rope_tables(num_positions, head_dim, theta, dtype)
    return torch.complex(cos, sin)[:, head_dim // 2 :]


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate x [..., D] by tables (see `rope_tables`) that broadcast against it."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up, where gate_up [..., 2f] holds the two side by side; result [..., f]."""
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


def clp_input(embedding: Tensor, shifted: Tensor, emb_scale: float, hidden_scale: float) -> Tensor:
    """Cross-loop input X^r_i = a * E_i + b * Hn^{r-1}_{i-1} (LoopCoder-v2 paper, Eq. 2, with the release's scales).

    embedding and shifted are [..., d]; `shifted` already stands one position to the right, zero at position 0.
    """
    return emb_scale * embedding + hidden_scale * shifted


def gate_from_hidden(x: Tensor, norm_weight: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Gate per head from the residual stream, before the input norm: sigmoid(W rms_norm(x) + b).

    x [..., T, d], weight [H, d], bias [H]; result [..., T, H] in (0, 1).
    """
    return torch.sigmoid(F.linear(rms_norm(x, norm_weight, eps), weight, bias))


def gate_from_query(q: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Gate per head from the rotated query: sigmoid(<q_h, W_h> + b_h).

    q [..., T, H, D], weight [H, D], bias [H]; result [..., T, H] in (0, 1).
    """
    return torch.sigmoid((q * weight).sum(-1) + bias)


def band_mask(num_queries: int, num_keys: int, window_left: int, device: torch.device) -> Tensor:
    """True where a query may see a key, [num_queries, num_keys]; the last query and the last key share a position.

    A query at position i sees keys i - window_left .. i: window_left + 1 keys in all.
    """
    i = torch.arange(num_queries, device=device)[:, None] + (num_keys - num_queries)
    j = torch.arange(num_keys, device=device)[None, :]
    return (j <= i) & (j >= i - window_left)


def band_bias(num_queries: int, num_keys: int, window_left: int, like: Tensor) -> Tensor:
    """`band_mask` as a summand of the scores: 0 where a query may see a key, else minus infinity; in like's dtype.

    Its last t rows and s columns are the bias of t queries and s keys: made once, it serves all layers of a chunk.
    """
    mask = band_mask(num_queries, num_keys, window_left, like.device)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill_(~mask, -torch.inf)


def causal_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax attention of the last T of S positions over all positions up to their own; scale D ** -0.5.

    q [..., T, H, D], k and v [..., KV, S, D]; result [..., T, H, D]. `bias` is a `band_bias` at least [T, S] with a
    window of all keys, where the caller has one.
    """
    T, S = q.shape[-3], k.shape[-2]
    if T == 1:
        return _attention(q, k, v, None)
    if T == S:
        return _attention(q, k, v, None, is_causal=True)
    return _attention(q, k, v, (band_bias(T, S, S, q) if bias is None else bias)[-T:, -S:])


def local_attention(q: Tensor, k: Tensor, v: Tensor, window_left: int, bias: Tensor | None = None) -> Tensor:
    """Softmax attention of the last T of S positions over each one's own position and window_left before it.

    q [..., T, H, D], k and v [..., KV, S, D]; result [..., T, H, D]. `bias` is a `band_bias` at least [T, S] with this
    window, where the caller has one.
    """
    T, S = q.shape[-3], k.shape[-2]
    return _attention(q, k, v, (band_bias(T, S, window_left, q) if bias is None else bias)[-T:, -S:])


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, is_causal: bool = False) -> Tensor:
    # Torch has its fast CPU kernel for four dimensions only; with three it would compute the formula step by step.
    if q.dim() == 3:
        return _attention(q[None], k[None], v[None], mask, is_causal)[0]
    y = F.scaled_dot_product_attention(
        q.transpose(-3, -2), k, v, attn_mask=mask, is_causal=is_causal, enable_gqa=q.shape[-2] != k.shape[-3]
    )
    return y.transpose(-3, -2)


def mix(gate: Tensor, y_global: Tensor, y_local: Tensor) -> Tensor:
    """Mix g * y_global + (1 - g) * y_local per head; gate [..., T, H], y [..., T, H, D]."""
    return torch.lerp(y_local, y_global, gate.unsqueeze(-1))


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
    """Gated attention of a later loop (r > 1) for a range of query positions.

    Args:
        q: [..., T, H, D], the last T of the positions of `k` and of `local_k`.
        k: shared keys of loop 1, [..., KV, S, D]; `v` likewise.
        local_k: this loop's own keys, [..., KV, W, D], W >= T; `local_v` likewise.
        gate: [..., T, H].
        window_left: how many positions before its own a query sees locally.
        bias: see `causal_attention`; `local_bias` see `local_attention`.

    Returns:
        [..., T, H, D].
    """
    y_local = local_attention(q, local_k, local_v, window_left, local_bias)
    return mix(gate, causal_attention(q, k, v, bias), y_local)


def loop_attention_decode(q: Tensor, k: Tensor, v: Tensor, local_k: Tensor, local_v: Tensor, gate: Tensor) -> Tensor:
    """Attention of all R rows of one new token in one pass (one-pass decode): the shared KV is read once.

    Args:
        q: [R, H, D]; row 0 is loop 1.
        k: shared keys of loop 1 with the new token's, [KV, S, D]; `v` likewise.
        local_k: keys of loops 2..R with the new token's, [R-1, KV, W, D]; `local_v` likewise.
        gate: [R-1, H].

    Returns:
        [R, H, D].
    """
    R, H, D = q.shape
    KV = k.shape[0]
    grouped = q.view(R, KV, H // KV, D).transpose(0, 1).reshape(1, KV, R * (H // KV), D)
    y = F.scaled_dot_product_attention(grouped, k[None], v[None])  # [1, KV, R*G, D]
    y = y.view(KV, R, H // KV, D).transpose(0, 1).reshape(R, H, D)
    if R == 1:
        return y
    rows = q[1:].view(R - 1, KV, H // KV, D)
    y_local = F.scaled_dot_product_attention(rows, local_k, local_v).reshape(R - 1, H, D)
    return torch.cat((y[:1], mix(gate, y[1:], y_local)))

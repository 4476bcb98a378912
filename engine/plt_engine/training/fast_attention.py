"""A cheaper way through causal and local attention and back on a CPU: the same result to rounding.

`FastAttention` puts it in place of torch's own while it is active, so that training differentiates the one definition;
what the model computes is not known here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

BLOCK = 256
LOCAL_BLOCK = 64


class FastAttention(TorchFunctionMode):
    """While active, F.scaled_dot_product_attention over whole blocks is `causal_attention` or `local_attention`.

    A mask is taken for a band as `plt_kernels.reference.band_bias` makes them, since training has no others.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention and args[0].shape[-2] % BLOCK == 0:
            q, k, v = args
            mask: Tensor | None = kwargs.get("attn_mask")
            if kwargs.get("is_causal"):
                return causal_attention(q, k, v)
            if mask is not None and mask.shape[0] == mask.shape[1]:
                return local_attention(q, k, v, window_left=int((mask[-1] == 0).sum()) - 1)
        result: object = func(*args, **kwargs)
        return result


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention in blocks of BLOCK queries, each against the keys up to its end.

    Plain matrix products use the CPU's matrix units also on the way back, where torch's own operation does not; it took
    three quarters of the time at 512 tokens in bfloat16. q [B, H, T, D], k and v [B, KV, T, D]; result [B, H, T, D].
    """
    B, H, T, D = q.shape
    KV = k.shape[1]
    outputs = []
    for start in range(0, T, BLOCK):
        end = start + BLOCK
        rows = q[:, :, start:end].reshape(B * KV, -1, D)  # [B*KV, G*BLOCK, D]
        scores = torch.bmm(rows, k[:, :, :end].reshape(B * KV, end, D).transpose(1, 2)).view(B * H, BLOCK, end)
        weights = torch.softmax(torch.add(_future(start, q), scores, alpha=D**-0.5), -1).view(B * KV, -1, end)
        outputs.append(torch.bmm(weights, v[:, :, :end].reshape(B * KV, end, D)).view(B, H, BLOCK, D))
    return torch.cat(outputs, 2)


def local_attention(q: Tensor, k: Tensor, v: Tensor, window_left: int) -> Tensor:
    """Attention to a query's own position and `window_left` before it, in blocks of LOCAL_BLOCK queries.

    Each block reads the keys of its window alone, where torch's own operation goes over all of them and masks most.
    q [B, H, T, D], k and v [B, KV, T, D]; result [B, H, T, D].
    """
    B, H, T, D = q.shape
    KV, N, span = k.shape[1], T // LOCAL_BLOCK, window_left + LOCAL_BLOCK
    rows = q.view(B, KV, -1, N, LOCAL_BLOCK, D).transpose(2, 3).reshape(B * KV * N, -1, D)  # [B*KV*N, G*LOCAL_BLOCK, D]
    keys, values = (_spans(x, window_left) for x in (k, v))
    scores = torch.bmm(rows, keys.transpose(1, 2)).view(B * KV, N, -1, LOCAL_BLOCK, span)
    weights = torch.softmax(torch.add(_outside(N, window_left, q), scores, alpha=D**-0.5), -1)
    y = torch.bmm(weights.view(B * KV * N, -1, span), values)
    return y.view(B, KV, N, -1, LOCAL_BLOCK, D).transpose(2, 3).reshape(B, H, T, D)


def _spans(x: Tensor, window_left: int) -> Tensor:
    """What each block of LOCAL_BLOCK sees: x [B, KV, T, D] to [B*KV*N, window_left + LOCAL_BLOCK, D].

    Made of whole slices while a window reaches no further back than one block, since their way back is a copy, where
    that of overlapping views adds up element by element.
    """
    B, KV, T, D = x.shape
    span = window_left + LOCAL_BLOCK
    if window_left > LOCAL_BLOCK:
        windows = F.pad(x, (0, 0, window_left, 0)).unfold(2, span, LOCAL_BLOCK)  # [B, KV, N, D, span]
        return windows.transpose(-1, -2).reshape(-1, span, D)
    blocks = x.view(B, KV, T // LOCAL_BLOCK, LOCAL_BLOCK, D)
    tails = F.pad(blocks[:, :, :-1, LOCAL_BLOCK - window_left :], (0, 0, 0, 0, 1, 0))  # the first block sees zeros
    return torch.cat((tails, blocks), -2).view(-1, span, D)


def _outside(num_blocks: int, window_left: int, like: Tensor) -> Tensor:
    """Minus infinity where a block's query would see a key out of its window, else 0: [N, 1, LOCAL_BLOCK, span]."""
    distance = torch.arange(LOCAL_BLOCK)[:, None] + window_left - torch.arange(LOCAL_BLOCK + window_left)
    position = (torch.arange(num_blocks) * LOCAL_BLOCK - window_left)[:, None] + torch.arange(LOCAL_BLOCK + window_left)
    seen = ((distance >= 0) & (distance <= window_left)) & (position >= 0)[:, None]
    return torch.zeros(seen.shape, dtype=like.dtype, device=like.device).masked_fill_(~seen, -torch.inf)[:, None]


def _future(start: int, like: Tensor) -> Tensor:
    """Minus infinity where a query of the block at `start` would see a later key, else 0: [BLOCK, start + BLOCK]."""
    mask = torch.full((BLOCK, start + BLOCK), float("-inf"), dtype=like.dtype, device=like.device)
    return mask.triu(start + 1)

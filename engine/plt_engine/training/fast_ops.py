"""Cheaper ways through the definition's costliest operations on a CPU: same results to rounding, fewer passes.

`FastOps` puts them in place of torch's own while it is active, so that training differentiates the one definition; what
the model computes is not known here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

BLOCK = 256
HEAD_ROWS = 512


class FastOps(TorchFunctionMode):
    """While active, F.linear, F.rms_norm and causal F.scaled_dot_product_attention take the ways of this module."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        if func is F.rms_norm:
            return _RmsNorm.apply(args[0], kwargs["weight"], kwargs["eps"])  # type: ignore[no-untyped-call]
        if func is F.linear and args[2:] in ((), (None,)):
            return _Linear.apply(*args[:2])  # type: ignore[no-untyped-call]
        if func is F.scaled_dot_product_attention and kwargs.get("is_causal") and args[0].shape[-2] % BLOCK == 0:
            return causal_attention(*args)
        result: object = func(*args, **kwargs)
        return result


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention in blocks of BLOCK queries, each against the keys up to its end.

    Four matrix products a block use the CPU's matrix units where torch's own backward pass does not. q [B, H, T, D],
    k and v [B, KV, T, D]; result [B, H, T, D].
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


def _future(start: int, like: Tensor) -> Tensor:
    """Minus infinity where a query of the block at `start` would see a later key, else 0: [BLOCK, start + BLOCK]."""
    mask = torch.full((BLOCK, start + BLOCK), float("-inf"), dtype=like.dtype, device=like.device)
    return mask.triu(start + 1)


class _Context(FunctionCtx):
    """What torch hands to a function's two passes."""

    saved_tensors: tuple[Tensor, ...]
    count: int


class _Linear(torch.autograd.Function):
    """x @ w.T; the weight's gradient is two to three times cheaper when the narrower operand is transposed first."""

    @staticmethod
    def forward(ctx: _Context, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight)

    @staticmethod
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return grad @ weight, weight_gradient(grad.flatten(0, -2), x.flatten(0, -2))


def weight_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """grad.T @ x for grad [N, O] and x [N, I]: [O, I]."""
    if x.shape[1] <= grad.shape[1]:
        return (x.t().contiguous() @ grad).t()
    return grad.t().contiguous() @ x


class _RmsNorm(torch.autograd.Function):
    """x / rms(x) * weight in float32 inside, in x's dtype outside; keeps x and one number per row."""

    @staticmethod
    def forward(ctx: _Context, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.float()
        inverse = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).pow_(2).div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        return wide.mul(inverse).mul_(weight.float()).to(x.dtype)

    @staticmethod
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight, inverse = ctx.saved_tensors
        normed = x.float().mul_(inverse)
        wide = grad.float()
        grad_weight = torch.einsum("nd,nd->d", wide.flatten(0, -2), normed.flatten(0, -2))
        wide = wide * weight.float()
        along = torch.linalg.vecdot(wide, normed).unsqueeze_(-1).div_(x.shape[-1])
        grad_x = wide.addcmul_(normed, along, value=-1).mul_(inverse)
        return grad_x.to(x.dtype), grad_weight.to(weight.dtype), None


class _HeadLoss(torch.autograd.Function):
    """Mean cross-entropy of states through a head; logits exist for HEAD_ROWS rows at a time, gradients at once."""

    @staticmethod
    def forward(ctx: _Context, state: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        grad_state, grad_head = torch.empty_like(state), torch.zeros(head.shape, dtype=torch.float32)
        total = torch.zeros(())
        for rows, goal, out in zip(
            *(torch.split(tensor, HEAD_ROWS) for tensor in (state, targets, grad_state)), strict=True
        ):
            scores = F.linear(rows, head).float()
            places = goal[:, None]
            highest = scores.amax(1, keepdim=True)
            picked = scores.gather(1, places) - highest
            chances = scores.sub_(highest).exp_()
            sums = chances.sum(1, keepdim=True)
            total += (sums.log() - picked).sum()
            chances.div_(sums).scatter_add_(1, places, torch.full_like(sums, -1.0))
            narrow = chances.to(state.dtype)
            torch.mm(narrow, head, out=out)
            grad_head += weight_gradient(narrow, rows)
        ctx.save_for_backward(grad_state, grad_head)
        ctx.count = len(targets)
        return total / len(targets)

    @staticmethod
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_state, grad_head = ctx.saved_tensors
        scale = grad / ctx.count
        return grad_state * scale.to(grad_state.dtype), (grad_head * scale).to(grad_state.dtype), None


def head_loss(state: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of states [N, d] through head [V, d] against targets [N]."""
    loss: Tensor = _HeadLoss.apply(state, head, targets)  # type: ignore[no-untyped-call]
    return loss

"""One new token in one pass: R rows over the layers, with buffers that are made once and few operations per layer.

It is the fast form of the step that `model.full_forward` defines. It does not know tokens, prompts or sessions.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.fused import FusedModel
from plt_engine.kv_cache import KVCache, RowViews
from plt_engine.model import LoopGateWeights

# Sums, norms and rotations are made in this dtype; what enters a projection or the cache is rounded to the model's.
WIDE = {torch.bfloat16: torch.float32}


@dataclass(frozen=True, slots=True)
class _Gate:
    """A loop gate; weight is [H, d] with the gate's norm multiplied in, or in query mode [H, D]; bias is [H]."""

    weight: Tensor
    bias: Tensor
    reads_hidden: bool


@dataclass(frozen=True, slots=True)
class DecodeWeights:
    """The small weights of a model as decoding wants them: wide, and norms times sqrt(d) (see `DecodePass._norm`)."""

    input_norms: list[Tensor]
    post_norms: list[Tensor]
    gates: list[_Gate | None]
    norm: Tensor

    @classmethod
    def of(cls, model: FusedModel) -> "DecodeWeights":
        """Prepare a model's small weights, once."""
        wide = WIDE.get(model.plan.dtype, model.plan.dtype)
        scale = math.sqrt(model.config.hidden_size)

        def norm(weight: Tensor) -> Tensor:
            return weight.to(wide) * scale

        def gate(weights: LoopGateWeights | None) -> _Gate | None:
            if weights is None:
                return None
            weight, bias = weights.weight.to(wide), weights.bias.to(wide)
            if weights.norm is None:
                return _Gate(weight, bias, reads_hidden=False)
            return _Gate(weight * norm(weights.norm), bias, reads_hidden=True)

        return cls(
            [norm(layer.input_norm) for layer in model.layers],
            [norm(layer.post_norm) for layer in model.layers],
            [gate(layer.loop_gate) for layer in model.layers],
            norm(model.norm),
        )


class DecodePass:
    """Decodes with R rows; its buffers are overwritten by each call.

    The residual stream lies in [R, d + 1], whose last column holds sqrt(d * eps): the length of a row is then
    sqrt(sum x^2 + d * eps), so that RMSNorm is x / length * (weight * sqrt(d)), exactly and in three operations.
    Queries, keys and values are rotated as complex numbers (x_j, x_{j + D/2}); the copies that change the dtype
    anyway bring the halves together and apart.
    """

    def __init__(self, model: FusedModel, weights: DecodeWeights, loops: int) -> None:
        c = model.config
        self._model, self._weights, self._loops = model, weights, loops
        dtype, device = model.plan.dtype, model.norm.device
        wide = WIDE.get(dtype, dtype)
        R, d, D = loops, c.hidden_size, c.head_dim
        H, KV = c.num_attention_heads, c.num_key_value_heads
        G = H // KV

        def buffer(*shape: int, of: torch.dtype = dtype) -> Tensor:
            return torch.empty(shape, dtype=of, device=device)

        self._stream = torch.full((R, d + 1), math.sqrt(d * c.rms_norm_eps), dtype=wide, device=device)
        self._x = self._stream[:, :d]
        self._unit, self._normed = buffer(R, d, of=wide), buffer(R, d)
        self._later_unit = self._unit[1:]
        pairs = buffer(R, H + 2 * KV, D // 2, 2, of=wide)
        self._rotated = torch.view_as_complex(pairs)[:, : H + KV]
        self._qkv = pairs.transpose(-1, -2)  # [R, H + 2 KV, 2, D/2]
        kv = self._qkv[:, H:].view(R, 2, KV, 2, D // 2)
        self._first_kv, self._later_kv = kv[0], kv[1:]  # [2, KV, 2, D/2] and [R-1, 2, KV, 2, D/2]
        wide_q = self._qkv[:, :H].view(R, KV, G, 2, D // 2)
        self._wide_q, self._later_wide_q = wide_q.transpose(0, 1), wide_q[1:]
        q = buffer(KV, R, G, D)
        self._halved_q = q.view(KV, R, G, 2, D // 2)
        # With one query per head torch takes the product of a matrix and a vector, the faster one.
        self._q = q.view(1, H, 1, D) if R == 1 else q.view(1, KV, R * G, D)
        self._later_q = q[:, 1:].transpose(0, 1)  # [R-1, KV, G, D]
        y = buffer(R, KV, G, D)
        self._y, self._first_y, self._later_y = y.view(R, H * D), y[0], y[1:]
        self._gate = buffer(R - 1, H)
        self._rows_by_head = (KV, R, G, D)
        self._mixing = self._gate.view(R - 1, KV, G, 1)

    def __call__(self, x: Tensor, turn: Tensor, cache: KVCache, position: int) -> tuple[Tensor, Tensor]:
        """Run all rows at one position, appending their keys and values to the cache.

        Args:
            x: each row's input, [R, d].
            turn: the position's rotation, complex [D/2].
            cache: room for the position must be reserved.
            position: of all rows.

        Returns:
            What loops 1..R-1 pass on [R-1, d], and the final state [d].
        """
        self._x.copy_(x)
        views = cache.row_views(position)
        for i, layer in enumerate(self._model.layers):
            qkv = layer.qkv(self._norm(self._weights.input_norms[i]))
            self._qkv.copy_(qkv.view(self._qkv.shape))
            self._rotated.mul_(turn)
            self._x.add_(layer.o(self._attend(i, views)))
            gate_up = layer.gate_up(self._norm(self._weights.post_norms[i]))
            gate, up = gate_up.view(self._loops, 2, -1).unbind(1)
            self._x.add_(layer.down(F.silu(gate).mul_(up)))
        normed = self._norm(self._weights.norm)
        passed_on = normed if self._model.config.loop.normalize_per_loop else self._x
        return passed_on[:-1], normed[-1].clone()

    def _norm(self, weight: Tensor) -> Tensor:
        """The normed rows [R, d]; the rows over their lengths stay in `_unit`."""
        length = torch.linalg.vector_norm(self._stream, dim=-1, keepdim=True)
        torch.div(self._x, length, out=self._unit)
        return torch.mul(self._unit, weight, out=self._normed)

    def _attend(self, i: int, views: RowViews) -> Tensor:
        """Attention of layer i for all rows, [R, H * D]; the shared KV is read once."""
        views.shared_slots[i].copy_(self._first_kv)
        self._halved_q.copy_(self._wide_q)
        if self._loops == 1:
            y = F.scaled_dot_product_attention(self._q, views.keys[i], views.values[i], enable_gqa=True)
            return y.reshape(1, -1)
        views.ring_slots[i].copy_(self._later_kv)
        shared = F.scaled_dot_product_attention(self._q, views.keys[i], views.values[i])
        local = F.scaled_dot_product_attention(
            self._later_q, views.ring_keys[i], views.ring_values[i], attn_mask=views.ring_mask
        )
        self._gate_later_rows(i)
        y = shared.view(self._rows_by_head).transpose(0, 1)  # [R, KV, G, D]
        self._first_y.copy_(y[0])
        torch.lerp(local, y[1:], self._mixing, out=self._later_y)
        return self._y

    def _gate_later_rows(self, i: int) -> None:
        """Fill the later rows' gates [R-1, H]; `_unit` is still that of the layer's input."""
        gate = self._weights.gates[i]
        assert gate is not None, "a model with more than one loop has a gate in every layer; the loader sees to it"
        if gate.reads_hidden:
            logits = F.linear(self._later_unit, gate.weight, gate.bias)
        else:
            q = self._later_wide_q.reshape(self._loops - 1, *gate.weight.shape)
            logits = (q * gate.weight).sum(-1) + gate.bias
        torch.sigmoid(logits, out=self._gate)

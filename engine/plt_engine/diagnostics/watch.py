"""What a forward pass shows of itself from outside: the state after each loop, the gates, and where attention looks.

The definition is run as it is, under a mode that is told of every torch function called; what the figures of these
tensors are is not known here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from plt_engine.diagnostics.formulas import mixed_log_weights

OnGate = Callable[[int, int, Tensor], None]
"""Told of the loop (from 2), the layer (from 0) and the gate [S, H]."""
OnAttention = Callable[[int, int, Tensor], None]
"""Told of the loop (from 1), the layer (from 0) and the log attention weights [H, S, S]."""


class ForwardWatch(TorchFunctionMode):
    """While active over `full_forward` of one sequence, keeps the states and hands on gates and attention.

    Of the definition it knows this: the final norm ends a loop; only gates are sigmoids (silu is its own function);
    a gated layer attends to its window, then to the shared keys, and mixes the two by torch.lerp.

    After `loops` loops only the states are kept; with several sequences, the first one's.

    Attributes:
        states: the residual stream X^r [S, d] at the end of each loop, before the final norm.
    """

    def __init__(
        self, final_norm: Tensor, num_layers: int, loops: int, on_gate: OnGate, on_attention: OnAttention
    ) -> None:
        super().__init__()
        self.states: list[Tensor] = []
        self._final_norm, self._num_layers, self._loops = final_norm, num_layers, loops
        self._on_gate, self._on_attention = on_gate, on_attention
        self._num_attended = 0
        self._gate: Tensor | None = None
        self._parts: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        result: object = func(*args, **kwargs)
        if func is F.rms_norm and self._final_norm is (kwargs.get("weight") if len(args) < 3 else args[2]):
            self.states.append(args[0][0])
        elif len(self.states) >= self._loops:
            return result
        elif func is torch.sigmoid and isinstance(result, Tensor):
            self._gate = result[0]
            self._on_gate(*self._place(), self._gate)
        elif func is F.scaled_dot_product_attention:
            self._attended(log_attention(*args[:2], **kwargs))
        elif func is torch.lerp:
            self._mixed()
        return result

    def _place(self) -> tuple[int, int]:
        """The loop and the layer that are being computed."""
        return self._num_attended // self._num_layers + 1, self._num_attended % self._num_layers

    def _attended(self, log_weights: Tensor) -> None:
        if self._gate is None:
            self._hand_on(log_weights)
        else:
            self._parts.append(log_weights)

    def _mixed(self) -> None:
        assert self._gate is not None, "a gate comes before what it mixes"
        log_local, log_global = self._parts
        gate = self._gate.T.to(log_local.dtype)  # [H, S]
        self._gate, self._parts = None, []
        self._hand_on(mixed_log_weights(gate, log_global, log_local))

    def _hand_on(self, log_weights: Tensor) -> None:
        self._on_attention(*self._place(), log_weights)
        self._num_attended += 1


def log_attention(
    q: Tensor, k: Tensor, *, attn_mask: Tensor | None = None, is_causal: bool = False, enable_gqa: bool = False
) -> Tensor:
    """The log of the weights that F.scaled_dot_product_attention gives to the keys of one sequence.

    q [1, H, S, D], k [1, KV, S, D], attn_mask a summand [S, S]; result [H, S, S] in float32 at least.
    """
    q, k = (x[0].to(torch.promote_types(x.dtype, torch.float32)) for x in (q, k))
    if enable_gqa:
        k = k.repeat_interleave(q.shape[0] // k.shape[0], 0)
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    if attn_mask is not None:
        scores = scores + attn_mask
    if is_causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
    log_weights: Tensor = scores.log_softmax(-1)
    return log_weights

"""Rounding matrices to four bits so that what they make of real inputs changes least (GPTQ, arXiv:2210.17323).

`InputGrams` sees the inputs of every matrix during a forward pass, `round_to_int4` rounds one matrix by them, and
`rounded_matrices` a model's. How what it returns is stored is not known here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from plt_engine.config import ModelConfig
from plt_engine.model import full_forward
from plt_engine.quantize import GROUP_SIZE, Int4Weight, dequantize, pack_int4, quantize_int4
from plt_engine.training.fast_attention import FastAttention
from plt_engine.training.parameters import Tensors, is_matrix, model_of

DAMPING = 0.01
BLOCK = 128
# How many layers are rounded by the inputs of one pass over the windows.
LAYERS_PER_PASS = 10
ROWS_PER_PASS = 2


@torch.inference_mode()
def rounded_matrices(config: ModelConfig, masters: Tensors, rows: Tensor, loops: int) -> dict[str, Int4Weight]:
    """Every projection of a model in 4 bits, by name.

    Args:
        config: the model's shape.
        masters: its weights by name.
        rows: ids [B, T+1] of the windows whose activations count.
        loops: R; the inputs of all loops count alike.

    Layers are rounded LAYERS_PER_PASS at a time, from the first ones on, so that later ones are rounded by the inputs
    that the rounded earlier ones give them.
    """
    current, rounded = dict(masters), {}
    for first in range(0, config.num_hidden_layers, LAYERS_PER_PASS):
        prefixes = tuple(f"model.layers.{i}." for i in range(first, first + LAYERS_PER_PASS))
        watched = {name: t for name, t in current.items() if name.startswith(prefixes) and is_matrix(name, t)}
        weights = model_of(config, current)
        with InputGrams(watched) as inputs, FastAttention():
            for part in torch.split(rows[:, :-1], ROWS_PER_PASS):
                full_forward(weights, part, loops)
        for name, weight in watched.items():
            rounded[name] = round_to_int4(weight, inputs.grams[name])
            current[name] = dequantize(rounded[name])
    return rounded


class InputGrams(TorchFunctionMode):
    """While active, adds up X^T X over the inputs X [N, I] of every F.linear whose weight is watched.

    Attributes:
        grams: [I, I] in float32, by the watched weights' names.
    """

    def __init__(self, watched: dict[str, Tensor]) -> None:
        super().__init__()
        self._names = {id(weight): name for name, weight in watched.items()}
        self.grams: dict[str, Tensor] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        name = self._names.get(id(args[1])) if func is F.linear else None
        if name is not None:
            inputs = args[0].detach().flatten(0, -2).float()
            self.grams[name] = self.grams.get(name, 0) + inputs.T @ inputs
        result: object = func(*args, **(kwargs or {}))
        return result


def round_to_int4(weight: Tensor, gram: Tensor, group_size: int = GROUP_SIZE) -> Int4Weight:
    """A matrix [O, I] in 4 bits on the grid of `quantize_int4`, chosen by the Gram matrix [I, I] of its inputs.

    Inputs are rounded one after the other, those of most weight first; the error that rounding one makes in the outputs
    is made good, as far as can be, by the inputs that are not rounded yet.

    Raises:
        TensorError: as `quantize_int4`.
    """
    nearest = quantize_int4(weight, group_size)
    scale, minimum = (part.float().repeat_interleave(group_size, 1) for part in (nearest.scale, nearest.minimum))
    order = torch.argsort(gram.diagonal(), descending=True)
    factor = _inverse_factor(gram[order][:, order])  # [I, I], upper triangular
    rest = weight.detach().float()[:, order].clone()
    scale, minimum = scale[:, order], minimum[:, order]
    q = torch.empty(weight.shape, dtype=torch.uint8)
    for start in range(0, rest.shape[1], BLOCK):
        end = min(start + BLOCK, rest.shape[1])
        errors = torch.empty(rest.shape[0], end - start)
        for i in range(start, end):
            step = torch.where(scale[:, i] == 0, 1.0, scale[:, i])
            chosen = ((rest[:, i] - minimum[:, i]) / step).round().clamp(0, 15)
            q[:, i] = chosen.to(torch.uint8)
            error = (rest[:, i] - (chosen * scale[:, i] + minimum[:, i])) / factor[i, i]
            rest[:, i:end] -= error[:, None] * factor[i, i:end]
            errors[:, i - start] = error
        rest[:, end:] -= errors @ factor[start:end, end:]
    return Int4Weight(pack_int4(q[:, torch.argsort(order)]), nearest.scale, nearest.minimum)


def _inverse_factor(gram: Tensor) -> Tensor:
    """Upper triangular U with U^T U the inverse of the damped Gram matrix, in float32."""
    damped = gram.double()
    damped.diagonal().add_(DAMPING * damped.diagonal().mean().clamp(min=1e-12))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    factor: Tensor = torch.linalg.cholesky(inverse, upper=True)
    return factor.float()

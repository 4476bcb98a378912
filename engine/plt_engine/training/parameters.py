"""What is trained: float32 masters by checkpoint name, and the copy that the forward pass reads: bfloat16 or quantised.

The forward pass itself is `plt_engine.model`'s; nothing here knows losses or schedules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from plt_engine.config import ModelConfig
from plt_engine.model import GATE_NAMES, GATE_PREFIX, ModelWeights, assemble, init_random, named_tensors
from plt_engine.pack_manifest import WeightFormat
from plt_engine.quantize import StoredWeight, dense, quantize_int4, quantize_int8

EMBEDDING = "model.embed_tokens.weight"
HIDDEN_SCALE = "plt_hidden_scale"
GATE_BIAS = 3.0
FRESH_STD = 0.02
Tensors = dict[str, Tensor]


def model_of(config: ModelConfig, tensors: Mapping[str, Tensor]) -> ModelWeights:
    """The model whose tensors these are, by checkpoint name; a trained b takes the place of the configured one."""
    if HIDDEN_SCALE in tensors:
        # The definition multiplies by b whatever it is; a tensor lets the gradient reach it.
        loop = replace(config.loop, hidden_scale=cast(float, tensors[HIDDEN_SCALE]))
        config = replace(config, loop=loop)
    return assemble(config, {name: tensor for name, tensor in tensors.items() if name != HIDDEN_SCALE})


def tensors_of(weights: ModelWeights) -> Tensors:
    """Every tensor of a model by its checkpoint name."""
    return dict(named_tensors(weights))


def fresh_tensors(config: ModelConfig, seed: int) -> Tensors:
    """Tensors to train from scratch: small normal matrices, smaller by depth into the residual, norms 1, gates at 0.

    A gate of 0 gives the shared and the local attention equal weight.
    """
    generator = torch.Generator().manual_seed(seed)
    depth = (2 * config.num_hidden_layers) ** -0.5

    def fresh(name: str, shape: torch.Size) -> Tensor:
        if name.endswith("norm.weight"):
            return torch.ones(shape)
        if len(shape) < 2 or GATE_PREFIX in name:
            return torch.zeros(shape)
        std = FRESH_STD * depth if name.endswith(("o_proj.weight", "down_proj.weight")) else FRESH_STD
        return torch.randn(shape, generator=generator) * std

    return {name: fresh(name, tensor.shape) for name, tensor in named_tensors(init_random(config, seed))}


def cut_vocabulary(config: ModelConfig, tensors: Tensors, kept: Sequence[int]) -> tuple[ModelConfig, Tensors]:
    """The model with these rows of its embedding, and of its head where that is not tied, in this order.

    Raises:
        ValueError: the configuration names a control token that is not kept.
    """
    rows = torch.tensor(kept)
    cut = {name: tensor[rows] if name in (EMBEDDING, "lm_head.weight") else tensor for name, tensor in tensors.items()}
    new = {old: i for i, old in enumerate(kept)}
    missing = {config.bos_token_id, *config.eos_token_ids} - {None, *new}
    if missing:
        raise ValueError(f"The vocabulary lacks control tokens that the model needs: {sorted(map(str, missing))}.")
    bos = None if config.bos_token_id is None else new[config.bos_token_id]
    ends = tuple(new[i] for i in config.eos_token_ids)
    return replace(config, vocab_size=len(kept), bos_token_id=bos, eos_token_ids=ends), cut


def with_identity_loops(
    config: ModelConfig, tensors: Tensors, loops: int, window_left: int
) -> tuple[ModelConfig, Tensors]:
    """A dense model as a PLT whose later loops begin as the first: a = 1, b = 0, gates nearly global (bias +3).

    With b = 0 every loop reads the same embeddings, so only the local attention, of weight 1 - sigmoid(3) = 0.047,
    tells a later loop's output from the first one's.
    """
    loop = replace(config.loop, num_loops=loops, window_left=window_left, emb_scale=1.0, hidden_scale=0.0)
    looped = dict(tensors)
    looped[HIDDEN_SCALE] = torch.zeros(())
    heads, width = config.num_attention_heads, config.hidden_size
    for i in range(config.num_hidden_layers):
        prefix = f"model.layers.{i}.{GATE_PREFIX}"
        looped[prefix + GATE_NAMES["weight"]] = torch.zeros(heads, width)
        looped[prefix + GATE_NAMES["bias"]] = torch.full((heads,), GATE_BIAS)
        looped[prefix + GATE_NAMES["norm"]] = torch.ones(width)
    return replace(config, loop=loop), looped


def stored_form(name: str, master: Tensor, weights: WeightFormat) -> StoredWeight:
    """One weight in its shipping form: norms and gates stay exact, the embedding has 8 bits, matrices have 4.

    Raises:
        ValueError: weights is a form that is not exported.
    """
    if weights is WeightFormat.BFLOAT16:
        return master.to(torch.bfloat16)
    if weights is not WeightFormat.INT4:
        raise ValueError(f"weights is {weights}; packs are exported in int4 or bfloat16.")
    if name == EMBEDDING:
        return quantize_int8(master, None)
    return quantize_int4(master) if is_matrix(name, master) else master.float()


def is_matrix(name: str, tensor: Tensor) -> bool:
    """Whether it is one of the projections that are stored in 4 bits."""
    return tensor.dim() == 2 and name != EMBEDDING and "plt_gate" not in name


class Masters:
    """Float32 masters, and their copies in the dtype of the forward pass."""

    def __init__(self, config: ModelConfig, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
        self.config, self._dtype = config, dtype
        # In the order of their names, which a checkpoint keeps: sums over all of them then round alike after a resume.
        self.tensors: Tensors = {name: tensors[name].detach().float().clone() for name in sorted(tensors)}

    def leaves(self, *, in_int4: bool = False) -> Tensors:
        """Copies by name that gradients are taken of; `model_of` makes a model of them.

        Args:
            in_int4: whether they are rounded as a pack in int4 will be. Their gradients count as the masters' own
                (the straight-through estimator, arXiv:1308.3432), so that training makes up for the rounding.
        """
        return {name: self._copy(name, master, in_int4).requires_grad_() for name, master in self.tensors.items()}

    def _copy(self, name: str, master: Tensor, in_int4: bool) -> Tensor:
        if in_int4 and name != HIDDEN_SCALE:
            return dense(stored_form(name, master.detach(), WeightFormat.INT4), self._dtype).clone()
        return master.detach().to(self._dtype, copy=True)

"""A model's weights in the form in which they are run: joined projections, in the dtypes that the machine is best at.

It turns tensors by checkpoint name into layers and lets go of each as it does; it computes nothing.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.config import ModelConfig
from plt_engine.linear import Linear, NumericPlan, make_linear
from plt_engine.model import GATE_NAMES, GATE_PREFIX, LAYER_NAMES, LoopGateWeights
from plt_engine.quantize import Int8Weight, StoredWeight, dense, dequantize
from plt_engine.steps import Steps, finished


@dataclass(frozen=True, slots=True, eq=False)
class FusedLayer:
    """One layer: q, k and v are one projection, gate and up another, so that few calls are made."""

    input_norm: Tensor
    qkv: Linear
    o: Linear
    post_norm: Tensor
    gate_up: Linear
    down: Linear
    loop_gate: LoopGateWeights | None


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The rows [V, d] that tokens start from: dense, or int8 as stored and made dense row by row."""

    table: Tensor | Int8Weight
    dtype: torch.dtype

    def __call__(self, tokens: Tensor) -> Tensor:
        """Rows [T, d] of ids [T]."""
        if isinstance(self.table, Tensor):
            return F.embedding(tokens, self.table)
        return dequantize(Int8Weight(self.table.values[tokens], self.table.scale[tokens])).to(self.dtype)

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that it holds."""
        return [self.table] if isinstance(self.table, Tensor) else [self.table.values, self.table.scale]


@dataclass(frozen=True, slots=True, eq=False)
class FusedModel:
    """A whole model as it is run."""

    config: ModelConfig
    plan: NumericPlan
    embed: Embedding
    layers: list[FusedLayer]
    norm: Tensor
    lm_head: Linear

    @property
    def nbytes(self) -> int:
        """Bytes held by the weights; what two projections share counts once."""
        tensors = [self.norm, *self.embed.tensors, *self.lm_head.tensors]
        for layer in self.layers:
            for linear in (layer.qkv, layer.o, layer.gate_up, layer.down):
                tensors += linear.tensors
        return sum({t.data_ptr(): t.numel() * t.element_size() for t in tensors}.values())


def fuse(config: ModelConfig, tensors: dict[str, StoredWeight], plan: NumericPlan) -> FusedModel:
    """Build the runnable form of a model, layer by layer.

    Args:
        config: the model's shape.
        tensors: every tensor by its checkpoint name; taken out as it is used, so that the memory's peak is the model
            plus one layer.
        plan: how to compute.
    """
    return finished(fusing(config, tensors, plan))


def fusing(config: ModelConfig, tensors: dict[str, StoredWeight], plan: NumericPlan) -> Steps[FusedModel]:
    """Does what `fuse` does, a layer at each step."""
    embed = tensors.pop("model.embed_tokens.weight")
    head = embed if config.tie_word_embeddings else tensors.pop("lm_head.weight")
    layers = []
    for i in range(config.num_hidden_layers):
        layers.append(_layer(config, tensors, f"model.layers.{i}.", plan))
        yield
    return FusedModel(
        config=config,
        plan=plan,
        embed=_embedding(embed, plan),
        layers=layers,
        norm=dense(tensors.pop("model.norm.weight"), plan.dtype),
        lm_head=_head(head, plan),
    )


def _embedding(stored: StoredWeight, plan: NumericPlan) -> Embedding:
    keeps_form = isinstance(stored, Int8Weight) and plan.packs
    return Embedding(stored if keeps_form else dense(stored, plan.dtype), plan.dtype)  # type: ignore[arg-type]


def _head(stored: StoredWeight, plan: NumericPlan) -> Linear:
    """The head is used for one position per token, seldom for many: a quantised one is not held dense as well."""
    if plan.packs and not isinstance(stored, Tensor):
        plan = replace(plan, keeps_dense=False)
    return make_linear([stored], [], plan)


def _layer(config: ModelConfig, tensors: dict[str, StoredWeight], prefix: str, plan: NumericPlan) -> FusedLayer:
    def linear(*fields: str) -> Linear:
        biases = [tensors.pop(prefix + LAYER_NAMES[f"{f}_bias"], None) for f in fields if f"{f}_bias" in LAYER_NAMES]
        plain = [dense(bias, plan.dtype) if bias is not None else None for bias in biases]
        return make_linear([tensors.pop(prefix + LAYER_NAMES[field]) for field in fields], plain, plan)

    def norm(field: str) -> Tensor:
        return dense(tensors.pop(prefix + LAYER_NAMES[field]), plan.dtype)

    return FusedLayer(
        input_norm=norm("input_norm"),
        qkv=linear("q", "k", "v"),
        o=linear("o"),
        post_norm=norm("post_norm"),
        gate_up=linear("gate", "up"),
        down=linear("down"),
        loop_gate=_loop_gate(config, tensors, prefix, plan),
    )


def _loop_gate(
    config: ModelConfig, tensors: dict[str, StoredWeight], prefix: str, plan: NumericPlan
) -> LoopGateWeights | None:
    if config.loop.num_loops == 1:
        return None
    gate = {
        field: tensors.pop(f"{prefix}{GATE_PREFIX}{name}", None)
        for field, name in GATE_NAMES.items()
        if field != "norm" or config.loop.gate_uses_hidden_states
    }
    plain = {field: dense(stored, plan.dtype) for field, stored in gate.items() if stored is not None}
    return LoopGateWeights(plain["weight"], plain["bias"], plain.get("norm"))

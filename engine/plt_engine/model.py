"""The Parallel Loop Transformer as its paper defines it: the weights, and the full forward in the sequential order.

This is the definition that prefill and the one-pass decode are tested against, and that training differentiates. It
does not know caches, packs or devices.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.config import LoopRule, ModelConfig
from plt_kernels import reference as ops


@dataclass(slots=True)
class LoopGateWeights:
    """The gate of one layer: weight [H, d] or [H, D], bias [H], and in hidden-state mode its own norm [d]."""

    weight: Tensor
    bias: Tensor
    norm: Tensor | None


@dataclass(slots=True)
class LayerWeights:
    """One layer; projections are [out, in], norms [d], biases of q, k and v [out] where the family has them."""

    input_norm: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    post_norm: Tensor
    gate: Tensor
    up: Tensor
    down: Tensor
    q_bias: Tensor | None = None
    k_bias: Tensor | None = None
    v_bias: Tensor | None = None
    loop_gate: LoopGateWeights | None = None


@dataclass(slots=True)
class ModelWeights:
    """A whole model: embed [V, d], the layers, the final norm [d] and lm_head [V, d] (the same tensor when tied)."""

    config: ModelConfig
    embed: Tensor
    layers: list[LayerWeights]
    norm: Tensor
    lm_head: Tensor


def assemble(config: ModelConfig, tensors: Mapping[str, Tensor]) -> ModelWeights:
    """The model whose tensors these are, by checkpoint name; without lm_head.weight the head is tied."""
    embed = tensors["model.embed_tokens.weight"]
    return ModelWeights(
        config=config,
        embed=embed,
        layers=[_assemble_layer(tensors, f"model.layers.{i}.") for i in range(config.num_hidden_layers)],
        norm=tensors["model.norm.weight"],
        lm_head=tensors.get("lm_head.weight", embed),
    )


def _assemble_layer(tensors: Mapping[str, Tensor], prefix: str) -> LayerWeights:
    named = {field: tensors[prefix + name] for field, name in LAYER_NAMES.items() if prefix + name in tensors}
    gate_prefix = prefix + GATE_PREFIX
    gate = {field: tensors[gate_prefix + name] for field, name in GATE_NAMES.items() if gate_prefix + name in tensors}
    loop_gate = LoopGateWeights(gate["weight"], gate["bias"], gate.get("norm")) if gate else None
    return LayerWeights(**named, loop_gate=loop_gate)


def named_tensors(weights: ModelWeights) -> Iterator[tuple[str, Tensor]]:
    """Every tensor once, under its checkpoint name; a tied head is not repeated."""
    yield "model.embed_tokens.weight", weights.embed
    for i, layer in enumerate(weights.layers):
        for field, name in LAYER_NAMES.items():
            tensor = getattr(layer, field)
            if tensor is not None:
                yield f"model.layers.{i}.{name}", tensor
        if layer.loop_gate is not None:
            for item in fields(layer.loop_gate):
                tensor = getattr(layer.loop_gate, item.name)
                if tensor is not None:
                    yield f"model.layers.{i}.{GATE_PREFIX}{GATE_NAMES[item.name]}", tensor
    yield "model.norm.weight", weights.norm
    if weights.lm_head is not weights.embed:
        yield "lm_head.weight", weights.lm_head


LAYER_NAMES = {
    "input_norm": "input_layernorm.weight",
    "q": "self_attn.q_proj.weight",
    "k": "self_attn.k_proj.weight",
    "v": "self_attn.v_proj.weight",
    "o": "self_attn.o_proj.weight",
    "post_norm": "post_attention_layernorm.weight",
    "gate": "mlp.gate_proj.weight",
    "up": "mlp.up_proj.weight",
    "down": "mlp.down_proj.weight",
    "q_bias": "self_attn.q_proj.bias",
    "k_bias": "self_attn.k_proj.bias",
    "v_bias": "self_attn.v_proj.bias",
}
GATE_PREFIX = "self_attn.plt_gate."
GATE_NAMES = {"weight": "weight", "bias": "bias", "norm": "gate_norm.weight"}


def full_forward(weights: ModelWeights, tokens: Tensor, loops: int) -> list[Tensor]:
    """Run the loops one after the other over whole sequences (LoopCoder-v2 paper, section 2).

    Under the sequential rule a later loop goes on from the residual stream as it stands (plt.md section 2).

    Args:
        weights: the model; any floating dtype, gradients flow through it.
        tokens: ids [B, T].
        loops: R, from 1.

    Returns:
        For each loop the normed state RMSNorm_final(X^r), [B, T, d]; `logits` turns one into logits.
    """
    config = weights.config
    embedding = F.embedding(tokens, weights.embed)  # [B, T, d]
    cos, sin = ops.rope_tables(tokens.shape[-1], config.head_dim, config.rope_theta, embedding.dtype)
    shared: list[tuple[Tensor, Tensor]] = []
    outputs: list[Tensor] = []
    x = embedding
    for r in range(1, loops + 1):
        if r > 1 and config.loop.rule == LoopRule.PARALLEL:
            carried = outputs[-1] if config.loop.normalize_per_loop else x
            shifted = F.pad(carried, (0, 0, 1, 0))[..., :-1, :]  # one position to the right, zero at position 0
            x = ops.clp_input(embedding, shifted, config.loop.emb_scale, config.loop.hidden_scale)
        for i, layer in enumerate(weights.layers):
            q, k, v = _project(config, layer, x, cos, sin)
            if r == 1:
                shared.append((k, v))
                y = ops.causal_attention(q, k, v)
            else:
                gate = loop_gate(config, layer.loop_gate, x, q)
                y = ops.loop_attention_prefill(q, *shared[i], k, v, gate, config.loop.window_left)
            x = x + F.linear(y.flatten(-2), layer.o)
            m = ops.rms_norm(x, layer.post_norm, config.rms_norm_eps)
            x = x + F.linear(F.silu(F.linear(m, layer.gate)) * F.linear(m, layer.up), layer.down)
        outputs.append(ops.rms_norm(x, weights.norm, config.rms_norm_eps))
    return outputs


def _project(
    config: ModelConfig, layer: LayerWeights, x: Tensor, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Rotated q [B, T, H, D], rotated k and v [B, KV, T, D] of residual stream x [B, T, d]."""
    u = ops.rms_norm(x, layer.input_norm, config.rms_norm_eps)
    heads = (*u.shape[:-1], -1, config.head_dim)
    q = F.linear(u, layer.q, layer.q_bias).view(heads)
    k = F.linear(u, layer.k, layer.k_bias).view(heads)
    v = F.linear(u, layer.v, layer.v_bias).view(heads)
    cos, sin = cos[:, None], sin[:, None]  # [T, 1, D]
    return ops.rope(q, cos, sin), ops.rope(k, cos, sin).transpose(-3, -2), v.transpose(-3, -2)


def loop_gate(config: ModelConfig, gate: LoopGateWeights | None, x: Tensor, q: Tensor) -> Tensor:
    """The gate of a later loop, [..., T, H], from residual stream x [..., T, d] or rotated query q [..., T, H, D]."""
    assert gate is not None, "a model with more than one loop has a gate in every layer; the loader sees to it"
    if gate.norm is None:
        return ops.gate_from_query(q, gate.weight, gate.bias)
    return ops.gate_from_hidden(x, gate.norm, gate.weight, gate.bias, config.rms_norm_eps)


def logits(weights: ModelWeights, state: Tensor) -> Tensor:
    """Logits [..., V] of a normed state [..., d]."""
    return F.linear(state, weights.lm_head)


def init_random(config: ModelConfig, seed: int, dtype: torch.dtype = torch.float32) -> ModelWeights:
    """A random model of a given shape, for tests and for training from scratch.

    Everything is normal: embeddings with standard deviation 1, projections with in ** -0.5; norm weights lie near one
    and differ, so that a norm applied with the wrong weight shows.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, std: float) -> Tensor:
        return (torch.randn(*shape, generator=generator, dtype=torch.float64) * std).to(dtype)

    def matrix(rows: int, columns: int) -> Tensor:
        return normal(rows, columns, std=columns**-0.5)

    def norm(width: int) -> Tensor:
        return 1 + normal(width, std=0.1)

    d, f, D = config.hidden_size, config.intermediate_size, config.head_dim
    H, KV = config.num_attention_heads, config.num_key_value_heads

    def gate() -> LoopGateWeights | None:
        if config.loop.num_loops == 1:
            return None
        if config.loop.gate_uses_hidden_states:
            return LoopGateWeights(matrix(H, d), normal(H, std=1.0), norm(d))
        return LoopGateWeights(matrix(H, D), normal(H, std=1.0), None)

    def bias(width: int) -> Tensor | None:
        return normal(width, std=0.1) if config.attention_bias else None

    layers = [
        LayerWeights(
            input_norm=norm(d), q=matrix(H * D, d), k=matrix(KV * D, d), v=matrix(KV * D, d), o=matrix(d, H * D),
            post_norm=norm(d), gate=matrix(f, d), up=matrix(f, d), down=matrix(d, f),
            q_bias=bias(H * D), k_bias=bias(KV * D), v_bias=bias(KV * D), loop_gate=gate(),
        )
        for _ in range(config.num_hidden_layers)
    ]  # fmt: skip
    embed = normal(config.vocab_size, d, std=1.0)
    lm_head = embed if config.tie_word_embeddings else matrix(config.vocab_size, d)
    return ModelWeights(config=config, embed=embed, layers=layers, norm=norm(d), lm_head=lm_head)

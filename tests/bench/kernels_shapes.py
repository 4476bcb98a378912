"""The launches that LoopCoder-V2 needs, by name, made of tensors without storage: for compiling, not for running."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from plt_engine.config import LoopConfig, ModelConfig
from plt_kernels.launch import TABLES, Launch
from plt_kernels.triton_ops import (
    clp_input,
    loop_attention_decode,
    loop_attention_prefill,
    quantized_linear,
    rms_norm,
    rope_and_append,
    swiglu,
)

LOOPCODER_V2 = ModelConfig(
    vocab_size=76_800, hidden_size=5120, intermediate_size=27_648, num_hidden_layers=14, num_attention_heads=40,
    num_key_value_heads=8, head_dim=128, rope_theta=5e5, max_position_embeddings=131_072,
    loop=LoopConfig(2, 64, 0.707, 0.053),
)  # fmt: skip
CONTEXT = 32_768
CHUNK = 512
RING_SLOTS = 65 + 256
FLOAT8_ARCHITECTURES = ("sm_89", "sm_90", "sm_100")


@dataclass(frozen=True)
class Shape:
    """One launch of one operation; `is_decode` where spills are not allowed."""

    name: str
    is_decode: bool
    launch: Launch


def empty(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """A tensor of a shape and dtype that holds nothing."""
    return torch.empty(*shape, dtype=dtype, device="meta")


def shapes(architecture: str) -> list[Shape]:
    """Every launch of a decoded token and of a prefill's chunk, R = 1 and R = 2, with its forms of weights and KV."""
    made = {**_attention(architecture), **_small(), **_projections(architecture)}
    return [Shape(name, "prefill" not in name, launch) for name, launch in made.items()]


def _attention(architecture: str) -> Mapping[str, Launch]:
    table = TABLES[architecture]
    H, KV, D = 40, 8, 128
    made = {}
    for R, kv in ((1, torch.bfloat16), (2, torch.bfloat16), (2, torch.int8), (2, torch.float8_e4m3fn)):
        if kv is torch.float8_e4m3fn and architecture not in FLOAT8_ARCHITECTURES:
            continue
        rings = [empty(R - 1, KV, RING_SLOTS, D) for _ in range(2)]
        scales = None if kv is torch.bfloat16 else empty(KV, CONTEXT, dtype=torch.float32)
        (partial, reduction), _ = loop_attention_decode.launches(
            empty(R, H, D), empty(KV, CONTEXT, D, dtype=kv), empty(KV, CONTEXT, D, dtype=kv), *rings, empty(R - 1, H),
            empty(1, dtype=torch.int64), 64, table, k_scale=scales, v_scale=scales,
        )  # fmt: skip
        suffix = "" if scales is None else f", {str(kv).removeprefix('torch.').removesuffix('_e4m3fn')} KV"
        made[f"loop_attention_decode, R = {R}{suffix}"] = partial
        if scales is None:
            made[f"its reduction, R = {R}"] = reduction
    shared = empty(KV, CONTEXT, D)
    local = empty(KV, CHUNK + 64, D), empty(KV, CHUNK + 64, D), empty(CHUNK, H)
    q = empty(CHUNK, H, D)
    made["prefill, causal"] = loop_attention_prefill.launch(q, shared, shared, None, 0, table)[0]
    made["prefill, gated"] = loop_attention_prefill.launch(q, shared, shared, local, 64, table)[0]
    return made


def _small() -> Mapping[str, Launch]:
    H, KV, D, d, f = 40, 8, 128, 5120, 27_648
    position = empty(1, dtype=torch.int64)
    table = empty(CONTEXT, D)
    rings = [empty(1, KV, RING_SLOTS, D) for _ in range(2)]
    made = {}
    for name, kv in (("rope_and_append", torch.bfloat16), ("rope_and_append, int8 KV", torch.int8)):
        scale = None if kv is torch.bfloat16 else empty(KV, CONTEXT, dtype=torch.float32)
        cache = empty(KV, CONTEXT, D, dtype=kv)
        made[name] = rope_and_append.launch(
            empty(2, H + 2 * KV, D), table, table, position, cache, cache, *rings, scale, scale
        )[0]
    made["rms_norm"] = rms_norm.launch(empty(2, d), None, empty(d), 1e-5)[0]
    made["add_rms_norm"] = rms_norm.launch(empty(2, d), empty(2, d), empty(d), 1e-5)[0]
    made["swiglu"] = swiglu.launch(empty(2, 2 * f))[0]
    made["clp_rows"] = clp_input.launch_rows(empty(1, d), empty(1, 257, d), position, 0.707, 0.053)[0]
    made["clp_input (prefill)"] = clp_input.launch(empty(CHUNK, d), empty(CHUNK, d), 0.707, 0.053)[0]
    return made


def _projections(architecture: str) -> Mapping[str, Launch]:
    table = TABLES[architecture]
    made = {}
    for ins, outs, which in ((5120, 2 * 27_648, "gate and up"), (27_648, 5120, "down")):
        groups, x = ins // 32, empty(2, ins)
        half = [empty(outs, groups, dtype=torch.float16) for _ in range(2)]
        int4, int8 = empty(outs, ins // 2, dtype=torch.uint8), empty(outs, ins, dtype=torch.int8)
        made[f"quantized_linear int4, {which}"] = quantized_linear.launch(x, int4, *half, None, table)[0]
        scale = empty(outs, 1, dtype=torch.float32)
        made[f"quantized_linear int8, {which}"] = quantized_linear.launch(x, int8, scale, None, None, table)[0]
    return made

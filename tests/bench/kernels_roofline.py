"""Time per decoded token of LoopCoder-V2 on paper: bytes and operations of each kernel over what a GPU can do.

Nothing here is measured. A kernel takes the longer of its bytes over the bandwidth and its operations over the peak;
launches, which a captured graph makes short, and caches, which help rings and activations, are left out.
"""

from dataclasses import dataclass

from plt_engine.config import ModelConfig
from tests.bench.kernels_shapes import LOOPCODER_V2

CONTEXTS = (1024, 4096, 16_384, 32_768, 65_536, 131_072)
LOOPS = (1, 2, 3)
ITEM = 2  # bytes of bfloat16: KV and activations
WEIGHT_BYTES = {"bf16": 2.0, "int8": 1.0, "int4": 5 / 8}  # int4: 4 bits, and 2 float16 for each group of 32
SPLITS_ITEM = 4  # partial results of the split attention are float32


@dataclass(frozen=True)
class Gpu:
    """Published figures: bytes and dense bfloat16 operations (sums in float32) per second, and bytes of memory."""

    name: str
    bandwidth: float
    peak: float
    memory: float
    weights: str
    multiprocessors: int


GPUS = (
    Gpu("A100 80 GB", 2039e9, 312e12, 80e9, "bf16", 108),
    Gpu("H100 SXM", 3350e9, 989e12, 80e9, "bf16", 132),
    Gpu("RTX 4090", 1008e9, 165e12, 24e9, "bf16", 128),
    Gpu("RTX 4090", 1008e9, 165e12, 24e9, "int4", 128),
    Gpu("RTX 3060", 360e9, 25.5e12, 12e9, "int4", 28),
)


@dataclass(frozen=True)
class Work:
    """What one kernel moves and computes for one token, over all layers."""

    kernel: str
    num_bytes: float
    num_operations: float

    def seconds(self, gpu: Gpu) -> float:
        return max(self.num_bytes / gpu.bandwidth, self.num_operations / gpu.peak)


def token_work(config: ModelConfig, R: int, context: int, weights: str, splits: int) -> list[Work]:
    """Every kernel of one token in one pass with R rows."""
    d, f, D, L = config.hidden_size, config.intermediate_size, config.head_dim, config.num_hidden_layers
    H, KV = config.num_attention_heads, config.num_key_value_heads
    projected = L * ((H + 2 * KV) * D * d + H * D * d + 3 * d * f) + config.vocab_size * d
    gates = L * (R > 1) * (H + 1) * d
    window = min(context, config.loop.window_left + 1)
    partial = (splits + R - 1) * R * H * D * SPLITS_ITEM
    per_row = (H + 2 * KV) * D + 4 * d + 3 * f  # what projections read and write of each row in a layer
    return [
        Work("projections", projected * WEIGHT_BYTES[weights] + R * L * per_row * ITEM, 2 * R * projected),
        Work("gates", gates * ITEM, 2 * (R - 1) * gates),
        Work(
            "loop_attention_decode",
            L * (2 * KV * D * ITEM * (context + (R - 1) * window) + 2 * partial + 2 * R * H * D * ITEM),
            L * 4 * R * H * D * context + L * 4 * (R - 1) * H * D * window,
        ),
        Work("norms, rope_and_append, swiglu", R * L * ITEM * (8 * d + 2 * (H + 2 * KV) * D + 3 * f), 0),
    ]


def token_seconds(config: ModelConfig, R: int, context: int, gpu: Gpu) -> float:
    splits = max(1, gpu.multiprocessors // config.num_key_value_heads)
    return sum(work.seconds(gpu) for work in token_work(config, R, context, gpu.weights, splits))


def sequential_seconds(config: ModelConfig, R: int, context: int, gpu: Gpu) -> float:
    """R passes one after the other, as an engine without one-pass decode runs them: weights and shared KV R times."""
    return R * token_seconds(config, 1, context, gpu)


def resident_bytes(config: ModelConfig, context: int, weights: str) -> float:
    """Weights (embeddings in bfloat16) and the shared KV of one sequence."""
    d, f, D, L = config.hidden_size, config.intermediate_size, config.head_dim, config.num_hidden_layers
    H, KV, V = config.num_attention_heads, config.num_key_value_heads, config.vocab_size
    projected = L * ((2 * H + 2 * KV) * D * d + 3 * d * f) + V * d
    return projected * WEIGHT_BYTES[weights] + V * d * ITEM + 2 * L * KV * D * ITEM * context


def work_table(context: int = 32_768) -> str:
    """Megabytes and gigaoperations of each kernel at R = 1, 2, 3, with bfloat16 weights on 132 multiprocessors."""
    lines = ["| kernel | " + " | ".join(f"MB, R = {R} | Gop, R = {R}" for R in LOOPS) + " |", "|---" * 7 + "|"]
    for works in zip(*(token_work(LOOPCODER_V2, R, context, "bf16", 132 // 8) for R in LOOPS), strict=True):
        cells = [f"{work.num_bytes / 1e6:,.1f} | {work.num_operations / 1e9:,.2f}" for work in works]
        lines.append(f"| {works[0].kernel} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def time_table() -> str:
    """Milliseconds per token at R = 1, 2, 3, and the ratios."""
    header = ["GPU, weights", "context", *(f"R = {R}, ms" for R in LOOPS), "R = 2 over R = 1", "two passes over R = 2"]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for gpu in GPUS:
        for context in CONTEXTS:
            if resident_bytes(LOOPCODER_V2, context, gpu.weights) + 1e9 > gpu.memory:
                lines.append(f"| {gpu.name}, {gpu.weights} | {context:,} |" + " does not fit |" * (len(header) - 2))
                continue
            one, two, three = (token_seconds(LOOPCODER_V2, R, context, gpu) for R in LOOPS)
            passes = sequential_seconds(LOOPCODER_V2, 2, context, gpu)
            times = " | ".join(f"{1e3 * t:.2f}" for t in (one, two, three))
            lines.append(
                f"| {gpu.name}, {gpu.weights} | {context:,} | {times} | {two / one:.3f} | {passes / two:.2f} |"
            )
    return "\n".join(lines)

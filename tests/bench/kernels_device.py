"""The decode kernels on a real GPU: a correctness gate, then median times, bandwidth, and R = 2 over R = 1.

Beside them stand torch's own attention for one row and the reference path on the same tensors.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import triton
from torch.nn import functional as F

from plt_kernels import reference_path, triton_path
from plt_kernels.dispatch import Ops
from plt_kernels.launch import architecture_of
from tests.bench.kernels_roofline import GPUS, Gpu

TOLERANCE = 2e-2
CONTEXTS = (1024, 4096, 16_384, 32_768)
H, KV, D, WINDOW, RING = 40, 8, 128, 64, 321
d, f = 5120, 27_648


def attention_inputs(R: int, context: int, device: str) -> dict[str, Any]:
    """One layer's decode attention of LoopCoder-V2 in bfloat16, its caches full."""
    generator = torch.Generator(device).manual_seed(R * context)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, device=device).to(torch.bfloat16)

    return {
        "q": random(R, H, D), "k": random(KV, context, D), "v": random(KV, context, D),
        "ring_k": random(R - 1, KV, RING, D), "ring_v": random(R - 1, KV, RING, D), "gate_logits": random(R - 1, H),
        "position": torch.tensor([context - 1], device=device), "window_left": WINDOW,
    }  # fmt: skip


def attend(ops: Ops, inputs: dict[str, Any]) -> torch.Tensor:
    return ops.ring_attention_decode(**inputs)


def sdpa(inputs: dict[str, Any]) -> torch.Tensor:
    """Torch's attention of the first row alone."""
    q, k, v = inputs["q"][:1].transpose(0, 1)[None], inputs["k"][None], inputs["v"][None]
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def projection(rows: int, device: str) -> tuple[torch.Tensor, ...]:
    """The int4 gate and up projection."""
    packed = torch.randint(0, 256, (2 * f, d // 2), dtype=torch.uint8, device=device)
    half = [torch.rand(2 * f, d // 32, device=device).half() / 100 for _ in range(2)]
    return torch.randn(rows, d, device=device).to(torch.bfloat16), packed, *half


def gate(device: str) -> dict[str, float]:
    """The largest differences from the reference path; raises AssertionError where one is too large."""
    differences = {}
    for R in (1, 2, 3):
        inputs = attention_inputs(R, 1000, device)
        got, expected = attend(triton_path, inputs), attend(reference_path, inputs)
        differences[f"attention, R = {R}"] = float((got.float() - expected.float()).abs().max())
    arguments = projection(2, device)
    got, expected = triton_path.quantized_linear(*arguments), reference_path.quantized_linear(*arguments)
    relative = (got.float() - expected.float()).abs().max() / expected.float().abs().max()
    differences["int4 projection"] = float(relative)
    for name, difference in differences.items():
        assert difference <= TOLERANCE, f"{name} differs from the reference by {difference}; no time is worth a look"
    return differences


def published(name: str) -> Gpu | None:
    """The figures of a GPU by the name that it gives itself, or None where there are none."""
    return next(
        (gpu for gpu in GPUS if gpu.name.removeprefix("RTX ").split()[0] in name.replace("-", " ").split()), None
    )


def measure(device: str = "cuda") -> dict[str, Any]:
    """All figures; first the gate."""
    name = torch.cuda.get_device_name()
    known = published(name)
    result: dict[str, Any] = {
        "device": name, "architecture": architecture_of(torch.device(device)), "torch": torch.__version__,
        "triton": triton.__version__, "differences": gate(device),
    }  # fmt: skip
    result["attention"] = [measure_attention(context, device, known) for context in CONTEXTS]
    result["projection"] = [measure_projection(rows, device) for rows in (1, 2, 4)]
    return result


def measure_attention(context: int, device: str, gpu: Gpu | None) -> dict[str, Any]:
    """One layer's attention for R = 1, 2, 3, and for one row by others; the bandwidth is that of R = 2."""
    inputs = {R: attention_inputs(R, context, device) for R in (1, 2, 3)}
    times = {R: median_ms(lambda R=R: attend(triton_path, inputs[R])) for R in inputs}
    bytes_per_second = 2 * KV * D * 2 * context / (times[2] / 1e3)
    return {
        "context": context,
        "ms": times,
        "two_over_one": times[2] / times[1],
        "sdpa_one_row_ms": median_ms(lambda: sdpa(inputs[1])),
        "reference_one_row_ms": median_ms(lambda: attend(reference_path, inputs[1])),
        "bandwidth_gb_s": bytes_per_second / 1e9,
        "share_of_bandwidth": None if gpu is None else bytes_per_second / gpu.bandwidth,
    }


def measure_projection(rows: int, device: str) -> dict[str, Any]:
    """The int4 projection of so many rows."""
    arguments = projection(rows, device)
    ms = median_ms(lambda: triton_path.quantized_linear(*arguments))
    held = sum(t.numel() * t.element_size() for t in arguments[1:])
    return {"rows": rows, "ms": ms, "bandwidth_gb_s": held / ms / 1e6}


def median_ms(action: Callable[[], object]) -> float:
    return float(triton.testing.do_bench(action, return_mode="median"))


def run(out: Path) -> int:
    """Measure where there is a GPU, otherwise say that nothing was; returns the exit code."""
    if not torch.cuda.is_available():
        print("Nothing was measured: torch sees no GPU here.")
        return 1
    figures = measure()
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return 0

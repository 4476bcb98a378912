"""Projections as they are run on a CPU: a dense form for many rows, a packed one for few, chosen call by call.

A memory-bound decode reads the weights once per token, so it takes the form with the fewest bytes; a compute-bound
prefill takes the one with the fastest product. Nothing here knows layers or loops.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.errors import RequestError
from plt_engine.quantize import Int4Weight, Int8Weight, StoredWeight, concatenate, dense, rows_of, unpack_int4
from plt_kernels.dispatch import Ops

# Up to so many rows torch's packed kernels are faster than a dense product; beyond, they compute one row after another.
PACKED_ROWS = 6
# The packed kernels' tile of outputs; other widths stay dense.
TILE = 16
# Torch's int8 product of four rows or more reads a weight's rows from addresses that are multiples of so many bytes.
ALIGNMENT = 16
# Outputs that a GPU makes dense at a time.
SLICE_OUTPUTS = 4096
# The product that `float32_is_faster` times, and by how much one dtype must be faster to be chosen.
PROBE_ROWS, PROBE_WIDTH, PROBE_ROUNDS, CLEARLY = 128, 768, 8, 1.2
DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class NumericPlan:
    """How a model computes on this machine.

    Attributes:
        dtype: of activations and of the KV cache.
        dense_dtype: of the dense weights, which many rows are multiplied with.
        packs: whether few rows are multiplied with quantised weights in torch's packed form.
        keeps_dense: whether quantised weights are also held dense, or made dense for each use with many rows.
        reason: why, for people.
        ops: what multiplies few rows with quantised weights as they are stored; None for torch's packed CPU kernels.
    """

    dtype: torch.dtype
    dense_dtype: torch.dtype
    packs: bool
    keeps_dense: bool
    reason: str
    ops: Ops | None = None


def plan_numerics(dtype: str = "auto", keeps_dense: bool = True) -> NumericPlan:
    """Choose how to compute.

    Args:
        dtype: `auto`, or a name in DTYPES, which is then used throughout and without packed kernels unless it is
            bfloat16, the only dtype that torch's packed CPU kernels are fast in.
        keeps_dense: see NumericPlan.

    Raises:
        RequestError: the name is unknown.
    """
    if dtype not in ("auto", *DTYPES):
        raise RequestError(f"dtype is {dtype!r}; choose auto, {', '.join(DTYPES)}.")
    if dtype != "auto":
        chosen = DTYPES[dtype]
        return NumericPlan(chosen, chosen, chosen is torch.bfloat16, keeps_dense, f"{dtype}, as asked for")
    capability = torch.backends.cpu.get_cpu_capability()
    if torch.cpu._is_amx_tile_supported() or (torch.cpu._is_avx512_bf16_supported() and not float32_is_faster()):
        reason = "bfloat16 with packed kernels, since this CPU multiplies bfloat16 itself"
        return NumericPlan(torch.bfloat16, torch.bfloat16, True, keeps_dense, reason)
    if torch.cpu._is_avx512_bf16_supported():
        reason = "bfloat16 with packed kernels and float32 prefill, since this CPU was measured to be faster so"
        return NumericPlan(torch.bfloat16, torch.float32, True, keeps_dense, reason)
    if capability in ("AVX2", "AVX512"):
        reason = f"bfloat16 with packed kernels and float32 prefill, since this CPU has {capability} without bfloat16"
        return NumericPlan(torch.bfloat16, torch.float32, True, keeps_dense, reason)
    reason = f"float32, since torch has no fast packed kernels for this CPU ({capability})"
    return NumericPlan(torch.float32, torch.float32, False, keeps_dense, reason)


@cache
def float32_is_faster() -> bool:
    """Whether this CPU multiplies many rows clearly faster in float32 than in bfloat16; measured once, in 30 ms.

    AVX-512's bfloat16 instructions run at twice the speed of float32's on some CPUs and at half of it on others. One
    thread is timed, in turns, and the best time of each counts: threads that wait for each other would measure what
    else the machine does.
    """
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = [[_seconds_of_product(dtype) for dtype in (torch.float32, torch.bfloat16)] for _ in range(PROBE_ROUNDS)]
    finally:
        torch.set_num_threads(num_threads)
    float32, bfloat16 = (min(of_dtype) for of_dtype in zip(*times, strict=True))
    return bool(CLEARLY * float32 < bfloat16)


def _seconds_of_product(dtype: torch.dtype) -> float:
    rows, weight = torch.ones(PROBE_ROWS, PROBE_WIDTH, dtype=dtype), torch.ones(PROBE_WIDTH, PROBE_WIDTH, dtype=dtype)
    start = time.perf_counter()
    F.linear(rows, weight)
    return time.perf_counter() - start


@dataclass(frozen=True, slots=True, eq=False)
class Int4Kernel:
    """A matrix [O, I] in the layout of torch's packed int4 product; scales_and_zeros is [I/group, O, 2]."""

    packed: Tensor
    group_size: int
    scales_and_zeros: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Project x [T, I] to [T, O]."""
        return torch._weight_int4pack_mm_for_cpu(x, self.packed, self.group_size, self.scales_and_zeros)


@dataclass(frozen=True, slots=True, eq=False)
class Int8Kernel:
    """A matrix [O, I] of int8 with one scale per output [O]."""

    values: Tensor
    scale: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Project x [T, I] to [T, O]."""
        return torch._weight_int8pack_mm(x, self.values, self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class StoredKernel:
    """A matrix [O, I] as it is stored, for operations that read it so."""

    ops: Ops
    stored: Int4Weight | Int8Weight

    def __call__(self, x: Tensor) -> Tensor:
        """Project x [T, I] to [T, O]."""
        if isinstance(self.stored, Int4Weight):
            return self.ops.quantized_linear(x, self.stored.packed, self.stored.scale, self.stored.minimum)
        return self.ops.quantized_linear(x, self.stored.values, self.stored.scale)

    def dense(self, dtype: torch.dtype) -> Tensor:
        """The matrix [O, I] in `dtype`, made in slices, since a GPU has no room for a large one in float32."""
        made = self.stored.scale.new_empty(self.stored.shape, dtype=dtype)
        for start in range(0, made.shape[0], SLICE_OUTPUTS):
            outputs = slice(start, start + SLICE_OUTPUTS)
            made[outputs] = dense(rows_of(self.stored, outputs), dtype)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A projection [O, I] with an optional bias [O]; at least one of its forms is there.

    Attributes:
        many_rows: [O, I], dense, or None where `stored` is made dense for each use.
        stored: the quantised weight that `kernel` and the dense form come from, where it is needed later.
        kernel: the packed form for few rows, or None.
    """

    many_rows: Tensor | None
    bias: Tensor | None = None
    stored: StoredWeight | None = None
    kernel: Int4Kernel | Int8Kernel | StoredKernel | None = None
    dense_dtype: torch.dtype = torch.float32

    def __call__(self, x: Tensor) -> Tensor:
        """Project x [T, I] to [T, O] in x's dtype."""
        if self.kernel is not None and x.shape[0] <= PACKED_ROWS:
            y = self.kernel(x)
            return y if self.bias is None else y + self.bias
        weight = self._dense_weight()
        if weight.dtype == x.dtype:
            return F.linear(x, weight, self.bias)
        y = F.linear(x.to(weight.dtype), weight).to(x.dtype)
        return y if self.bias is None else y + self.bias

    def _dense_weight(self) -> Tensor:
        if self.many_rows is not None:
            return self.many_rows
        if isinstance(self.kernel, StoredKernel):
            return self.kernel.dense(self.dense_dtype)
        assert self.stored is not None, "a projection without a dense form holds the stored one"
        return dense(self.stored, self.dense_dtype)

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that it holds."""
        held = [self.many_rows, self.bias]
        if isinstance(self.kernel, Int4Kernel):
            held += [self.kernel.packed, self.kernel.scales_and_zeros]
        elif isinstance(self.kernel, Int8Kernel):
            held += [self.kernel.values, self.kernel.scale]
        if isinstance(self.stored, Int4Weight):
            held += [self.stored.packed, self.stored.scale, self.stored.minimum]
        elif isinstance(self.stored, Int8Weight):
            held += [self.stored.values, self.stored.scale]
        return [t for t in held if t is not None]


def make_linear(weights: Sequence[StoredWeight], biases: Sequence[Tensor | None], plan: NumericPlan) -> Linear:
    """One projection of several that read the same input, their outputs side by side.

    Args:
        weights: each [O_i, I]; dense, or all quantised in one form.
        biases: each [O_i], or None for all of them.
        plan: how to compute.
    """
    held = [bias for bias in biases if bias is not None]
    bias = torch.cat(held).to(plan.dtype) if held else None
    stored = concatenate(weights)
    kernel = _kernel(stored, plan.ops) if plan.packs else None
    if kernel is not None and not plan.keeps_dense:
        return Linear(None, bias, stored, kernel, plan.dense_dtype)
    return Linear(dense(stored, plan.dense_dtype), bias, None, kernel, plan.dense_dtype)


def _kernel(stored: StoredWeight, ops: Ops | None) -> Int4Kernel | Int8Kernel | StoredKernel | None:
    """The form for few rows, or None where there is none for this weight."""
    if isinstance(stored, Tensor):
        return None
    if ops is not None:
        return StoredKernel(ops, stored)
    if stored.shape[0] % TILE != 0:
        return None
    if isinstance(stored, Int4Weight):
        return _int4_kernel(stored) if stored.group_size in (32, 64, 128, 256) else None
    return _int8_kernel(stored) if stored.shape[1] % ALIGNMENT == 0 else None


def _int4_kernel(stored: Int4Weight) -> Int4Kernel:
    """Torch computes (q - 8) * scale + zero, so that zero = minimum + 8 * scale; both are rounded to bfloat16."""
    packed = torch._convert_weight_to_int4pack_for_cpu(unpack_int4(stored.packed).to(torch.int32), 1)
    scale = stored.scale.float()
    zero = stored.minimum.float() + 8 * scale
    pairs = torch.stack((scale.t(), zero.t()), -1).to(torch.bfloat16).contiguous()  # [I/group, O, 2]
    return Int4Kernel(packed, stored.group_size, pairs)


def _int8_kernel(stored: Int8Weight) -> Int8Kernel:
    """Torch has one scale per output; weights with several are rounded once more, to the largest of each row."""
    if stored.scale.shape[1] == 1:
        # A file's tensors begin anywhere.
        is_aligned = stored.values.data_ptr() % ALIGNMENT == 0
        values = stored.values if is_aligned else stored.values.clone()
        return Int8Kernel(values, stored.scale[:, 0].to(torch.bfloat16))
    grouped = stored.values.view(stored.shape[0], -1, stored.group_size).float() * stored.scale.float()[:, :, None]
    scale = (grouped.flatten(1).abs().amax(1) / 127).to(torch.bfloat16)
    wide = scale.float().clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    values = (grouped.flatten(1) / wide).round().clamp(-127, 127).to(torch.int8)
    return Int8Kernel(values, scale)

"""Ahead-of-time compilation of every kernel for each architecture, without a GPU: registers, shared memory, spills.

What the assembler says is exact; how many programs fit on a multiprocessor follows from it and is an upper bound.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, CompiledKernel

from plt_kernels.launch import TABLES, Launch
from tests.bench.kernels_shapes import Shape, shapes

ARCHITECTURES = [name for name in TABLES if name != "interpreter"]
TYPE_NAMES = {
    torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32", torch.int64: "i64", torch.int8: "i8",
    torch.uint8: "u8", torch.float8_e4m3fn: "fp8e4nv",
}  # fmt: skip
COLUMNS = ("kernel", "architecture", "registers", "shared KiB", "spilled bytes", "programs per multiprocessor")


@dataclass(frozen=True)
class Multiprocessor:
    """What one has: registers of 32 bits (AMD: per lane of a SIMD), bytes of shared memory, threads, programs."""

    registers: int
    shared_bytes: int
    warps: int
    programs: int


MULTIPROCESSORS = {
    "sm_80": Multiprocessor(65_536, 164 << 10, 64, 32),
    "sm_86": Multiprocessor(65_536, 100 << 10, 48, 16),
    "sm_89": Multiprocessor(65_536, 100 << 10, 48, 24),
    "sm_90": Multiprocessor(65_536, 228 << 10, 64, 32),
    "sm_100": Multiprocessor(65_536, 228 << 10, 64, 32),
    "gfx942": Multiprocessor(512, 64 << 10, 32, 32),
}
# A program's share of shared memory that the driver keeps for itself.
RESERVED_BYTES = 1 << 10


@dataclass(frozen=True)
class Compiled:
    """What the assembler says of a kernel on an architecture."""

    shape: Shape
    architecture: str
    registers: int
    shared_bytes: int
    spilled_bytes: int

    @property
    def programs(self) -> int:
        """The most programs that live on one multiprocessor at a time."""
        limit, warps = MULTIPROCESSORS[self.architecture], self.shape.launch.num_warps
        if self.architecture.startswith("gfx"):
            by_registers = 4 * min(8, limit.registers // (-(-self.registers // 8) * 8)) // warps
            by_shared = limit.shared_bytes // max(1, self.shared_bytes)
        else:
            by_registers = limit.registers // (-(-self.registers // 8) * 8 * 32 * warps)
            by_shared = limit.shared_bytes // (self.shared_bytes + RESERVED_BYTES)
        return min(by_registers, by_shared, limit.warps // warps, limit.programs)

    @property
    def row(self) -> tuple[str, ...]:
        """The cells under COLUMNS."""
        shared = f"{self.shared_bytes / 1024:.0f}"
        numbers = (self.registers, shared, self.spilled_bytes, self.programs)
        return (self.shape.name, self.architecture, *map(str, numbers))


def target_of(architecture: str) -> GPUTarget:
    if architecture.startswith("gfx"):
        return GPUTarget("hip", architecture, 64)
    return GPUTarget("cuda", int(architecture.removeprefix("sm_")), 32)


def source_of(launch: Launch) -> ASTSource:
    """The kernel with its arguments' types and what a launch would specialise on: 1, multiples of 16, absence."""
    signature, constants, attributes = {}, dict(launch.constants), {}
    for i, (name, parameter) in enumerate(zip(launch.kernel.arg_names, launch.kernel.params, strict=True)):
        value = launch.arguments.get(name)
        is_special = isinstance(value, int) and not parameter.do_not_specialize
        if name in launch.constants or value is None or (is_special and value == 1):
            signature[name] = "constexpr"
            constants.setdefault(name, value)
            continue
        if isinstance(value, Tensor):
            signature[name] = f"*{TYPE_NAMES[value.dtype]}"
        else:
            signature[name] = "fp32" if isinstance(value, float) else "i32"
        if isinstance(value, Tensor) or (is_special and value % 16 == 0):
            attributes[(i,)] = [["tt.divisibility", 16]]
    return ASTSource(launch.kernel, signature, constants, attributes)


def compile_shape(shape: Shape, architecture: str) -> Compiled:
    source, target = source_of(shape.launch), target_of(architecture)
    compiled = triton.compile(source, target=target, options=shape.launch.options)
    registers, spilled = _amd_usage(compiled) if architecture.startswith("gfx") else _nvidia_usage(compiled)
    return Compiled(shape, architecture, registers, compiled.metadata.shared, spilled)


def _nvidia_usage(compiled: CompiledKernel) -> tuple[int, int]:
    """Registers per thread and bytes of stack, which these kernels have for spilled registers alone."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        tool = triton.knobs.nvidia.cuobjdump.path
        said = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2]) + int(found[3])


def _amd_usage(compiled: CompiledKernel) -> tuple[int, int]:
    """Vector registers per lane, and bytes per lane of those that are spilled."""
    said = compiled.asm["amdgcn"]
    counts = {key: int(value) for key, value in re.findall(r"\.(\w+_count):\s+(\d+)", said)}
    return counts["vgpr_count"], 4 * counts["vgpr_spill_count"] + 4 * counts["sgpr_spill_count"]


def compile_all(architectures: list[str]) -> Iterator[Compiled]:
    for architecture in architectures:
        for shape in shapes(architecture):
            yield compile_shape(shape, architecture)


def markdown(rows: list[Compiled]) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(row.row for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

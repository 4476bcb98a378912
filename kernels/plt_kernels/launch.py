"""How kernels are launched: one table of parameters per architecture, each with its reason, and a launch as plain data.

It does not know what a kernel computes. Nothing is tuned while a request waits: the tables are all there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Tile:
    """The block of one program and what it is run with; what rows and columns are, its kernel says."""

    rows: int
    columns: int
    num_warps: int
    num_stages: int


@dataclass(frozen=True, slots=True)
class LaunchTable:
    """Launch parameters of one architecture.

    Attributes:
        decode_programs: about how many programs a decode attention is split into; one for each multiprocessor fills
            the machine once, so that no second, half-empty wave follows.
        decode: rows are ignored (they follow from R and the heads of a group), columns are keys per step.
        prefill: rows are queries, columns are keys per step.
        linear: rows are outputs, columns are inputs per step of a quantised projection; 16 outputs each make twice as
            many programs as multiprocessors even of the narrowest projection, and 256 inputs are whole cache lines.
        reason: why these.
    """

    decode_programs: int
    decode: Tile
    prefill: Tile
    linear: Tile
    reason: str


TABLES: Mapping[str, LaunchTable] = {
    "sm_80": LaunchTable(
        108,
        Tile(16, 64, 4, 3),
        Tile(64, 32, 4, 3),
        Tile(16, 256, 4, 3),
        "A100: 108 multiprocessors with 164 KiB each; three stages of 64 keys in decode keep enough in flight to cover "
        "the latency of HBM with one program on each; 32 keys in prefill, since 64 spill registers.",
    ),
    "sm_86": LaunchTable(
        28,
        Tile(16, 32, 4, 3),
        Tile(64, 32, 4, 2),
        Tile(16, 256, 4, 2),
        "RTX 3060: 28 multiprocessors with 100 KiB each, of which three stages of 32 keys take 68 KiB.",
    ),
    "sm_89": LaunchTable(
        128,
        Tile(16, 32, 4, 3),
        Tile(64, 32, 4, 2),
        Tile(16, 256, 4, 2),
        "RTX 4090: 128 multiprocessors with 100 KiB each, so steps of 32 keys as on the generation before.",
    ),
    "sm_90": LaunchTable(
        132,
        Tile(16, 64, 4, 3),
        Tile(64, 64, 4, 3),
        Tile(16, 256, 4, 3),
        "H100: 132 multiprocessors with 228 KiB each; as on the A100, and prefill tiles of 64 queries, the smallest "
        "that its warp-group products take.",
    ),
    "sm_100": LaunchTable(
        148,
        Tile(16, 64, 4, 3),
        Tile(64, 64, 4, 2),
        Tile(16, 256, 4, 3),
        "B200: 148 multiprocessors with 228 KiB each; as the H100, with two stages, since sums lie in tensor memory.",
    ),
    "gfx942": LaunchTable(
        304,
        Tile(16, 32, 4, 2),
        Tile(64, 32, 4, 2),
        Tile(16, 256, 4, 2),
        "MI300X: 304 compute units with 64 KiB of LDS each, so two stages of 32 keys.",
    ),
    "interpreter": LaunchTable(
        6,
        Tile(16, 128, 1, 1),
        Tile(64, 128, 1, 1),
        Tile(64, 128, 1, 1),
        "No device at all: a few splits, so that their reduction is run as well, and wide steps, since each costs the "
        "interpreter the same.",
    ),
}


def architecture_of(device: torch.device) -> str:
    """The key in TABLES for a device: its own, or that of the newest generation that is not newer than it."""
    if device.type != "cuda":
        return "interpreter"
    if torch.version.hip is not None:
        return "gfx942"
    major, minor = torch.cuda.get_device_capability(device)
    known = sorted(int(name[3:]) for name in TABLES if name.startswith("sm_"))
    return f"sm_{max((arch for arch in known if arch <= 10 * major + minor), default=known[0])}"


def table_for(device: torch.device) -> LaunchTable:
    """The launch parameters for a device."""
    return TABLES[architecture_of(device)]


@dataclass(frozen=True, slots=True, eq=False)
class Launch:
    """One launch of a kernel, before it happens: what a device runs, a compiler compiles or a test looks at.

    Attributes:
        kernel: a function under `triton.jit`.
        grid: programs along each axis.
        arguments: by name, what is known at run time only: tensors, numbers, or None for what is not there.
        constants: by name, what the kernel is compiled for.
    """

    kernel: Any
    grid: tuple[int, ...]
    arguments: Mapping[str, Any]
    constants: Mapping[str, Any]
    num_warps: int
    num_stages: int = 1

    @property
    def options(self) -> dict[str, Any]:
        """How it is compiled; products and sums are fused, which rounds once less."""
        return {"num_warps": self.num_warps, "num_stages": self.num_stages, "enable_fp_fusion": True}

    def run(self) -> None:
        """Start it on the current stream, without waiting for it."""
        self.kernel[self.grid](**self.arguments, **self.constants, **self.options)


def power_of_two(n: int, least: int = 1) -> int:
    """The smallest power of two that is at least `n` and at least `least`: what a block's side must be."""
    return max(least, 1 << max(0, n - 1).bit_length())


def require(holds: bool, operation: str, fault: str) -> None:
    """Raise ValueError unless `holds`: a kernel that is given the wrong shapes would read beyond its tensors."""
    if not holds:
        raise ValueError(f"{operation}: {fault}")

"""Which path computes an operation, the Triton kernels or plain torch, and why: decided once per model, said once.

It does not know what is computed. Importing it needs no triton; only choosing the Triton path imports it.
"""

import importlib.util
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import torch
from torch import Tensor

from plt_kernels import reference_path

logger = logging.getLogger(__name__)

VARIABLE = "PLT_KERNELS"
INTERPRETER_VARIABLE = "TRITON_INTERPRET"
TRITON_DTYPES = (torch.bfloat16, torch.float16, torch.float32)


class Path(StrEnum):
    """What computes."""

    REFERENCE = "reference"
    TRITON = "triton"


@dataclass(frozen=True, slots=True)
class Choice:
    """A path and the reason for it, for people."""

    path: Path
    reason: str


class Ops(Protocol):
    """The operations that both paths have; each is described by its twin in `reference` or `static_reference`."""

    def rms_norm(self, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """See `reference.rms_norm`."""

    def add_rms_norm(self, x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        """See `static_reference.add_rms_norm`."""

    def swiglu(self, gate_up: Tensor) -> Tensor:
        """See `reference.swiglu`."""

    def clp_input(self, embedding: Tensor, shifted: Tensor, emb_scale: float, hidden_scale: float) -> Tensor:
        """See `reference.clp_input`."""

    def clp_rows(
        self, embedding: Tensor, saved: Tensor, position: Tensor, emb_scale: float, hidden_scale: float
    ) -> Tensor:
        """See `static_reference.clp_rows`."""

    def band_bias(self, num_queries: int, num_keys: int, window_left: int, like: Tensor) -> Tensor | None:
        """See `reference.band_bias`; what comes out is what this path's attention takes."""

    def causal_attention(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        """See `reference.causal_attention`."""

    def loop_attention_prefill(
        self, q: Tensor, k: Tensor, v: Tensor, local_k: Tensor, local_v: Tensor, gate: Tensor, window_left: int,
        bias: Tensor | None = None, local_bias: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """See `reference.loop_attention_prefill`."""

    def loop_attention_decode(
        self, q: Tensor, k: Tensor, v: Tensor, local_k: Tensor, local_v: Tensor, gate: Tensor
    ) -> Tensor:
        """See `reference.loop_attention_decode`."""

    def ring_attention_decode(
        self, q: Tensor, k: Tensor, v: Tensor, ring_k: Tensor, ring_v: Tensor, gate_logits: Tensor, position: Tensor,
        window_left: int, gate_weight: Tensor | None = None, k_scale: Tensor | None = None,
        v_scale: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """See `static_reference.ring_attention_decode`."""

    def rope_and_append(
        self, qkv: Tensor, cos: Tensor, sin: Tensor, position: Tensor, k: Tensor, v: Tensor, ring_k: Tensor,
        ring_v: Tensor, k_scale: Tensor | None = None, v_scale: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """See `static_reference.rope_and_append`."""

    def quantized_linear(
        self, x: Tensor, values: Tensor, scale: Tensor, minimum: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """See `static_reference.quantized_linear`."""


def choose(device_type: str, dtype: torch.dtype, environment: Mapping[str, str], has_triton: bool) -> Choice:
    """The path for tensors of a device and dtype; pure.

    Args:
        device_type: `cpu` or `cuda`, which ROCm calls its devices as well.
        dtype: of the activations.
        environment: `PLT_KERNELS` may ask for a path (auto, reference, triton); `TRITON_INTERPRET` lets Triton run on
            a CPU, slowly.
        has_triton: whether triton can be imported.

    Raises:
        ValueError: PLT_KERNELS asks for something unknown, or for Triton where it cannot run.
    """
    asked = environment.get(VARIABLE, "") or "auto"
    if asked not in ("auto", *Path):
        raise ValueError(f"{VARIABLE} is {asked!r}; choose auto, {', '.join(Path)}.")
    if asked == Path.REFERENCE:
        return Choice(Path.REFERENCE, f"{VARIABLE} asks for it")
    obstacle = _obstacle(device_type, dtype, environment, has_triton)
    if asked == Path.TRITON:
        if obstacle is not None:
            raise ValueError(f"{VARIABLE} asks for triton, but {obstacle}. Set it to auto.")
        return Choice(Path.TRITON, f"{VARIABLE} asks for it")
    if obstacle is not None:
        return Choice(Path.REFERENCE, obstacle)
    if device_type == "cpu":
        return Choice(Path.REFERENCE, f"Triton's interpreter is for tests, which set {VARIABLE}=triton")
    return Choice(Path.TRITON, f"there is a GPU, and triton has kernels in {_name(dtype)}")


def _obstacle(device_type: str, dtype: torch.dtype, environment: Mapping[str, str], has_triton: bool) -> str | None:
    """Why the Triton path cannot be taken, or None."""
    if not has_triton:
        return "triton is not installed"
    if dtype not in TRITON_DTYPES:
        return f"the kernels do not compute in {_name(dtype)}"
    if device_type == "cuda" or (device_type == "cpu" and environment.get(INTERPRETER_VARIABLE) == "1"):
        return None
    return f"the tensors lie on the device {device_type}, not on a GPU"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def ops_for(device: torch.device, dtype: torch.dtype) -> Ops:
    """The operations for tensors of a device and dtype; one log line says which path they take and why.

    Raises:
        ValueError: see `choose`.
    """
    choice = choose(device.type, dtype, os.environ, importlib.util.find_spec("triton") is not None)
    logger.info("kernels: %s on %s, since %s", choice.path, device, choice.reason)
    if choice.path is Path.REFERENCE:
        return reference_path
    from plt_kernels import triton_path

    return triton_path

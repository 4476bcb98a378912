"""Where a model runs, in which numbers, and whether it fits: decided before anything is loaded.

The decisions are pure functions of what a machine reports. It does not know how the model computes.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from plt_engine.config import ModelConfig, read_config
from plt_engine.errors import RequestError
from plt_engine.fused import FusedModel, fusing
from plt_engine.linear import NumericPlan, plan_numerics
from plt_engine.loader import stored_weights, weight_files
from plt_engine.quantize import Int4Weight, Int8Weight, StoredWeight
from plt_engine.steps import Steps
from plt_kernels.dispatch import Ops, ops_for

DEVICES = ("auto", "cpu", "cuda")
GIB = 1 << 30
# The CUDA context, what its libraries work in, a chunk's activations, captured graphs, and in a prefill one quantised
# matrix made dense: 0.6 GiB for the widest of LoopCoder-V2.
WORKING_BYTES = 3 * GIB // 2
# Python, torch, the tokenizer, and a chunk's activations.
CPU_WORKING_BYTES = GIB // 2
# int4 in groups of 32 has 4 bits and two float16 per group: 5 bits for each 16 of bfloat16.
INT4_SHARE = 5 / 16
ITEM_BYTES = {"F64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2}


def choose_device(name: str, has_gpu: bool) -> torch.device:
    """The device for a setting; `auto` is the GPU where there is one.

    Raises:
        RequestError: the name is unknown, or a GPU is asked for and torch sees none.
    """
    if name not in DEVICES:
        raise RequestError(f"device is {name!r}; choose {', '.join(DEVICES)}.")
    if name == "cuda" and not has_gpu:
        raise RequestError(
            "device is 'cuda', but torch sees no GPU. Install a build of torch for CUDA or ROCm and its driver, or set "
            "device to auto or cpu."
        )
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")


def plan_device(device: torch.device, dtype: str = "auto", has_bfloat16: bool = True) -> NumericPlan:
    """How to compute on a device; on a CPU see `linear.plan_numerics`.

    Args:
        device: from `choose_device`.
        dtype: `auto`, or a name.
        has_bfloat16: whether the GPU multiplies bfloat16 itself; where not, float16 is taken.

    Raises:
        RequestError: the dtype's name is unknown.
    """
    if device.type == "cpu":
        return plan_numerics(dtype)
    asked = plan_numerics("bfloat16" if dtype == "auto" else dtype)
    chosen = torch.float16 if dtype == "auto" and not has_bfloat16 else asked.dtype
    name = str(chosen).removeprefix("torch.")
    reason = f"{name}, as asked for" if dtype != "auto" else f"{name}, which this GPU multiplies itself"
    return NumericPlan(chosen, chosen, True, False, reason, kernel_ops(device, chosen))


def kernel_ops(device: torch.device, dtype: torch.dtype) -> Ops:
    """The operations for tensors of a device and dtype (see plt_kernels.dispatch).

    Raises:
        RequestError: the variable PLT_KERNELS asks for something that is unknown or cannot be had.
    """
    try:
        return ops_for(device, dtype)
    except ValueError as error:
        raise RequestError(str(error)) from None


def plan_for(name: str, dtype: str = "auto") -> tuple[torch.device, NumericPlan]:
    """The device for a setting on this machine, and how to compute there; raises as the two functions above do."""
    device = choose_device(name, torch.cuda.is_available())
    has_bfloat16 = device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    return device, plan_device(device, dtype, has_bfloat16)


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes that a model takes on a device.

    Attributes:
        weights: of the weights as they are held there.
        kv_per_token: of one position of the shared KV.
        context_tokens: positions that a sequence is given room for.
        is_quantised: whether the weights are int4 or int8 already.
        working: everything else.
    """

    weights: int
    kv_per_token: int
    context_tokens: int
    is_quantised: bool
    working: int = WORKING_BYTES

    @property
    def total(self) -> int:
        """Weights, one sequence and room to work in."""
        return self.weights + self.kv_per_token * self.context_tokens + self.working


@dataclass(frozen=True, slots=True)
class Room:
    """The memory that a model may take.

    Attributes:
        num_bytes: of it.
        is_capped: whether a setting bounds it, and not the device.
        taken_bytes: what other models take of the cap.
    """

    num_bytes: int
    is_capped: bool = False
    taken_bytes: int = 0

    def __str__(self) -> str:
        if not self.is_capped:
            return f"The GPU has {_gib(self.num_bytes)} free"
        taken = f", of which {_gib(self.taken_bytes)} is taken" if self.taken_bytes else ""
        return f"The cap on memory is {_gib(self.num_bytes + self.taken_bytes)}{taken}"


def room_on(device: torch.device, cap_bytes: int | None = None, taken_bytes: int = 0) -> Room | None:
    """The room on a device under a cap of which so much is taken, or None where nothing is known to bound it."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None
    left = None if cap_bytes is None else cap_bytes - taken_bytes
    if left is not None and (free is None or left < free):
        return Room(left, is_capped=True, taken_bytes=taken_bytes)
    return None if free is None else Room(free)


def memory_need(
    config: ModelConfig, folder: Path, context_tokens: int, plan: NumericPlan, working: int = WORKING_BYTES
) -> MemoryNeed:
    """What a pack needs, read from the headers of its files alone."""
    weights, quantised = 0, False
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (it is no dictionary)
                part = file.get_slice(name)
                num, quantised = 1, quantised or name.endswith((".int4", ".int8"))
                for side in part.get_shape():
                    num *= side
                is_plain = part.get_dtype() in ITEM_BYTES and not name.endswith((".scale", ".min"))
                weights += num * (plan.dtype.itemsize if is_plain else ITEM_BYTES.get(part.get_dtype(), 1))
    kv = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * plan.dtype.itemsize
    return MemoryNeed(weights, kv, context_tokens, quantised, working)


def require_memory(need: MemoryNeed, room: Room) -> None:
    """Raise unless there is room.

    Raises:
        RequestError: names what is needed, what there is, and what would fit.
    """
    if need.total <= room.num_bytes:
        return
    remedies = []
    fitting_tokens = (room.num_bytes - need.weights - need.working) // need.kv_per_token
    if fitting_tokens >= 512:
        remedies.append(f"set max_context_tokens to {fitting_tokens // 256 * 256} or less")
    if not need.is_quantised:
        share = _gib(int(need.weights * INT4_SHARE))
        remedies.append(f"take int4 weights, about {share} (`plt-lsp models add ... --quantize int4`)")
    remedies.append("raise the cap" if room.is_capped else "set device to cpu")
    raise RequestError(
        f"{room}, and the model needs {_gib(need.total)}: {_gib(need.weights)} for its "
        f"weights, {_gib(need.kv_per_token * need.context_tokens)} for a context of {need.context_tokens} tokens and "
        f"{_gib(need.working)} to work in. To mend it, {', or '.join(remedies)}."
    )


def loading_model(
    folder: Path, device: torch.device, plan: NumericPlan, max_context_tokens: int, room: Room | None = None
) -> Steps[FusedModel]:
    """Read a pack's weights and bring them to a device, tensor by tensor, if there is room for them (see `room_on`).

    Raises:
        PackError: the pack cannot be used (see `loader.stored_weights`).
        RequestError: there is too little memory.
    """
    config = read_config(folder)
    if room is not None:
        context = min(max_context_tokens, config.max_position_embeddings)
        require_memory(memory_need(config, folder, context, plan, working_bytes(device)), room)
    tensors = {}
    for name, weight in stored_weights(config, folder):
        tensors[name] = move(weight, device)
        yield
    return (yield from fusing(config, tensors, plan))


def bounded_cache_bytes(
    asked: int, device: torch.device, weights_bytes: int, cap_bytes: int | None = None, held_bytes: int = 0
) -> int:
    """What sessions' caches may take together: on a GPU no more than is free once the weights are there.

    Args:
        asked: where there is room enough.
        device: where the models are.
        weights_bytes: that they take.
        cap_bytes: what all of it may take together, or None.
        held_bytes: what the caches take already.
    """
    if device.type == "cuda":
        asked = min(asked, torch.cuda.mem_get_info(device)[0] + held_bytes - WORKING_BYTES)
    return asked if cap_bytes is None else min(asked, cap_bytes - weights_bytes - working_bytes(device))


def working_bytes(device: torch.device) -> int:
    """What an engine takes beside weights and KV, on the device that is bounded."""
    return CPU_WORKING_BYTES if device.type == "cpu" else WORKING_BYTES


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / GIB:.1f} GiB"


def move(weight: StoredWeight, device: torch.device) -> StoredWeight:
    """A stored weight on a device, in its stored form."""
    if isinstance(weight, Int4Weight):
        return Int4Weight(weight.packed.to(device), weight.scale.to(device), weight.minimum.to(device))
    if isinstance(weight, Int8Weight):
        return Int8Weight(weight.values.to(device), weight.scale.to(device))
    return weight.to(device)

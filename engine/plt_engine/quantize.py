"""Matrices stored in 4 or 8 bits: the two forms, their names in a safetensors file, and the way to and from numbers.

This is the plain reference: it does not know how a model uses a matrix, nor the packed layouts of fast kernels.

    form    stored under the name X of the weight                                     value
    int4    X.int4 uint8 [O, I/2], X.scale float16 [O, G], X.min float16 [O, G]       q * scale + min, q in 0..15
    int8    X.int8 int8 [O, I],    X.scale float16 or float32 [O, G]                  q * scale, q in -127..127

O outputs, I inputs, G groups of I/G neighbouring inputs. In X.int4 the low four bits hold the even input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plt_engine.errors import TensorError

GROUP_SIZE = 32
QUANTISED_SUFFIXES = (".int4", ".int8", ".scale", ".min")


@dataclass(frozen=True, slots=True, eq=False)
class Int4Weight:
    """A matrix [O, I] in groups: packed uint8 [O, I/2], scale float16 [O, G], minimum float16 [O, G]."""

    packed: Tensor
    scale: Tensor
    minimum: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """(O, I)."""
        return self.packed.shape[0], self.packed.shape[1] * 2

    @property
    def group_size(self) -> int:
        """Inputs that share a scale."""
        return self.shape[1] // self.scale.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Int8Weight:
    """A matrix [O, I] in groups: values int8 [O, I], scale float16 or float32 [O, G]; G = 1 is one scale per output."""

    values: Tensor
    scale: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """(O, I)."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def group_size(self) -> int:
        """Inputs that share a scale."""
        return self.shape[1] // self.scale.shape[1]


StoredWeight = Tensor | Int4Weight | Int8Weight


def dequantize(weight: StoredWeight) -> Tensor:
    """The numbers of a stored weight in float32; for a matrix [O, I].

    The product and the sum are rounded one after the other, as GGUF's reference does, so that its blocks come out bit
    for bit.
    """
    if isinstance(weight, Tensor):
        return weight.float()
    if isinstance(weight, Int8Weight):
        grouped = weight.values.view(weight.shape[0], -1, weight.group_size).float()  # [O, G, I/G]
        return (grouped * weight.scale.float()[:, :, None]).reshape(weight.shape)
    grouped = unpack_int4(weight.packed).view(weight.shape[0], -1, weight.group_size).float()  # [O, G, I/G]
    product = grouped * weight.scale.float()[:, :, None]
    return (product + weight.minimum.float()[:, :, None]).reshape(weight.shape)


def dense(weight: StoredWeight, dtype: torch.dtype) -> Tensor:
    """The numbers of a stored weight in `dtype`, rounded once at most."""
    return weight.to(dtype) if isinstance(weight, Tensor) else dequantize(weight).to(dtype)


def rows_of(weight: Int4Weight | Int8Weight, rows: slice) -> Int4Weight | Int8Weight:
    """Some of a matrix's outputs, as views."""
    if isinstance(weight, Int4Weight):
        return Int4Weight(weight.packed[rows], weight.scale[rows], weight.minimum[rows])
    return Int8Weight(weight.values[rows], weight.scale[rows])


def concatenate(weights: Sequence[StoredWeight]) -> StoredWeight:
    """Stack matrices [O_i, I] by their outputs: in their stored form where they share one, else dense in float32."""
    if len(weights) == 1:
        return weights[0]
    first = weights[0]
    if isinstance(first, Int4Weight) and all(_same_groups(w, first) for w in weights):
        int4 = [w for w in weights if isinstance(w, Int4Weight)]
        return Int4Weight(
            torch.cat([w.packed for w in int4]),
            torch.cat([w.scale for w in int4]),
            torch.cat([w.minimum for w in int4]),
        )
    if isinstance(first, Int8Weight) and all(_same_groups(w, first) for w in weights):
        int8 = [w for w in weights if isinstance(w, Int8Weight)]
        return Int8Weight(torch.cat([w.values for w in int8]), torch.cat([w.scale for w in int8]))
    return torch.cat([w if isinstance(w, Tensor) else dequantize(w) for w in weights])


def _same_groups(weight: StoredWeight, other: Int4Weight | Int8Weight) -> bool:
    return type(weight) is type(other) and not isinstance(weight, Tensor) and weight.group_size == other.group_size


def quantize_int4(weight: Tensor, group_size: int = GROUP_SIZE) -> Int4Weight:
    """Asymmetric 4 bits for a matrix [O, I]: each group's smallest value becomes 0 and its largest 15.

    Raises:
        TensorError: the shape does not fit the groups, or a value is not finite or beyond float16.
    """
    grouped = _grouped(weight, group_size)
    minimum = grouped.amin(-1)
    scale = _checked_half((grouped.amax(-1) - minimum) / 15)
    minimum = _checked_half(minimum)
    offsets = grouped - minimum.float()[:, :, None]
    q = _divided(offsets, scale).round().clamp(0, 15).to(torch.uint8)
    return Int4Weight(pack_int4(q.reshape(weight.shape)), scale, minimum)


def quantize_int8(weight: Tensor, group_size: int | None = GROUP_SIZE) -> Int8Weight:
    """Symmetric 8 bits for a matrix [O, I]: each group's largest magnitude becomes 127.

    With `group_size` None there is one float32 scale per output, else a float16 scale per group.

    Raises:
        TensorError: the shape does not fit the groups, or a value is not finite or beyond float16.
    """
    grouped = _grouped(weight, weight.shape[-1] if group_size is None else group_size)
    exact = grouped.abs().amax(-1) / 127
    scale = exact if group_size is None else _checked_half(exact)
    q = _divided(grouped, scale).round().clamp(-127, 127).to(torch.int8)
    return Int8Weight(q.reshape(weight.shape), scale)


def pack_int4(q: Tensor) -> Tensor:
    """Pairs of neighbours of uint8 [O, I], each 0..15, in one byte each: [O, I/2], the even one in the low bits."""
    return q[:, 0::2] | (q[:, 1::2] << 4)


def unpack_int4(packed: Tensor) -> Tensor:
    """The inverse of `pack_int4`: uint8 [O, I/2] to uint8 [O, I]."""
    return torch.stack((packed & 15, packed >> 4), -1).flatten(1)


def int4_from_q4_1_blocks(blocks: Tensor) -> Int4Weight:
    """GGUF's Q4_1 rows, uint8 [O, I/32 * 20], with every bit kept.

    A block holds a scale and a minimum in float16 and 16 bytes, whose low halves are inputs 0..15 and whose high halves
    are inputs 16..31 (GGUF's block_q4_1).
    """
    rows = blocks.view(blocks.shape[0], -1, 20)  # [O, G, 20]
    halves = rows[:, :, :4].contiguous().view(torch.float16)  # [O, G, 2]
    q = torch.cat((rows[:, :, 4:] & 15, rows[:, :, 4:] >> 4), -1).flatten(1)  # [O, I]
    return Int4Weight(pack_int4(q), halves[:, :, 0].contiguous(), halves[:, :, 1].contiguous())


def int8_from_q8_0_blocks(blocks: Tensor) -> Int8Weight:
    """GGUF's Q8_0 rows, uint8 [O, I/32 * 34], with every bit kept: a block is a float16 scale and 32 int8 values."""
    rows = blocks.view(blocks.shape[0], -1, 34)  # [O, G, 34]
    scale = rows[:, :, :2].contiguous().view(torch.float16)[:, :, 0].contiguous()
    return Int8Weight(rows[:, :, 2:].contiguous().view(torch.int8).flatten(1), scale)


def tensors_of(name: str, weight: StoredWeight) -> dict[str, Tensor]:
    """What a safetensors file holds for the weight X = `name`."""
    if isinstance(weight, Int4Weight):
        return {f"{name}.int4": weight.packed, f"{name}.scale": weight.scale, f"{name}.min": weight.minimum}
    if isinstance(weight, Int8Weight):
        return {f"{name}.int8": weight.values, f"{name}.scale": weight.scale}
    return {name: weight}


def weight_from(name: str, tensors: Mapping[str, Tensor]) -> StoredWeight:
    """The weight X = `name` out of the tensors of a file.

    Raises:
        TensorError: it is not there, there twice, or one of its parts is missing, misshaped or of another dtype.
    """
    forms = [form for form in (name, f"{name}.int4", f"{name}.int8") if form in tensors]
    if len(forms) != 1:
        fault = "is missing" if not forms else f"is there more than once, as {' and '.join(forms)}"
        raise TensorError(f"The tensor {name} {fault}; the weights must hold it once, plain or as .int4 or .int8.")
    if forms[0] == name:
        return tensors[name]
    values, scale = tensors[forms[0]], _part(tensors, f"{name}.scale")
    _require_form(forms[0], values, torch.uint8 if forms[0].endswith(".int4") else torch.int8)
    if forms[0].endswith(".int8"):
        _require_groups(f"{name}.scale", scale, values.shape[0], values.shape[1], (torch.float16, torch.float32))
        return Int8Weight(values, scale)
    minimum = _part(tensors, f"{name}.min")
    for part, tensor in ((f"{name}.scale", scale), (f"{name}.min", minimum)):
        _require_groups(part, tensor, values.shape[0], values.shape[1] * 2, (torch.float16,))
    if scale.shape != minimum.shape:
        raise TensorError(f"The tensor {name}.min is {list(minimum.shape)}, but its scale is {list(scale.shape)}.")
    return Int4Weight(values, scale, minimum)


def _part(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise TensorError(f"The tensor {name} is missing; a quantised weight is stored with it.")
    return tensors[name]


def _require_form(name: str, tensor: Tensor, dtype: torch.dtype) -> None:
    if tensor.dtype != dtype or tensor.dim() != 2:
        raise TensorError(f"The tensor {name} is {tensor.dtype} {list(tensor.shape)}; it must be a matrix of {dtype}.")


def _require_groups(name: str, tensor: Tensor, outs: int, ins: int, dtypes: tuple[torch.dtype, ...]) -> None:
    groups = tensor.shape[1] if tensor.dim() == 2 else 0
    if tensor.dtype not in dtypes or groups == 0 or tensor.shape[0] != outs or ins % groups != 0:
        raise TensorError(
            f"The tensor {name} is {tensor.dtype} {list(tensor.shape)}; for a weight [{outs}, {ins}] it must be "
            f"{' or '.join(map(str, dtypes))} [{outs}, G], where G divides {ins}."
        )


def _grouped(weight: Tensor, group_size: int) -> Tensor:
    if weight.dim() != 2 or weight.shape[1] % group_size != 0:
        raise TensorError(f"A weight of shape {list(weight.shape)} has no whole groups of {group_size} inputs.")
    if not bool(weight.isfinite().all()):
        raise TensorError(f"A weight of shape {list(weight.shape)} has values that are not finite; mend it first.")
    return weight.float().view(weight.shape[0], -1, group_size)  # [O, G, I/G]


def _checked_half(values: Tensor) -> Tensor:
    half = values.to(torch.float16)
    if not bool(half.isfinite().all()):
        raise TensorError(f"A weight has a group with {float(values.abs().max()):g}, which is beyond float16.")
    return half


def _divided(values: Tensor, scale: Tensor) -> Tensor:
    # A group whose scale is 0 holds one value alone, for which every q is right; 0 is taken.
    wide = scale.float()[:, :, None]
    return torch.where(wide == 0, 0, values / wide)

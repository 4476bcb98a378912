"""What the interpreting process is asked to do beyond calling an operation; it imports triton."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from plt_kernels.launch import TABLES, Tile
from plt_kernels.triton_ops import loop_attention_decode


def decode_in_splits(programs: int, keys: int, inputs: dict[str, Any]) -> Tensor:
    """A decode attention split for `programs` programs with `keys` keys per step."""
    table = replace(TABLES["interpreter"], decode_programs=programs, decode=Tile(16, 2 * keys, 1, 1))
    arguments = dict(inputs)
    gate = arguments.pop("gate_logits")
    both, y = loop_attention_decode.launches(**arguments, gate=gate, table=table)
    for launch in both:
        launch.run()
    return y


def fresh_tensor(*shape: int) -> Tensor:
    """What an operation's result holds before anything is written to it."""
    return torch.zeros(1).new_empty(shape)

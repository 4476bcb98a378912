"""What the interpreting process is asked to do beyond calling an operation; it imports triton."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from plt_engine.device import loading_model, plan_for
from plt_engine.engine import Engine, EngineOptions
from plt_engine.kv_cache import KVCache
from plt_engine.runner import ModelRunner
from plt_engine.static_decode import DecodeStep
from plt_engine.steps import finished
from plt_engine.types import GenerationOutput, GenerationRequest
from plt_kernels import triton_path
from plt_kernels.dispatch import VARIABLE
from plt_kernels.launch import TABLES, Launch, Tile
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


def engine_logits(folder: Path, loops: int, tokens: list[int], num_prefilled: int) -> Tensor:
    """Logits [T - K + 1, V] of a pack on the Triton path: of the last of K prefilled positions and of each decoded."""
    with on_the_triton_path():
        device, plan = plan_for("cpu", "float32")
        model = finished(loading_model(folder, device, replace(plan, packs=False), len(tokens)))
        runner = ModelRunner(model, len(tokens))
        cache = runner.new_cache(loops)
        state = runner.prefill(cache, tokens[:num_prefilled], chunk_tokens=8)
        assert state is not None
        states = [state[-1], *(runner.decode(cache, token) for token in tokens[num_prefilled:])]
        return runner.logits(torch.stack(states))


def generate(folder: Path, request: GenerationRequest) -> tuple[GenerationOutput, list[str]]:
    """What the engine answers on the Triton path, and the modules of kernels that were loaded for it."""
    with on_the_triton_path():
        engine = Engine.load(folder, EngineOptions(device="cpu", dtype="float32", max_context_tokens=256))
        *_, output = engine.generate(request)
        assert isinstance(output, GenerationOutput)
        return output, [name for name in sys.modules if name.startswith("plt_kernels.")]


def launches_of_a_step(folder: Path, loops: int) -> list[str]:
    """The kernels of one decoded token, run on tensors that have shapes but no numbers.

    Whatever would wait for a device, to ask for a number or a number of elements, is an error with such tensors.
    """
    meta = torch.device("meta")
    plan = replace(plan_for("cpu", "float32")[1], packs=True, ops=triton_path)
    model = finished(loading_model(folder, meta, plan, 32))
    cache = KVCache(model.config, loops, torch.float32, meta)
    cache.reserve(32)
    table = torch.empty(32, model.config.head_dim, device=meta)
    step = DecodeStep(model, cache.decode_buffers(), (table, table), triton_path)
    launched: list[str] = []
    with patch.object(Launch, "run", lambda launch: launched.append(launch.kernel.__name__)):
        step()
    return launched


@contextmanager
def on_the_triton_path() -> Iterator[None]:
    """The choice is forced, since on a CPU the reference path is taken."""
    os.environ[VARIABLE] = "triton"
    try:
        yield
    finally:
        del os.environ[VARIABLE]

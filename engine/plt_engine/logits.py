"""`plt-lsp models logits`: the logits of given tokens, so that anyone can hold this engine against another one.

It works on a bare checkpoint folder as on a pack, knows no tokenizer, and samples nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from plt_engine.config import ModelConfig, read_config
from plt_engine.conversion import trained_evidence
from plt_engine.errors import RequestError
from plt_engine.fused import fuse
from plt_engine.linear import plan_numerics
from plt_engine.loader import load_stored
from plt_engine.loop_evidence import check_loops
from plt_engine.pack import MANIFEST_FILE, load_pack, verify_pack
from plt_engine.runner import CHUNK_TOKENS, ModelRunner

ROWS_PER_WRITE = 256


@dataclass(frozen=True, slots=True)
class LogitsRequest:
    """What to compute.

    Attributes:
        model: a pack's folder, or a checkpoint's with config.json and safetensors.
        tokens: ids; T of them.
        loops: R, or None for the count that the model is run with by default.
        prefill: K, how many positions come from prefill, the rest from one-pass decode; None for all.
        chunk_tokens: positions per chunk of prefill.
        dtype: a name in linear.DTYPES.
        force_loops: whether a loop count without evidence is computed all the same, for research.
    """

    model: Path
    tokens: tuple[int, ...]
    loops: int | None = None
    prefill: int | None = None
    chunk_tokens: int = CHUNK_TOKENS
    dtype: str = "float32"
    force_loops: bool = False


@dataclass(frozen=True, slots=True)
class LogitsReport:
    """What was written: shape (T, V), and under which loop count, with the evidence for it or the lack of it."""

    out: str
    shape: tuple[int, int]
    dtype: str
    loops: int
    num_prefilled: int
    num_decoded: int
    is_forced: bool
    evidence: str


def write_logits(request: LogitsRequest, out: Path) -> LogitsReport:
    """Compute the logits and write them to `out` as a .npy file [T, V]: float64 where that is the dtype, else float32.

    Args:
        request: what to compute.
        out: the file to write.

    Raises:
        RequestError: a number is out of its range.
        LoopCountError: the loop count has no evidence and is not forced, or the model has no gates for it.
        PackError: the model cannot be loaded.
    """
    config = read_config(request.model)
    num_prefilled = _checked(request, config)
    loops, evidence, is_forced = _loops(request, config)
    _, tensors = load_stored(request.model)
    runner = ModelRunner(fuse(config, tensors, plan_numerics(request.dtype)), len(request.tokens))
    states = _states(runner, request, loops, num_prefilled)
    _write(runner, states, out)
    return LogitsReport(
        out=str(out),
        shape=(len(request.tokens), config.vocab_size),
        dtype=request.dtype,
        loops=loops,
        num_prefilled=num_prefilled,
        num_decoded=len(request.tokens) - num_prefilled,
        is_forced=is_forced,
        evidence=evidence,
    )


def _checked(request: LogitsRequest, config: ModelConfig) -> int:
    """How many positions are prefilled."""
    num_tokens = len(request.tokens)
    wrong = next((token for token in request.tokens if not 0 <= token < config.vocab_size), None)
    if wrong is not None:
        raise RequestError(
            f"The token {wrong} is not in the vocabulary, whose ids go from 0 to {config.vocab_size - 1}."
        )
    if not 1 <= num_tokens <= config.max_position_embeddings:
        raise RequestError(f"There are {num_tokens} tokens; the model takes 1 to {config.max_position_embeddings}.")
    num_prefilled = num_tokens if request.prefill is None else request.prefill
    if not 0 <= num_prefilled <= num_tokens:
        raise RequestError(f"prefill is {num_prefilled}; for {num_tokens} tokens it must be 0 to {num_tokens}.")
    if request.chunk_tokens < 1:
        raise RequestError(f"chunk is {request.chunk_tokens}; it must be 1 or more.")
    return num_prefilled


def _loops(request: LogitsRequest, config: ModelConfig) -> tuple[int, str, bool]:
    """The loop count, its evidence in words, and whether it was forced."""
    certified, default = _evidence(request.model, config)
    asked = default if request.loops is None else request.loops
    choice = check_loops(asked, certified, config, str(request.model), force=request.force_loops)
    evidence = certified[choice.loops] if choice.lack is None else f"FORCED: {choice.lack}"
    return choice.loops, evidence, choice.is_forced


def _evidence(model: Path, config: ModelConfig) -> tuple[dict[int, str], int]:
    """The evidence for each loop count, and the count by default: a pack's own, or a checkpoint's trained count."""
    if not (model / MANIFEST_FILE).is_file():
        return {config.loop.num_loops: trained_evidence(config).detail}, config.loop.num_loops
    pack = load_pack(model)
    verify_pack(pack)
    return {item.loops: item.evidence.detail for item in pack.manifest.loops}, pack.manifest.default_loops


def _states(runner: ModelRunner, request: LogitsRequest, loops: int, num_prefilled: int) -> Tensor:
    """Final states [T, d]: prefill's for the first positions, one-pass decode's for the rest."""
    cache, tokens, states = runner.new_cache(loops), list(request.tokens), []
    if num_prefilled:
        prefilled = runner.prefill(cache, tokens[:num_prefilled], first_wanted=0, chunk_tokens=request.chunk_tokens)
        assert prefilled is not None, "nobody aborts this prefill"
        states.append(prefilled)
    states += [runner.decode(cache, token)[None] for token in tokens[num_prefilled:]]
    return torch.cat(states)


def _write(runner: ModelRunner, states: Tensor, out: Path) -> None:
    """Write logits a few rows at a time: all of them at once can be larger than the model."""
    dtype = np.float64 if runner.dtype is torch.float64 else np.float32
    shape = (states.shape[0], runner.config.vocab_size)
    try:
        file = np.lib.format.open_memmap(out, mode="w+", dtype=dtype, shape=shape)
    except OSError as error:
        raise RequestError(f"{out} cannot be written: {error}.") from None
    with torch.inference_mode():
        for i in range(0, shape[0], ROWS_PER_WRITE):
            rows = runner.logits(states[i : i + ROWS_PER_WRITE])
            file[i : i + ROWS_PER_WRITE] = rows.to(torch.float64 if dtype is np.float64 else torch.float32).numpy()
    file.flush()

"""What is diagnosed: a pack or a checkpoint's own folder, its weights in memory, and the loops to look at.

It reads the model and decides on nothing; it does not know which text comes.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from plt_engine.checkpoint import tokenizer_of
from plt_engine.config import ModelConfig, read_config
from plt_engine.conversion import trained_evidence
from plt_engine.errors import LoopCountError, RequestError
from plt_engine.loader import expected_shapes, load_weights
from plt_engine.loop_evidence import check_loops
from plt_engine.model import ModelWeights
from plt_engine.pack import MANIFEST_FILE, find_pack, load_pack, verify_pack
from plt_engine.tokenizer import Tokenizer

MAX_LOOPS = 16
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MEMORY_FILE = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, ready to run.

    Attributes:
        name: of the pack, or of the checkpoint's folder.
        title: for people.
        weights: dense.
        tokenizer: its own.
        certified: the loop counts with evidence, each with the evidence in words.
        loops: R, the most loops to look at.
        lack: where R has no evidence, what is lacking, in words.
        dtype: what it computes in.
    """

    name: str
    title: str
    weights: ModelWeights
    tokenizer: Tokenizer
    certified: dict[int, str]
    loops: int
    lack: str | None
    dtype: str

    @property
    def config(self) -> ModelConfig:
        """The model's shape."""
        return self.weights.config


def load_subject(name_or_path: str, loops: int | None, dtype: str, memory_file: Path = MEMORY_FILE) -> Subject:
    """Load a pack by name or path, or a checkpoint's folder.

    Args:
        name_or_path: a folder is taken before a pack of that name.
        loops: R, or None for the highest count with evidence.
        dtype: a name in DTYPES.
        memory_file: where the system tells of its memory.

    Raises:
        PackError: the model cannot be loaded.
        ConfigError: its configuration cannot be used.
        LoopCountError: the model cannot be run with so many loops.
        RequestError: it does not fit into memory.
    """
    folder = Path(name_or_path).expanduser()
    folder = folder if folder.is_dir() else find_pack(name_or_path)
    config = read_config(folder)
    title, certified = _described(folder, config)
    asked = max(certified) if loops is None else loops
    if asked > MAX_LOOPS:
        raise LoopCountError(f"loops is {asked}; a diagnosis takes 1 to {MAX_LOOPS}.")
    choice = check_loops(asked, certified, config, f"the model {folder.name}", force=True)
    _require_memory(config, dtype, memory_file)
    tokenizer = Tokenizer(tokenizer_of(folder), str(folder))
    if tokenizer.vocab_size > config.vocab_size:
        raise RequestError(
            f"The tokenizer of {folder.name} has {tokenizer.vocab_size} ids and the model {config.vocab_size}; "
            "take the tokenizer that belongs to the checkpoint."
        )
    weights = load_weights(folder, DTYPES[dtype])
    return Subject(folder.name, title, weights, tokenizer, certified, choice.loops, choice.lack, dtype)


def _described(folder: Path, config: ModelConfig) -> tuple[str, dict[int, str]]:
    """The title, and the evidence for each loop count: a pack's own, or a checkpoint's trained count."""
    if not (folder / MANIFEST_FILE).is_file():
        return folder.name, {config.loop.num_loops: trained_evidence(config).detail}
    pack = load_pack(folder)
    verify_pack(pack)
    return pack.manifest.title, {item.loops: item.evidence.detail for item in pack.manifest.loops}


def _require_memory(config: ModelConfig, dtype: str, memory_file: Path) -> None:
    needed = sum(map(math.prod, expected_shapes(config).values())) * DTYPES[dtype].itemsize
    available = _available_bytes(memory_file)
    if available is not None and needed > available:
        remedy = "--dtype bfloat16 halves it" if dtype == "float32" else "take a machine with more"
        raise RequestError(
            f"The weights take {needed / 1e9:.1f} GB as {dtype}, and {available / 1e9:.1f} GB of memory are free; "
            f"{remedy}."
        )


def _available_bytes(memory_file: Path) -> int | None:
    """What the system could give; None where it does not say so in this way."""
    if not memory_file.is_file():
        return None
    values = dict(line.split(":", 1) for line in memory_file.read_text(encoding="ascii").splitlines())
    return int(values["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in values else None

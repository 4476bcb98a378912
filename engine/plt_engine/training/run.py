"""A training run on disk: its folder says how it was started, so that the same command continues it.

It does not know the loop's arithmetic; it joins a start (a pack or another run), the data and a trainer.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from plt_engine.config import LoopConfig, ModelConfig, parse_config
from plt_engine.loader import load_weights
from plt_engine.pack import TOKENIZER_FILE, load_pack
from plt_engine.pack_manifest import PackManifest
from plt_engine.training.checkpoint import load_checkpoint, newest_checkpoint
from plt_engine.training.options import TrainOptions
from plt_engine.training.parameters import (
    Tensors,
    cut_vocabulary,
    fresh_tensors,
    tensors_of,
    with_identity_loops,
)
from plt_engine.training.trainer import LOG_FILE, StepReport, Trainer
from plt_engine.training.vocabulary import read_vocabulary
from plt_engine.training.windows import read_windows

RUN_FILE = "run.json"
# The figure in a pack's evidence for a loop count that says how many tokens this recipe trained its exit on.
TRAINED_TOKENS = "trained_tokens"
SCRATCH_SEED = 0


class RunError(ValueError):
    """A run cannot be started or continued as asked."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """How a run was started: its shape, its options, its windows, and where its first weights came from.

    Attributes:
        earlier_tokens: for each exit, how many tokens the pack at the beginning had been trained on.
    """

    config: ModelConfig
    options: TrainOptions
    windows: str
    start: str
    earlier_tokens: tuple[int, ...] = ()

    def tokens_before(self, r: int) -> int:
        """How many tokens exit r (from 1 on) had been trained on when the log began; 0 where it did not exist."""
        return self.earlier_tokens[r - 1] if r <= len(self.earlier_tokens) else 0


def start_from_pack(folder: Path, options: TrainOptions, windows: Path) -> tuple[ModelConfig, Tensors]:
    """A pack with its vocabulary cut to that of the windows, and with identity loops where the run has more of them.

    A pack that has the windows' own tokenizer, as those that the recipe exports, is taken as it is.
    """
    weights = load_weights(folder)
    config, tensors = weights.config, tensors_of(weights)
    if not _has_tokenizer_of(folder, windows):
        config, tensors = cut_vocabulary(config, tensors, _vocabulary(windows))
    return _looped(config, tensors, options)


def _has_tokenizer_of(pack: Path, windows: Path) -> bool:
    tokenizer = windows.parent / TOKENIZER_FILE
    return tokenizer.is_file() and tokenizer.read_bytes() == (pack / TOKENIZER_FILE).read_bytes()


def start_from_run(folder: Path, options: TrainOptions) -> tuple[ModelConfig, Tensors, int]:
    """The newest weights of another run and its place in the data.

    Where that run had one loop and this one has more, the later ones are identity loops.
    """
    newest = newest_checkpoint(folder)
    if newest is None:
        raise RunError(f"{folder} has no checkpoint; give a run that has one.")
    checkpoint = load_checkpoint(newest)
    return *_looped(read_spec(folder).config, checkpoint.masters, options), checkpoint.rows


def start_from_scratch(shape: Path, options: TrainOptions, vocab_size: int) -> tuple[ModelConfig, Tensors]:
    """Random weights of the shape that a `config.json` describes, with the data's vocabulary and the run's loops.

    Raises:
        ConfigError: the file does not describe a model.
        RunError: it is not JSON.
    """
    try:
        raw = json.loads(shape.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RunError(f"{shape} is not valid JSON: {error}; it must have the keys of a config.json.") from None
    config = parse_config({**raw, "vocab_size": vocab_size})
    loop = replace(config.loop, num_loops=options.loops, window_left=options.window_left)
    config = replace(config, loop=loop)
    return config, fresh_tensors(config, SCRATCH_SEED)


def _looped(config: ModelConfig, tensors: Tensors, options: TrainOptions) -> tuple[ModelConfig, Tensors]:
    if options.loops <= config.loop.num_loops:
        return config, tensors
    return with_identity_loops(config, tensors, options.loops, options.window_left)


def trained_tokens(manifest: PackManifest) -> tuple[int, ...]:
    """For each exit up to the last trained one, how many tokens this recipe has trained a pack on."""
    found = {support.loops: support.evidence.figures.get(TRAINED_TOKENS, 0) for support in manifest.loops}
    return tuple(int(found.get(r, 0)) for r in range(1, max(found) + 1))


def begin(folder: Path, windows: Path, start: Path, options: TrainOptions) -> Trainer:
    """A new run from a pack, from another run's folder, or from random weights of the shape in a JSON file.

    After another run it goes on where that one ended in the data, and its log begins with that one's.

    Raises:
        RunError: the folder holds a run already, the start has no weights, or the windows lack their vocabulary.
    """
    if (folder / RUN_FILE).exists():
        raise RunError(f"{folder} holds a run already; continue it, or give another folder.")
    rows, earlier = 0, tuple[int, ...]()
    if (start / RUN_FILE).exists():
        config, tensors, rows = start_from_run(start, options)
        earlier = read_spec(start).earlier_tokens
    elif start.suffix == ".json":
        config, tensors = start_from_scratch(start, options, len(_vocabulary(windows)))
    else:
        config, tensors = start_from_pack(start, options, windows)
        earlier = trained_tokens(load_pack(start).manifest)
    folder.mkdir(parents=True, exist_ok=True)
    write_spec(folder, RunSpec(config, options, str(windows), str(start), earlier))
    trainer = Trainer(config, tensors, read_windows(windows), options, folder)
    trainer.rows = rows
    if rows:
        _inherit_log(start / LOG_FILE, folder / LOG_FILE, trainer.tokens)
    return trainer


def _vocabulary(windows: Path) -> list[int]:
    try:
        return read_vocabulary(windows.parent)
    except FileNotFoundError as error:
        raise RunError(f"{error.filename} does not exist; the data command writes it beside the windows.") from None


def resume(folder: Path, steps: int | None = None) -> Trainer:
    """A run continued from its newest checkpoint, to its last step or to another one.

    Raises:
        RunError: the folder holds no run.
    """
    spec = read_spec(folder)
    if steps is not None:
        spec = replace(spec, options=replace(spec.options, steps=steps))
        write_spec(folder, spec)
    newest = newest_checkpoint(folder)
    if newest is None:
        source = Path(spec.start)
        (folder / RUN_FILE).unlink()
        return begin(folder, Path(spec.windows), source, spec.options)
    checkpoint = load_checkpoint(newest)
    trainer = Trainer(spec.config, checkpoint.masters, read_windows(Path(spec.windows)), spec.options, folder)
    trainer.restore(checkpoint)
    _inherit_log(folder / LOG_FILE, folder / LOG_FILE, trainer.tokens)
    return trainer


def train(trainer: Trainer, should_stop: Callable[[], bool], say: Callable[[StepReport], None]) -> None:
    """Run to the end or until told to stop; the trainer's threads have one core each."""
    torch.set_num_threads(1)
    trainer.run(should_stop, say)


def read_spec(folder: Path) -> RunSpec:
    """How the run in a folder was started.

    Raises:
        RunError: the folder holds no run.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise RunError(f"{folder} holds no run: {RUN_FILE} is missing.")
    raw = json.loads(path.read_text(encoding="utf-8"))
    config, options = raw["config"], raw["options"]
    config["loop"] = LoopConfig(**config["loop"])
    config["eos_token_ids"] = tuple(config["eos_token_ids"])
    options["exit_weights"] = tuple(options["exit_weights"])
    earlier = tuple(raw.get("earlier_tokens", ()))
    return RunSpec(ModelConfig(**config), TrainOptions(**options), raw["windows"], raw["start"], earlier)


def read_stages(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The stages of a recipe in a JSON file, each with its name and its options.

    The file is a list of objects with the key `name` and names of `TrainOptions`.

    Raises:
        RunError: the file is missing, is not such a list, or names a stage twice.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read as JSON: {error}; give a list of stages.") from None
    if not (isinstance(raw, list) and raw and all(isinstance(stage, dict) and _is_name(stage) for stage in raw)):
        raise RunError(f"{path} must be a list of objects, each with a name that can be a folder's.")
    names = [stage.pop("name") for stage in raw]
    if len(set(names)) < len(names):
        raise RunError(f"{path} names a stage twice: {', '.join(names)}; each has a folder of its own.")
    return list(zip(names, raw, strict=True))


def _is_name(stage: dict[str, Any]) -> bool:
    name = stage.get("name")
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name


def read_log(folder: Path) -> list[dict[str, Any]]:
    """What each step of the run in a folder, and of those that it goes on from, was like; at least one.

    Raises:
        RunError: no step was logged.
    """
    path = folder / LOG_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if not lines:
        raise RunError(f"{folder} has no finished step in its {LOG_FILE}; train it first.")
    return [json.loads(line) for line in lines]


def write_spec(folder: Path, spec: RunSpec) -> None:
    """Record how a run was started."""
    (folder / RUN_FILE).write_text(json.dumps(asdict(spec), indent=1), encoding="utf-8")


def _inherit_log(earlier: Path, log: Path, tokens: int) -> None:
    """Begin a log with an earlier one's lines, without those of tokens after the checkpoint: they are trained again."""
    if not earlier.is_file():
        return
    lines = earlier.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in lines if json.loads(line)["tokens"] <= tokens), encoding="utf-8")

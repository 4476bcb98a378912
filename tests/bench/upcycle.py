"""`python -m tests.bench upcycle RUN --held-out FILE`: what a second loop gains a model that was trained with one.

RUN is a finished run of the loop study with one loop. It goes on with one loop, and with a second one in several ways,
each on the same next windows at the same rates; then bits per byte of held-out code are measured at both exits, paired.
Results are written to `--json` arm by arm; the table is of all that it then holds.

Gate: every arm begins at the run's exit in held-out bits, and ends at the same window.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.progress import track

from plt_engine.config import ModelConfig
from plt_engine.evaluation.cases import CaseCounts, Piece, draw_cases
from plt_engine.evaluation.metrics import bootstrap, paired_difference
from plt_engine.model import GATE_NAMES, GATE_PREFIX
from plt_engine.pack import TOKENIZER_FILE
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.checkpoint import Checkpoint, load_checkpoint, newest_checkpoint
from plt_engine.training.corpus import read_files
from plt_engine.training.options import TrainOptions
from plt_engine.training.parameters import HIDDEN_SCALE, Tensors, model_of, with_identity_loops
from plt_engine.training.run import RunSpec, read_spec
from plt_engine.training.trainer import Trainer
from plt_engine.training.windows import read_windows
from tests.bench.loop_study import SEED, exit_bits, row, shown

RELEASE_SCALES = (0.707, 0.053)  # a and b of LoopCoder-V2
CONTROL = "one loop"


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to go on.

    Attributes:
        exit_weights: of each loop's loss.
        share: of the way from a = 1, b = 0 to the release's scales, by the share of the steps that are done; None
            where b is trained instead, from 0.
        gate_bias: that the gates begin with.
    """

    exit_weights: tuple[float, ...]
    share: Callable[[float], float] | None = None
    gate_bias: float = 3.0


ARMS = {
    CONTROL: Arm((1.0,)),
    "a copy, both exits": Arm((0.5, 0.5)),
    "a copy, the last exit alone": Arm((0.0, 1.0)),
    "a copy, local attention half": Arm((0.5, 0.5), gate_bias=0.0),
    "the release's scales at once": Arm((0.5, 0.5), lambda done: 1.0, gate_bias=0.0),
    "the release's scales slowly": Arm((0.5, 0.5), lambda done: min(1.0, 2 * done), gate_bias=0.0),
}


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench upcycle")
    parser.add_argument("run", type=Path, nargs="?", help="folder of the finished run; none prints the table again")
    parser.add_argument("--held-out", type=Path, help="held-out files as the data command wrote them")
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--json", type=Path, required=True, help="results so far, which the arms' are added to")
    arguments = parser.parse_args(args)
    results: dict[str, Any] = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    torch.set_num_threads(1)
    if arguments.run is not None:
        spec, newest = read_spec(arguments.run), newest_checkpoint(arguments.run)
        assert newest is not None
        checkpoint = load_checkpoint(newest)
        pieces = draw_cases(read_files(arguments.held_out), CaseCounts(arguments.pieces, 1, 1), SEED).pieces
        for name in arguments.arms:
            options = TrainOptions(
                loops=len(ARMS[name].exit_weights), exit_weights=ARMS[name].exit_weights,
                learning_rate=arguments.learning_rate, steps=arguments.steps, decay_steps=arguments.steps // 5,
                warmup_steps=min(50, arguments.steps), bfloat16=False,
            )  # fmt: skip
            results[name] = measured(name, spec, checkpoint, options, pieces)
            assert results[name]["rows"] == next(iter(results.values()))["rows"], "arms end at the same window"
            arguments.json.write_text(json.dumps(results) + "\n")
    print(table(results))
    return 0


def measured(
    name: str, spec: RunSpec, checkpoint: Checkpoint, options: TrainOptions, pieces: tuple[Piece, ...]
) -> dict[str, Any]:
    """What an arm comes to."""
    arm, tokenizer = ARMS[name], Tokenizer.from_file(Path(spec.windows).parent / TOKENIZER_FILE)
    config, tensors = begun(spec.config, checkpoint.masters, arm)

    def bits(trainer: Trainer, some: tuple[Piece, ...]) -> list[list[float]]:
        weights = model_of(trainer.masters.config, trainer.masters.tensors)
        return [
            list(each) for each in zip(*(exit_bits(weights, p, tokenizer, options.loops) for p in some), strict=True)
        ]

    with TemporaryDirectory() as folder:
        trainer = Trainer(config, tensors, read_windows(Path(spec.windows)), options, Path(folder))
        trainer.rows = checkpoint.rows
        before = [exit_bits(model_of(spec.config, checkpoint.masters), p, tokenizer, 1)[0] for p in pieces[:3]]
        assert bits(trainer, pieces[:3])[0] == before, "every arm begins at the run's exit"
        gate_mean = None
        for step in track(range(options.steps), description=name):
            if arm.share is not None:
                trainer.masters.config = scaled(config, arm.share(step / options.steps))
            report = trainer.take_step(lambda: False)
            assert report is not None
            gate_mean = report.gate_mean
        scale = trainer.masters.tensors.get(HIDDEN_SCALE)
        return {
            "options": {"learning_rate": options.learning_rate, "exit_weights": options.exit_weights},
            "rows": trainer.rows,
            "tokens": trainer.tokens - checkpoint.rows * (trainer.tokens // trainer.rows),
            "hidden_scale": trainer.masters.config.loop.hidden_scale if scale is None else scale.item(),
            "gate_mean": gate_mean,
            "bits": [[round(value, 2) for value in each] for each in bits(trainer, pieces)],
            "bytes": [len(piece.text.encode()) for piece in pieces],
        }


def begun(config: ModelConfig, masters: Tensors, arm: Arm) -> tuple[ModelConfig, Tensors]:
    """The model that an arm begins with."""
    if len(arm.exit_weights) == 1:
        return config, masters
    config, tensors = with_identity_loops(config, masters, len(arm.exit_weights), config.loop.window_left)
    for name, tensor in tensors.items():
        if name.endswith(GATE_PREFIX + GATE_NAMES["bias"]):
            tensors[name] = torch.full_like(tensor, arm.gate_bias)
    if arm.share is not None:
        del tensors[HIDDEN_SCALE]
        config = scaled(config, arm.share(0.0))
    return config, tensors


def scaled(config: ModelConfig, share: float) -> ModelConfig:
    """The model with a and b so far on the way from (1, 0) to the release's."""
    a, b = RELEASE_SCALES
    return replace(config, loop=replace(config.loop, emb_scale=1 - share * (1 - a), hidden_scale=share * b))


def table(results: dict[str, Any]) -> str:
    """Each arm's exits, against each other and against going on with one loop."""
    lines = [
        "| | b | mean gate | exit 1, bits per byte | exit 2 | exit 2 less exit 1 | exit 1 less one loop's |",
        "|---" * 7 + "|",
    ]
    control = results.get(CONTROL)
    for name, found in results.items():
        first, last, num_bytes = found["bits"][0], found["bits"][-1], found["bytes"]
        is_looped = len(found["bits"]) > 1
        lines.append(
            row(
                name,
                [
                    f"{found['hidden_scale']:.4f}" if is_looped else "–",
                    f"{found['gate_mean']:.3f}" if is_looped else "–",
                    shown(bootstrap(first, num_bytes, SEED)),
                    shown(bootstrap(last, num_bytes, SEED)) if is_looped else "–",
                    shown(paired_difference(last, first, num_bytes, SEED), signed=True) if is_looped else "–",
                    shown(paired_difference(first, control["bits"][0], num_bytes, SEED), signed=True)
                    if is_looped and control is not None
                    else "–",
                ],
            )
        )
    return "\n".join(lines)

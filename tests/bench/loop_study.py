"""`python -m tests.bench loop-study RUN... --held-out FILE`: what models of the same shape learn at 1, 2, 3, ... loops.

Each run was trained from random weights on the same windows, with the last loop's exit supervised (README, "The loop
study"). Measured are bits per byte of held-out code at that exit, paired between loop counts, and the figures of
`plt-lsp diagnose`. Results are added to `--json`, so that runs can be measured one by one; the table is of all that it
then holds.

Gate: every run saw the same number of tokens of the same windows in the same order, and has the same shape but for its
loops; and its last step was its last.
"""

import argparse
import json
import math
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from rich.progress import track
from torch.nn import functional as F

from plt_engine.diagnostics.figures import KINDS
from plt_engine.diagnostics.measure import measure
from plt_engine.diagnostics.samples import built_in_files, draw_samples
from plt_engine.diagnostics.summary import collect, figures
from plt_engine.diagnostics.verdict import headline, judge
from plt_engine.evaluation.cases import CaseCounts, Piece, draw_cases
from plt_engine.evaluation.metrics import Interval, bootstrap, paired_difference
from plt_engine.model import ModelWeights, full_forward, logits
from plt_engine.pack import TOKENIZER_FILE
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.checkpoint import load_checkpoint, newest_checkpoint
from plt_engine.training.corpus import read_files
from plt_engine.training.documents import end_id
from plt_engine.training.parameters import model_of
from plt_engine.training.run import RunSpec, read_log, read_spec

SEED, SAMPLES, SAMPLE_TOKENS = 0, 32, 256
STEPS_A_POINT, LAST_STEPS = 100, 200
SHOWN = (
    "loss", "step_size", "angular_change", "fixed_point_gap", "effective_rank", "output_shift", "offset_cost", "gate",
    "attention_shift", "head_similarity",
)  # fmt: skip


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench loop-study")
    parser.add_argument("runs", type=Path, nargs="*", help="folders of finished runs; none prints the table again")
    parser.add_argument("--held-out", type=Path, help="held-out files as the data command wrote them")
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--json", type=Path, required=True, help="results so far, which the runs' are added to")
    arguments = parser.parse_args(args)
    torch.set_num_threads(1)  # the next run may be training beside it
    results: dict[str, Any] = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    if arguments.runs:
        pieces = draw_cases(read_files(arguments.held_out), CaseCounts(arguments.pieces, 1, 1), SEED).pieces
        for run in arguments.runs:
            result = measured(run, pieces)
            check_matched({**results, str(result["loops"]): result})
            results[str(result["loops"])] = result
            arguments.json.write_text(json.dumps(dict(sorted(results.items())), indent=None) + "\n")
    print(table(results))
    return 0


def measured(run: Path, pieces: tuple[Piece, ...]) -> dict[str, Any]:
    """Everything of one run."""
    spec, log = read_spec(run), read_log(run)
    newest = newest_checkpoint(run)
    assert newest is not None
    checkpoint = load_checkpoint(newest)
    assert checkpoint.step == spec.options.steps, f"{run} ended at step {checkpoint.step} of {spec.options.steps}"
    weights, loops = model_of(spec.config, checkpoint.masters), spec.options.loops
    tokenizer = Tokenizer.from_file(Path(spec.windows).parent / TOKENIZER_FILE)
    bits = [exit_bits(weights, piece, tokenizer, loops)[-1] for piece in track(pieces, description=f"R = {loops}")]
    samples = draw_samples(built_in_files(), tokenizer, SAMPLES, SAMPLE_TOKENS, SEED)
    collected = collect(measure(weights, samples, loops))
    losses = [line["losses"][-1] for line in log]
    points = range(STEPS_A_POINT, len(losses) + 1, STEPS_A_POINT)
    return {
        "loops": loops,
        "parameters": sum(tensor.numel() for tensor in checkpoint.masters.values()),
        "options": asdict(spec.options),
        "shape": shape_of(spec),
        "tokens": log[-1]["tokens"],
        "tokens_per_second": round(median(line["tokens_per_second"] for line in log)),
        "training_loss": round(fmean(losses[-LAST_STEPS:]), 4),
        "curve": [[log[i - 1]["tokens"], round(fmean(losses[i - STEPS_A_POINT : i]), 4)] for i in points],
        "bits": [round(found, 2) for found in bits],
        "bytes": [len(piece.text.encode()) for piece in pieces],
        "verdict": headline(judge(collected, SEED)),
        "figures": {
            figure.kind.name: {str(value.loop): asdict(value.value) for value in figure.loops}
            for figure in figures(collected, SEED)
        },
    }


@torch.inference_mode()
def exit_bits(weights: ModelWeights, piece: Piece, tokenizer: Tokenizer, loops: int) -> list[float]:
    """What a piece costs at each exit, in stretches as long as the windows trained on, each after the end token."""
    start, nats = torch.tensor([end_id(tokenizer)]), [0.0] * loops
    for part in torch.tensor(tokenizer.encode(piece.text)).split(SAMPLE_TOKENS):
        for i, state in enumerate(full_forward(weights, torch.cat((start, part[:-1]))[None], loops)):
            nats[i] += F.cross_entropy(logits(weights, state[0]), part, reduction="sum").item()
    return [each / math.log(2) for each in nats]


def shape_of(spec: RunSpec) -> dict[str, Any]:
    """The shape without what the number of loops changes."""
    return asdict(replace(spec.config, loop=replace(spec.config.loop, num_loops=1)))


def check_matched(results: dict[str, Any]) -> None:
    """The gate: the runs differ in their loops alone."""
    for one, other in pairwise(results.values()):
        for name in ("tokens", "bytes"):
            assert one[name] == other[name], f"{name}: {one[name]} and {other[name]}"
        assert json.dumps(one["shape"]) == json.dumps(other["shape"]), (one["shape"], other["shape"])
        options = [{k: v for k, v in x["options"].items() if k not in ("loops", "exit_weights")} for x in (one, other)]
        assert options[0] == options[1], options


def table(results: dict[str, Any]) -> str:
    """Quality by loop count, then the figures loop by loop."""
    lines = [
        "| | " + " | ".join(f"R = {r}" for r in results) + " |",
        "|---" * (len(results) + 1) + "|",
        row("bits per byte of held-out code", [shown(of(found)) for found in results.values()]),
    ]
    first, before = next(iter(results.values()), None), None
    against_first, against_before = [], []
    for found in results.values():
        against_first.append("–" if found is first else shown(difference(found, first), signed=True))
        against_before.append("–" if before is None else shown(difference(found, before), signed=True))
        before = found
    lines += [
        row("less the first column's, paired", against_first),
        row("less the column's before, paired", against_before),
        row("training loss, nats per token, last 200 steps", [f"{x['training_loss']:.4f}" for x in results.values()]),
        row("tokens/s while training", [f"{x['tokens_per_second']:,}" for x in results.values()]),
        row("what `diagnose` says", [x["verdict"] for x in results.values()]),
    ]
    for name in SHOWN:
        kind = KINDS[name]
        cells = [", ".join(number(v["mean"]) for v in x["figures"].get(name, {}).values()) for x in results.values()]
        lines.append(row(f"{kind.title} ({kind.unit}), loop by loop", [cell or "–" for cell in cells]))
    return "\n".join(lines)


def of(found: dict[str, Any]) -> Interval:
    return bootstrap(found["bits"], found["bytes"], SEED)


def difference(found: dict[str, Any], other: dict[str, Any]) -> Interval:
    return paired_difference(found["bits"], other["bits"], found["bytes"], SEED)


def shown(interval: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{interval.mean:{sign}.4f} [{interval.low:{sign}.4f}, {interval.high:{sign}.4f}]"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def row(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"

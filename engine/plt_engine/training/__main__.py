"""The recipe's commands, `python -m plt_engine.training data|train|export`: words in, one call each.

It does not know how any of them works.
"""

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import torch

from plt_engine.errors import EngineError
from plt_engine.pack import TOKENIZER_FILE, find_pack, load_pack
from plt_engine.pack_manifest import WeightFormat
from plt_engine.training import run
from plt_engine.training.card import CardRecords, card, curves
from plt_engine.training.corpus import REPORT_FILE, WINDOWS_FILE, CorpusOptions, build_corpus
from plt_engine.training.export import CARD_FILE, CURVES_FILE, ExportOptions, export_run
from plt_engine.training.manifest import ManifestError
from plt_engine.training.options import TrainOptions
from plt_engine.training.trainer import StepReport, Trainer
from plt_engine.training.vocabulary import VOCAB_SIZE

TUNABLE = (
    "learning_rate",
    "loop_rate_factor",
    "rows_per_step",
    "rows_per_pass",
    "warmup_steps",
    "decay_steps",
    "int4_steps",
    "window_left",
)


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 where it succeeded, 1 with one message where not, 2 for words that make no command."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except (EngineError, ManifestError, run.RunError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m plt_engine.training", description="Rerun the model's recipe.")
    commands = parser.add_subparsers(required=True)
    data = commands.add_parser("data", help="fetch the manifest's packages and write training windows")
    data.add_argument("--base", default="smollm2-135m", help="pack whose tokenizer is cut")
    data.add_argument("--downloads", type=Path, required=True)
    data.add_argument("--out", type=Path, required=True)
    data.add_argument("--window-tokens", type=int, default=512)
    data.add_argument("--vocab-size", type=int, default=VOCAB_SIZE, help="tokens of the base that are kept")
    data.add_argument("--seed", type=int, default=0)
    data.add_argument(
        "--replay-tokens", type=int, default=0, help="conversations to have the base write, 5 % of the mix"
    )
    data.set_defaults(command=_data)
    train = commands.add_parser("train", help="start a run, or continue the one in the folder")
    train.add_argument("run", type=Path)
    train.add_argument("--data", type=Path, help="folder that the data command wrote")
    train.add_argument(
        "--start",
        default="smollm2-135m",
        help="pack, folder of another run, or a JSON file with the keys of a config.json, for random weights",
    )
    train.add_argument(
        "--stages",
        type=Path,
        help="JSON file of stages, trained in turn in folders of their names inside the run's, each from the one "
        "before; options given beside it hold for every stage",
    )
    train.add_argument("--loops", type=int)
    train.add_argument("--exit-weights", type=float, nargs="+")
    train.add_argument("--steps", type=int)
    for name in TUNABLE:
        kind = float if name in ("learning_rate", "loop_rate_factor") else int
        train.add_argument("--" + name.replace("_", "-"), type=kind)
    train.add_argument(
        "--bfloat16",
        action=argparse.BooleanOptionalAction,
        default=torch.cpu._is_amx_tile_supported(),
        help="forward pass in bfloat16; by itself where the CPU has AMX, since others multiply float32 faster",
    )
    train.set_defaults(command=_train)
    export = commands.add_parser("export", help="write the newest checkpoint of a run as a model pack")
    export.add_argument("run", type=Path)
    export.add_argument("out", type=Path, help="the pack's folder")
    export.add_argument("--base", default="smollm2-135m", help="pack that the run started from")
    export.add_argument("--name", default="plt-coder-115m")
    export.add_argument("--title", default="PLT Coder 115M")
    export.add_argument("--weights", choices=("int4", "bfloat16"), default="int4")
    export.add_argument(
        "--rounding-windows",
        type=int,
        default=0,
        help="choose int4 by what the layers make of so many of the run's windows (GPTQ); 0 rounds to the nearest, "
        "for a run whose last steps were trained on rounded weights",
    )
    export.add_argument("--data", type=Path, help="folder that the data command wrote, for the model card")
    export.add_argument("--table", type=Path, help="the evaluation's Markdown table, for the model card")
    export.add_argument("--note", action="append", default=[], help="a paragraph for the model card, above its figures")
    export.set_defaults(command=_export)
    return parser


def _data(arguments: argparse.Namespace) -> int:
    options = CorpusOptions(
        downloads=arguments.downloads,
        out=arguments.out,
        window_tokens=arguments.window_tokens,
        vocab_size=arguments.vocab_size,
        seed=arguments.seed,
        base=find_pack(arguments.base) if arguments.replay_tokens > 0 else None,
        replay_tokens=arguments.replay_tokens,
    )
    report = build_corpus(options, _tokenizer_of(arguments.base))
    sys.stdout.write(json.dumps({key: report[key] for key in ("windows", "tokens", "files", "seed")}) + "\n")
    return 0


def _tokenizer_of(base: str) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads((find_pack(base) / TOKENIZER_FILE).read_bytes())
    return document


def _train(arguments: argparse.Namespace) -> int:
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, frame: stopping.append(received))
    start = Path(arguments.start)
    for name, options in _stages(arguments):
        folder = arguments.run / name
        trainer = (
            run.resume(folder, arguments.steps)
            if (folder / run.RUN_FILE).exists()
            else _begin(folder, start, arguments.data, options)
        )
        run.train(trainer, lambda: bool(stopping), _say)
        if stopping:
            break
        start = folder
    return 0


def _stages(arguments: argparse.Namespace) -> list[tuple[str, TrainOptions]]:
    stages = run.read_stages(arguments.stages) if arguments.stages is not None else [("", {})]
    return [(name, _options(arguments, stage)) for name, stage in stages]


def _begin(folder: Path, start: Path, data: Path | None, options: TrainOptions) -> Trainer:
    if data is None:
        raise run.RunError(f"{folder} holds no run yet; name the folder of its windows with --data.")
    if start.suffix != ".json" and not (start / run.RUN_FILE).exists():
        start = find_pack(str(start))
    return run.begin(folder, data / WINDOWS_FILE, start, options)


def _options(arguments: argparse.Namespace, stage: Mapping[str, Any]) -> TrainOptions:
    named = {item.name for item in fields(TrainOptions)}
    unknown = sorted(stage.keys() - named)
    if unknown:
        raise run.RunError(f"{arguments.stages} names {unknown[0]!r}, which is no option; give {sorted(named)}.")
    given = {name: value for name, value in vars(arguments).items() if name in named and value is not None}
    merged: dict[str, Any] = {**stage, **given}
    loops = merged.get("loops", 1)
    weights = merged.get("exit_weights", [1 / loops] * loops)
    try:
        return TrainOptions(**{**merged, "exit_weights": tuple(weights)})
    except ValueError as error:
        raise run.RunError(f"{error}.") from None


def _export(arguments: argparse.Namespace) -> int:
    options = ExportOptions(
        arguments.name,
        arguments.title,
        find_pack(arguments.base),
        WeightFormat(arguments.weights),
        arguments.rounding_windows,
        documents=_documents(arguments) if arguments.data is not None else {},
    )
    pack = export_run(arguments.run, arguments.out, options, {})
    num_bytes = sum((pack.folder / name).stat().st_size for name in pack.manifest.files)
    sys.stdout.write(f"{pack.folder}  {num_bytes / 1e6:.1f} MB\n")
    return 0


def _documents(arguments: argparse.Namespace) -> dict[str, str]:
    base = load_pack(find_pack(arguments.base)).manifest
    log = run.read_log(arguments.run)
    corpus = json.loads((arguments.data / REPORT_FILE).read_text(encoding="utf-8"))
    table = arguments.table.read_text(encoding="utf-8") if arguments.table is not None else None
    earlier = run.read_spec(arguments.run).tokens_before(1)
    records = CardRecords(arguments.title, base.license, base.title, corpus, log, table, arguments.note, earlier)
    return {CARD_FILE: card(records, CURVES_FILE), CURVES_FILE: curves(log)}


def _say(report: StepReport) -> None:
    losses = " ".join(f"{loss:.3f}" for loss in report.losses)
    sys.stdout.write(
        f"step {report.step}  tokens {report.tokens}  loss {losses}  norm {report.grad_norm:.2f}  "
        f"rate {report.learning_rate:.2e}  {report.tokens_per_second:.0f} tokens/s\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

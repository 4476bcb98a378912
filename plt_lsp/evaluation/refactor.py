"""`plt-lsp eval refactor PACK`: run every written refactoring with the real engine, and have the shares reported.

The figures come from `plt_engine.evaluation`, in a process of its own; nothing here loads a model.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from plt_engine.errors import EngineError, HostError, PackError
from plt_engine.pack import find_pack
from plt_engine.relatives import pack_fingerprint
from plt_engine.wire import EngineConfig, OptionValue
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_command import run_in_engine
from plt_lsp.engine_process import HostCommand
from plt_lsp.evaluation.refactor_cases import RefactorCase, draw, held_out, shipped, to_json, written
from plt_lsp.evaluation.words import passed_on, positive
from plt_lsp.refactor.written.kinds import NAMES

EXIT_USAGE, EXIT_FAILED = 2, 1
PASSED_ON = ("write_evidence", "json", "markdown")

Advance = Callable[[str], None]


def main(args: list[str]) -> int:
    """Draw, run and report; returns the report's exit code, 1 where the model fails, 2 for words that do not hold."""
    options = _parser().parse_args(args)
    try:
        sources = shipped() if options.held_out is None else held_out(options.held_out)
        cases = draw(sources, options.kinds or NAMES, options.cases, options.seed)
        config = _config(options)
    except (OSError, ValueError, PackError) as error:
        return _complain(str(error), EXIT_USAGE)
    try:
        results = asyncio.run(_run_shown(cases, config, HostCommand(engine_factory=options.engine_factory)))
    except EngineError as error:
        return _complain(str(error), EXIT_FAILED)
    settings = {"seed": options.seed, "code": "shipped" if options.held_out is None else options.held_out.name}
    with TemporaryDirectory(prefix="plt-lsp-eval-") as folder:
        path = Path(folder) / "results.json"
        path.write_text(written(results, settings), encoding="utf-8")
        words = [options.pack, "--results", str(path), "--seed", str(options.seed), *passed_on(options, PASSED_ON)]
        return run_in_engine("plt_engine.evaluation.refactor_cli", words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plt-lsp eval refactor",
        allow_abbrev=False,
        description="Measure how many of the refactorings that a model writes pass every check, at once and after one "
        "repair.",
    )
    parser.add_argument("pack", metavar="PACK", help="a pack's name or the path of its folder")
    parser.add_argument("--held-out", type=Path, metavar="FILE", help="files, as the data command wrote them")
    parser.add_argument("--cases", type=positive, default=20, metavar="N", help="cases of each kind")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--seed", type=int, default=0, help="draws the cases and the bootstrap samples")
    parser.add_argument("--threads", type=positive, help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and results here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    parser.add_argument(
        "--write-evidence",
        action="store_true",
        help="put the shares into the user's copy of pack.json: what holds in fewer than half of the cases is off then",
    )
    parser.add_argument("--engine-factory", help=argparse.SUPPRESS)
    return parser


def _config(options: argparse.Namespace) -> EngineConfig:
    folder = find_pack(options.pack)
    own: dict[str, OptionValue] = {} if options.threads is None else {"num_threads": options.threads}
    return EngineConfig(str(folder.absolute()), own, pack_fingerprint(folder))


async def _run_shown(
    cases: Sequence[RefactorCase], config: EngineConfig, command: HostCommand
) -> list[Mapping[str, object]]:
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True)) as progress:
        task = progress.add_task("writing", total=len(cases))
        return await run_cases(cases, config, command, lambda kind: progress.update(task, advance=1, description=kind))


async def run_cases(
    cases: Sequence[RefactorCase], config: EngineConfig, command: HostCommand, advance: Advance
) -> list[Mapping[str, object]]:
    """What comes of each case, by an engine in a process of its own.

    Raises:
        EngineError: the engine cannot be used at all.
    """
    engine = EngineClient(command)
    results = []
    try:
        await engine.load(config)
        for i, case in enumerate(cases):
            writing = case.writing(i)
            await writing.run(engine, lambda: config, _ignore)
            if writing.outcome == "failed":
                raise HostError(f"{case.kind} of {case.name}: {writing.refusal}")
            results.append(to_json(case, writing))
            advance(case.kind)
    finally:
        await engine.close()
    return results


def _ignore() -> None:
    """Nobody watches a text grow here."""


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"plt-lsp eval refactor: {message}\n")
    return code

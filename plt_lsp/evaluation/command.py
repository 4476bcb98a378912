"""`plt-lsp eval PACK --repository`: draw cases from real packages, and have the engine measure a pack on them.

The figures come from `plt_engine.evaluation`, in a process of its own; nothing here loads a model.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from plt_engine.types import RepositoryCase
from plt_lsp.engine_command import run_in_engine
from plt_lsp.evaluation.drawing import draw
from plt_lsp.evaluation.others import prompt_with_others
from plt_lsp.evaluation.words import passed_on, positive
from plt_lsp.evaluation.workspaces import Workspace, indexed, packages_in, unpacked
from plt_lsp.settings import Settings

EXIT_USAGE = 2
PASSED_ON = ("loops", "force_loops", "threads", "json", "markdown")


def main(args: list[str]) -> int:
    """Draw and measure; returns the engine's exit code, or 2 for words that make no command."""
    options = _parser().parse_args(args)
    if (options.repository is None) == (options.held_out is None):
        return _complain("name one: --repository DIR, or --repository with --held-out FILE", EXIT_USAGE)
    try:
        cases = list(_draw_all(options))
    except (OSError, ValueError) as error:
        return _complain(f"{options.repository or options.held_out}: {error}", EXIT_USAGE)
    with TemporaryDirectory(prefix="plt-lsp-eval-") as folder:
        drawn = Path(folder) / "cases.json" if options.drawn is None else options.drawn
        data = {"settings": _settings(options, cases), "cases": [asdict(case) for case in cases]}
        drawn.write_bytes(orjson.dumps(data))
        words = [options.pack, "--drawn", str(drawn), "--seed", str(options.seed), *passed_on(options, PASSED_ON)]
        return run_in_engine("plt_engine.evaluation.repository_cli", words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plt-lsp eval --repository",
        allow_abbrev=False,
        description="Measure what other files of a repository do for a model pack: lines that use a name which another "
        "file of the same package defines, completed with the file alone and with other files.",
    )
    parser.add_argument("pack", metavar="PACK", help="a pack's name or the path of its folder")
    parser.add_argument("--repository", type=Path, nargs="?", metavar="DIR", help="the repository, as one package")
    parser.add_argument("--held-out", type=Path, metavar="FILE", help="packages, as the data command wrote them")
    parser.add_argument("--cases", type=positive, default=300, metavar="N", help="lines to complete in all")
    parser.add_argument("--seed", type=int, default=0, help="draws the cases and the bootstrap samples")
    parser.add_argument("--drawn", type=Path, metavar="FILE", help="keep the cases with their prompts here")
    parser.add_argument("--loops", type=int, nargs="+", metavar="R", help="loop counts; all that the pack supports")
    parser.add_argument("--force-loops", action="store_true", help="measure loop counts that have no evidence, too")
    parser.add_argument("--threads", type=positive, help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and samples here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    return parser


def _draw_all(options: argparse.Namespace) -> Iterator[RepositoryCase]:
    """The cases, as many of each package as of any other as far as they have them."""
    packages = _packages(options)
    left = options.cases
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*shown, console=Console(stderr=True)) as progress:
        task = progress.add_task("drawing cases", total=options.cases)
        for i, package in enumerate(packages):
            with package as workspace:
                quota = -(-left // (len(packages) - i))
                for case in draw(workspace, quota, options.seed, prompt_with_others, Settings()):
                    left -= 1
                    progress.advance(task)
                    yield case


def _packages(options: argparse.Namespace) -> list[AbstractContextManager[Workspace]]:
    if options.held_out is not None:
        return [unpacked(name, texts) for name, texts in sorted(packages_in(options.held_out).items())]
    if not options.repository.is_dir():
        raise ValueError("there is no such folder")
    return [indexed(options.repository.resolve().name, options.repository)]


def _settings(options: argparse.Namespace, cases: list[RepositoryCase]) -> dict[str, object]:
    """What the figures are to be read with."""
    context = Settings().context
    return {
        "seed": options.seed,
        "cases": len(cases),
        "packages": len({case.package for case in cases}),
        "cases_with_chunks": sum(bool(case.with_others.chunks) for case in cases),
        **asdict(context),
    }


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"plt-lsp eval: {message}\n")
    return code

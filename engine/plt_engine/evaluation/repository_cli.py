"""The second half of `plt-lsp eval PACK --repository`: measure a pack on cases that are drawn, and print a table.

It turns words into calls and does not know how anything is drawn or measured.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import EngineError
from plt_engine.evaluation.arms import bar, loop_counts, publish
from plt_engine.evaluation.report import to_markdown
from plt_engine.evaluation.repository import Pair, RepositoryCases, complete_cases, pair_figures, read_cases, to_json
from plt_engine.pack import find_pack, load_pack


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 where it succeeded, 1 with one message where not."""
    arguments = _parser().parse_args(argv)
    try:
        return _evaluate(arguments)
    except EngineError as error:
        sys.stderr.write(f"plt-lsp: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plt-lsp eval --repository", description="Measure a pack on drawn cases.")
    parser.add_argument("pack", metavar="PACK", help="a pack's name or the path of its folder")
    parser.add_argument("--drawn", type=Path, required=True, metavar="FILE", help="the cases")
    parser.add_argument("--loops", type=int, nargs="+", metavar="R", help="loop counts; all that the pack supports")
    parser.add_argument("--force-loops", action="store_true", help="measure loop counts that have no evidence, too")
    parser.add_argument("--seed", type=int, default=0, help="draws the bootstrap samples")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and samples here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    return parser


def _evaluate(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(arguments.threads)
    drawn, folder = read_cases(arguments.drawn), find_pack(arguments.pack)
    counts = loop_counts(folder, arguments.loops, is_forced=arguments.force_loops)
    pairs = [_measure(folder, loops, drawn, arguments.threads) for loops in counts]
    found = pair_figures(pairs, arguments.seed)
    table = to_markdown(drawn.settings, found)
    publish(table, to_json(drawn.settings, found, pairs), arguments.json, arguments.markdown)
    return 0


def _measure(folder: Path, loops: int, drawn: RepositoryCases, threads: int) -> Pair:
    manifest = load_pack(folder).manifest
    is_forced = loops not in manifest.loop_counts
    name = f"{manifest.name} R={loops}{' (FORCED)' if is_forced else ''}"
    engine = Engine.load(folder, EngineOptions(num_threads=threads, force_loops=is_forced))
    with bar(name, len(drawn.cases)) as advance:
        return complete_cases(engine, name, drawn.cases, loops, advance)


if __name__ == "__main__":
    sys.exit(main())

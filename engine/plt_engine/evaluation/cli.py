"""`plt-lsp eval PACK`: measure packs on held-out code and print a table; JSON and Markdown go to files.

It turns words into calls and does not know how anything is measured.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from plt_engine.calibrate import judge, name_of, with_evidence, write_manifest
from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import EngineError, RequestError
from plt_engine.evaluation.arms import bar, loop_counts, publish
from plt_engine.evaluation.cases import CaseCounts, Cases, draw_cases
from plt_engine.evaluation.measure import complete_lines, fill_blocks, score_pieces, score_replay
from plt_engine.evaluation.report import (
    Arm,
    ArmScores,
    arm_of,
    figures,
    first_arm_of,
    measured_of,
    to_json,
    to_markdown,
)
from plt_engine.pack import data_dir, find_pack, load_pack
from plt_engine.training.corpus import held_out_files, read_files
from plt_engine.training.manifest import ManifestError, read_manifest
from plt_engine.training.replay import Exchange, is_held_out, read_replay
from plt_engine.training.sources import SourceFile


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 where it succeeded, 1 with one message where not."""
    arguments = _parser().parse_args(argv)
    try:
        return _evaluate(arguments)
    except (EngineError, ManifestError) as error:
        sys.stderr.write(f"plt-lsp: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plt-lsp eval",
        description="Measure a model pack on held-out code.",
        epilog="`plt-lsp eval PACK --repository` measures what other files of a repository do for it; "
        "`plt-lsp eval refactor PACK` how many of its refactorings hold; `plt-lsp eval --repository --help` and "
        "`plt-lsp eval refactor --help` say more.",
    )
    parser.add_argument("pack", metavar="PACK", help="a pack's name or the path of its folder")
    parser.add_argument("--loops", type=int, nargs="+", metavar="R", help="loop counts; all that the pack supports")
    parser.add_argument("--force-loops", action="store_true", help="measure loop counts that have no evidence, too")
    parser.add_argument(
        "--against",
        metavar="PACK|FILE.json",
        help="pack to compare with at its default loop count, or --json file of an evaluation whose first pack it is",
    )
    parser.add_argument("--held-out", type=Path, metavar="FILE", help="held-out files as the data command wrote them")
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="the base's conversations, as the data command wrote them"
    )
    parser.add_argument("--pieces", type=int, default=200, help="stretches of code for bits per byte")
    parser.add_argument("--cursors", type=int, default=300, help="cursors for single-line completion")
    parser.add_argument("--blocks", type=int, default=60, help="block bodies to fill in")
    parser.add_argument("--seed", type=int, default=0, help="draws the cases and the bootstrap samples")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and samples here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    parser.add_argument(
        "--write-evidence", action="store_true", help="put bits per byte and exact lines into the pack's pack.json"
    )
    return parser


def _evaluate(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(arguments.threads)
    counts = CaseCounts(arguments.pieces, arguments.cursors, arguments.blocks)
    files = _files(arguments.held_out)
    settings = {name: getattr(arguments, name) for name in ("seed", "pieces", "cursors", "blocks")}
    settings["held_out_chars"] = sum(len(file.text) for file in files)
    known = _known_arm(arguments.against, settings)
    packs = _packs(arguments)
    cases = draw_cases(files, counts, arguments.seed)
    replay = [item for item in read_replay(arguments.replay) if is_held_out(item)] if arguments.replay else []
    if arguments.write_evidence:
        _check_evidence(packs)
    scores = [_measure(folder, loops, cases, replay, arguments.threads) for folder, loops in packs]
    arms = [*known, *map(arm_of, scores)]
    found = figures(arms, arguments.seed)
    table = to_markdown(settings, found)
    publish(table, to_json(settings, found, arms, scores), arguments.json, arguments.markdown)
    if arguments.write_evidence:
        _write_evidence(packs, scores, name_of("held-out code", (cases.pieces, cases.cursors)))
    return 0


def _check_evidence(packs: Sequence[tuple[Path, int]]) -> None:
    folder, _ = packs[-1]
    default = load_pack(folder).manifest.default_loops
    if (folder, default) not in packs:
        raise RequestError(f"--write-evidence compares with the pack's default, {default}; give it to --loops, too.")


def _write_evidence(packs: Sequence[tuple[Path, int]], scores: Sequence[ArmScores], sample: str) -> None:
    pack = load_pack(packs[-1][0])
    own = [measured_of(one) for (folder, _), one in zip(packs, scores, strict=True) if folder == pack.folder]
    folder = write_manifest(pack, with_evidence(pack.manifest, judge(own, pack.manifest), sample)).folder
    sys.stdout.write(f"The figures stand in {folder / 'pack.json'} now.\n")


def _known_arm(against: str | None, settings: Mapping[str, object]) -> list[Arm]:
    """The arm to compare with, where it was measured before."""
    if against is None or not against.endswith(".json"):
        return []
    try:
        raw = json.loads(Path(against).read_text(encoding="utf-8"))
        return [first_arm_of(raw, settings, against)]
    except (OSError, json.JSONDecodeError, KeyError, TypeError, IndexError) as error:
        raise RequestError(f"{against} is no evaluation that --json wrote: {error!r}.") from None


def _packs(arguments: argparse.Namespace) -> list[tuple[Path, int]]:
    """Folder and loop count of every pack to measure, the one to compare with first."""
    folder = find_pack(arguments.pack)
    counts = loop_counts(folder, arguments.loops, is_forced=arguments.force_loops)
    packs = [(folder, loops) for loops in counts]
    if arguments.against is None or arguments.against.endswith(".json"):
        return packs
    other = find_pack(arguments.against)
    return [(other, load_pack(other).manifest.default_loops), *packs]


def _files(held_out: Path | None) -> list[SourceFile]:
    if held_out is not None:
        return read_files(held_out)
    return list(held_out_files(read_manifest(), data_dir() / "downloads"))


def _measure(folder: Path, loops: int, cases: Cases, replay: Sequence[Exchange], threads: int) -> ArmScores:
    manifest = load_pack(folder).manifest
    is_forced = loops not in manifest.loop_counts
    name = f"{manifest.name} R={loops}{' (FORCED)' if is_forced else ''}"
    options = EngineOptions(num_threads=threads, max_context_tokens=2048, force_loops=is_forced)
    engine = Engine.load(folder, options)
    steps = len(cases.pieces) + 2 * len(cases.cursors) + len(cases.blocks) + len(replay)
    with bar(name, steps) as advance:
        return ArmScores(
            name=name,
            loops=loops,
            with_suffix=tuple(complete_lines(engine, cases.cursors, loops, True, advance)),
            without_suffix=tuple(complete_lines(engine, cases.cursors, loops, False, advance)),
            blocks=tuple(fill_blocks(engine, cases.blocks, loops, advance)),
            pieces=tuple(score_pieces(folder, cases.pieces, loops, advance)),
            replay=tuple(score_replay(folder, replay, loops, advance)),
        )


if __name__ == "__main__":
    sys.exit(main())

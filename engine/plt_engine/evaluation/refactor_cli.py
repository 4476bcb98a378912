"""The second half of `plt-lsp eval refactor PACK`: print the shares, and write them into the pack where asked to.

It turns words into calls and runs no model.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from plt_engine.calibrate import write_manifest
from plt_engine.errors import EngineError
from plt_engine.evaluation.arms import publish
from plt_engine.evaluation.refactor import evidence_of, result_of, shares, to_json, to_markdown
from plt_engine.pack import find_pack, load_pack


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 where it succeeded, 1 with one message where not."""
    arguments = _parser().parse_args(argv)
    try:
        return _report(arguments)
    except (EngineError, OSError) as error:
        sys.stderr.write(f"plt-lsp: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plt-lsp eval refactor", description="Report refactorings that were run.")
    parser.add_argument("pack", metavar="PACK", help="a pack's name or the path of its folder")
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="what came of each case")
    parser.add_argument("--seed", type=int, default=0, help="draws the bootstrap samples")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and results here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    parser.add_argument("--write-evidence", action="store_true", help="put the shares into the pack's pack.json")
    return parser


def _report(arguments: argparse.Namespace) -> int:
    pack = load_pack(find_pack(arguments.pack))
    raw = json.loads(arguments.results.read_text(encoding="utf-8"))
    settings = {"pack": pack.manifest.name, **raw["settings"]}
    found = shares([result_of(one) for one in raw["results"]], arguments.seed)
    table = to_markdown(settings, found)
    publish(table, to_json(settings, found, raw["results"]), arguments.json, arguments.markdown)
    if arguments.write_evidence:
        evidence = {**pack.manifest.refactor_evidence, **evidence_of(found)}
        folder = write_manifest(pack, replace(pack.manifest, refactor_evidence=evidence)).folder
        sys.stdout.write(f"The shares stand in {folder / 'pack.json'} now.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Applies exact refactorings to installed modules and runs the modules' own tests or doctests before and after.

The gate: nothing that was applied breaks a test. Only functions that the tests call are changed, each in a copy of its
module in a temporary folder, one change at a time; what is refused is counted by its reason.
"""

import argparse
import ast
import importlib.util
import json
import random
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plt_lsp.documents import split_lines
from plt_lsp.refactor.exact import api
from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scopes
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import Offer, RefusedError
from tests.lsp.refactor_cases import applied, selection_at

RUNNER = Path(__file__).with_name("refactor_runner.py")
TIMEOUT_S = 180
MAX_TRIES = 6

# Modules of the standard library with their tests, and of installed packages with their doctests.
MODULES = {
    **{name: f"test.test_{name}" for name in ("textwrap", "shlex", "bisect", "colorsys", "calendar", "graphlib")},
    **{name: f"test.test_{name}" for name in ("reprlib", "string", "fnmatch", "base64", "getopt", "netrc", "sched")},
    **{name: f"test.test_{name}" for name in ("quopri", "pprint", "fractions", "difflib", "ipaddress", "filecmp")},
    **{name: f"test.test_{name}" for name in ("html", "csv", "optparse", "plistlib", "configparser", "tabnanny")},
    "html.parser": "test.test_htmlparser",
    "urllib.parse": "test.test_urlparse",
    "http.cookies": "test.test_http_cookies",
    "packaging.version": "doctest",
    "mpmath.matrices.matrices": "doctest",
    "networkx.algorithms.cycles": "doctest",
    "statistics": "doctest",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A place where a refactoring is tried; `name` is for what it names."""

    kind: str
    start: int
    end: int
    name: str | None = None


@dataclass
class Outcome:
    """What came of the attempts on one module or on all."""

    applied: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        self.applied += other.applied
        self.refused += other.refused
        self.broken += other.broken


def text_of(module: str) -> str:
    """The source of a module, or nothing for `doctest`."""
    spec = importlib.util.find_spec(module) if module != "doctest" else None
    return Path(spec.origin).read_text(encoding="utf-8") if spec is not None and spec.origin is not None else ""


def run_check(module: str, path: Path, check: str, profile: str = "") -> dict[str, object]:
    """How many tests ran, which failed and what they called."""
    command = [sys.executable, str(RUNNER), module, str(path), check, profile]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=path.parent)
    if done.returncode:
        return {"tests": 0, "failed": [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "died"]}
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def study(module: str, check: str, per_kind: int, seed: int) -> Outcome | None:
    """Refactor one module in so many places of each kind; None where its tests do not pass as it is."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        path = root / Path(spec.origin).name
        path.write_text(text, encoding="utf-8")
        before = run_check(module, path, check, "calls")
        if before["failed"] or not before["tests"]:
            return None
        lines = before["called"]
        assert isinstance(lines, list)
        for sites in by_kind(text, text_of(check), frozenset(lines), random.Random(f"{seed} {module}")):
            for site, changed in _changes(text, path, sites, per_kind, outcome):
                path.write_text(changed, encoding="utf-8")
                after = run_check(module, path, check)
                if (after["tests"], after["failed"]) != (before["tests"], before["failed"]):
                    row = text.count("\n", 0, site.start) + 1
                    outcome.broken.append(f"{site.kind} at line {row} of {module}: {after['failed']}")
                path.write_text(text, encoding="utf-8")
    return outcome


def _changes(
    text: str, path: Path, sites: Sequence[Site], per_kind: int, outcome: Outcome
) -> Iterator[tuple[Site, str]]:
    """The texts after each refactoring that is not refused, up to so many."""
    num_done = 0
    for site in sites[: MAX_TRIES * per_kind]:
        if num_done == per_kind:
            return
        try:
            changed = refactored(text, path, site)
        except RefusedError as error:
            outcome.refused[site.kind, re.sub(r"`[^`]*`", "`…`", re.sub(r"\d+", "N", str(error)))] += 1
            continue
        num_done += 1
        outcome.applied[site.kind] += 1
        yield site, changed


def refactored(text: str, path: Path, site: Site) -> str:
    """The text after one refactoring."""
    selection = selection_at(text, site.start, site.end, path)
    workspace = api.Workspace(None)
    if site.kind == "rename":
        proposal = api.rename(selection, "renamed_here", workspace)
    else:
        proposal = api.propose(selection, Offer(site.kind, "", ""), site.name, workspace)
    assert len(proposal.changes) == 1
    return applied(text, proposal.changes[0])


def by_kind(text: str, callers: str, called: frozenset[int], chance: random.Random) -> Iterator[list[Site]]:
    """Places to try in the functions that are called, by kind, in an order left to chance."""
    source = Source(split_lines(text))
    functions = [one for one in ast.walk(source.tree) if isinstance(one, FUNCTIONS) and _first_line(one) in called]
    sites = [site for one in functions for site in _sites_in(source, one, chance)]
    sites += [Site("rename", source.start(node), source.start(node)) for node in _locals(source, functions, callers)]
    sites.append(Site("organizeImports", 0, 0))
    for kind in sorted({site.kind for site in sites}):
        found = [site for site in sites if site.kind == kind]
        chance.shuffle(found)
        yield found


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _sites_in(source: Source, function: ast.AST, chance: random.Random) -> Iterator[Site]:
    names = [one.id for one in ast.walk(function) if isinstance(one, ast.Name)]
    for node in ast.walk(function):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if isinstance(body, list) and body:
                first = chance.randrange(len(body))
                last = chance.randrange(first, min(len(body), first + 4))
                is_method = isinstance(source.parents[function], ast.ClassDef)
                for kind in ("extractFunction", "extractMethod") if is_method else ("extractFunction",):
                    yield Site(kind, source.start(body[first]), source.end(body[last]))
        if isinstance(node, ast.Call | ast.BinOp | ast.Subscript | ast.Attribute | ast.Compare | ast.Constant):
            if any(isinstance(one, ast.JoinedStr) for one in (node, *source.above(node))):
                continue
            yield Site("extractVariable", source.start(node), source.end(node))
            if chance.random() < 0.2:
                yield Site("extractFunction", source.start(node), source.end(node))
            if isinstance(node, ast.Call | ast.BinOp) and _builds_text(node):
                yield Site("convertToFString", source.start(node), source.start(node))
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and names.count(node.targets[0].id) < 4
        ):
            node = node.targets[0]
            yield Site("inlineVariable", source.start(node), source.end(node))


def _builds_text(node: ast.Call | ast.BinOp) -> bool:
    if isinstance(node, ast.BinOp):
        left = node.left if isinstance(node.op, ast.Mod | ast.Add) else None
    else:
        left = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "format" else None
    return isinstance(left, ast.Constant) and isinstance(left.value, str)


def _locals(source: Source, functions: Sequence[ast.AST], callers: str) -> list[ast.AST]:
    """Variables of the functions, none of a name that anything is passed by: an argument may be, by the tests too."""
    scopes, found = Scopes(source.tree), list[ast.AST]()
    inside = {id(scopes.of_node[one]) for one in functions}
    for use in scopes.uses:
        is_passed = re.search(rf"\b{use.name}=", source.text + callers) is not None
        if use.binds and id(use.scope) in inside and isinstance(use.node, ast.Name | ast.arg) and not is_passed:
            found.append(use.node)
    return found


def table(outcomes: dict[str, Outcome], total: Outcome) -> str:
    """The result as text: by module, by kind, and the reasons against."""
    lines = [f"{'module':28} applied  broken  refused"]
    for module, outcome in outcomes.items():
        refused = sum(outcome.refused.values())
        lines.append(f"{module:28} {sum(outcome.applied.values()):7}  {len(outcome.broken):6}  {refused:7}")
    lines.append(f"\n{'refactoring':28} applied  broken  refused")
    for kind in sorted({*total.applied, *(kind for kind, _ in total.refused)}):
        refused = sum(count for (one, _), count in total.refused.items() if one == kind)
        broken = sum(one.startswith(kind) for one in total.broken)
        lines.append(f"{kind:28} {total.applied[kind]:7}  {broken:6}  {refused:7}")
    all_refused = sum(total.refused.values())
    lines.append(f"{'all':28} {sum(total.applied.values()):7}  {len(total.broken):6}  {all_refused:7}\n")
    lines += [f"{count:4} {kind}: {reason}" for (kind, reason), count in total.refused.most_common()]
    return "\n".join([*lines, *(f"BROKEN {one}" for one in total.broken)])


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench refactor", description=__doc__)
    parser.add_argument("modules", nargs="*", help="of those that are known; all where none is named")
    parser.add_argument("--per-kind", type=int, default=2, help="applications of each refactoring in each module")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(args)
    warnings.simplefilter("ignore")
    total, outcomes = Outcome(), dict[str, Outcome]()
    for module in options.modules or MODULES:
        outcome = study(module, MODULES[module], options.per_kind, options.seed)
        if outcome is None:
            print(f"{module}: its tests do not pass as it is; left out", flush=True)
            continue
        outcomes[module] = outcome
        total.add(outcome)
        print(f"{module}: {sum(outcome.applied.values())} applied, {len(outcome.broken)} broken", flush=True)
    print(table(outcomes, total))
    return 1 if total.broken else 0

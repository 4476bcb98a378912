"""Shares of written refactorings that held, with intervals: from results that are there already.

It runs no model and does not know how a result was checked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plt_engine.evaluation.metrics import Interval, bootstrap
from plt_engine.types import RefactorEvidence

PROPOSED = "proposed"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case.

    Attributes:
        kind: the offer's name.
        is_kept: whether it passed every check in the end.
        is_repaired: whether that took a second try.
        fault: why it was refused, or what was wrong with the first try; empty where nothing was.
    """

    kind: str
    is_kept: bool
    is_repaired: bool
    fault: str


@dataclass(frozen=True, slots=True)
class Share:
    """The figures of one kind: the shares that held at once and in the end, each with an interval of 95 %."""

    kind: str
    num_cases: int
    num_kept: int
    at_once: Interval
    kept: Interval
    faults: tuple[tuple[str, int], ...]


def result_of(raw: Mapping[str, Any]) -> Result:
    """A result as the server's half wrote it."""
    is_kept = raw["outcome"] == PROPOSED
    fault = raw["first_fault"] if is_kept else (raw["refusal"] or raw["outcome"])
    return Result(str(raw["kind"]), is_kept, bool(raw["repairs"]), str(fault))


def shares(results: Sequence[Result], seed: int) -> tuple[Share, ...]:
    """The figures of each kind, in order of appearance."""
    return tuple(_share(kind, results, seed) for kind in dict.fromkeys(one.kind for one in results))


def _share(kind: str, results: Sequence[Result], seed: int) -> Share:
    own = [one for one in results if one.kind == kind]
    ones = [1.0] * len(own)
    at_once = bootstrap([float(one.is_kept and not one.is_repaired) for one in own], ones, seed)
    kept = bootstrap([float(one.is_kept) for one in own], ones, seed)
    faults = Counter(one.fault for one in own if one.fault)
    return Share(kind, len(own), sum(one.is_kept for one in own), at_once, kept, tuple(faults.most_common(3)))


def evidence_of(found: Sequence[Share]) -> dict[str, RefactorEvidence]:
    """What goes into a pack's manifest."""
    return {share.kind: RefactorEvidence(share.num_kept, share.num_cases) for share in found}


def to_markdown(settings: Mapping[str, Any], found: Sequence[Share]) -> str:
    """A table with a row for each kind."""
    lines = ["| refactoring | cases | valid at once | kept after repair and checks | what was wrong most often |"]
    lines.append("|---|---:|---:|---:|---|")
    for share in found:
        faults = "; ".join(f"{fault} ({count})" for fault, count in share.faults) or "–"
        lines.append(
            f"| {share.kind} | {share.num_cases} | {_cell(share.at_once)} | {_cell(share.kept)} | {_escaped(faults)} |"
        )
    notes = ", ".join(f"{key} {value}" for key, value in settings.items())
    return "\n".join([*lines, "", f"Shares with intervals of 95 % by bootstrap; {notes}.", ""])


def to_json(settings: Mapping[str, Any], found: Sequence[Share], raw: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Plain data: settings, figures, and every result."""
    return {"settings": dict(settings), "figures": [asdict(share) for share in found], "results": list(raw)}


def _cell(interval: Interval) -> str:
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

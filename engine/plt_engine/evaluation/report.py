"""From the scores of every arm to figures with intervals, and to a Markdown table.

An arm is one pack at one loop count. Nothing here runs a model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plt_engine.calibrate import Measured
from plt_engine.errors import RequestError
from plt_engine.evaluation.measure import HoleScore, PieceScore, ReplayScore
from plt_engine.evaluation.metrics import Interval, bootstrap, paired_difference

ALL = "all"
EXIT_TITLE = "bits per byte, exit"


@dataclass(frozen=True, slots=True)
class ArmScores:
    """Everything measured of one arm; all arms have the same cases in the same order."""

    name: str
    loops: int
    pieces: Sequence[PieceScore]
    with_suffix: Sequence[HoleScore]
    without_suffix: Sequence[HoleScore]
    blocks: Sequence[HoleScore]
    replay: Sequence[ReplayScore] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One figure's raw numbers: a total and a weight for each case, and the groups that each case belongs to."""

    title: str
    totals: list[float]
    weights: list[float]
    groups: list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Arm:
    """The raw numbers of one arm: all that figures and differences are made of."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one arm in one group of cases, and its difference from the reference arm on the same cases."""

    arm: str
    title: str
    group: str
    num_cases: int
    value: Interval
    difference: Interval | None


def arm_of(scores: ArmScores) -> Arm:
    """The raw numbers of what was measured."""
    return Arm(scores.name, tuple(columns(scores)))


def columns(arm: ArmScores) -> list[Column]:
    """Every figure of an arm."""
    found = [_bits(arm.pieces, i) for i in range(len(arm.pieces[0].bits))] if arm.pieces else []
    for name, scores in (("with suffix", arm.with_suffix), ("without suffix", arm.without_suffix)):
        if scores:
            found += [_of_holes(f"line {what}, {name}", scores, value) for what, value in LINE_FIGURES.items()]
    if arm.blocks:
        found.append(_of_holes("block edit similarity", arm.blocks, lambda score: score.similarity))
        parsed = [score for score in arm.blocks if score.parses is not None]
        if parsed:
            found.append(_of_holes("block parses", parsed, lambda score: score.parses or 0.0))
    if arm.replay:
        found.append(_of_replay(arm.replay))
    return found


LINE_FIGURES: Mapping[str, Callable[[HoleScore], float]] = {
    "exact match": lambda score: score.exact,
    "edit similarity": lambda score: score.similarity,
    "characters kept": lambda score: score.kept,
}


def _bits(scores: Sequence[PieceScore], i: int) -> Column:
    return Column(
        title=f"{EXIT_TITLE} {i + 1}",
        totals=[score.bits[i] for score in scores],
        weights=[float(score.num_bytes) for score in scores],
        groups=[(ALL, score.piece.file.language) for score in scores],
    )


def _of_replay(scores: Sequence[ReplayScore]) -> Column:
    return Column(
        title="bits per byte of the base's own answers",
        totals=[score.bits for score in scores],
        weights=[float(score.num_bytes) for score in scores],
        groups=[(ALL,)] * len(scores),
    )


def _of_holes(title: str, scores: Sequence[HoleScore], value: Callable[[HoleScore], float]) -> Column:
    groups: list[tuple[str, ...]] = []
    for score in scores:
        hole = score.hole
        own = (ALL, hole.file.language, hole.kind)
        groups.append(own if hole.kind in ("block", "line start") else (*own, "mid-line"))
    return Column(title, [value(score) for score in scores], [1.0] * len(scores), groups)


def measured_of(arm: ArmScores) -> Measured:
    """A loop count's evidence: bits per byte at its own exit, and lines completed exactly with what follows."""
    bits = _bits(arm.pieces, arm.loops - 1)
    exact = sum(score.exact for score in arm.with_suffix) / len(arm.with_suffix)
    return Measured(arm.loops, round(sum(bits.totals) / sum(bits.weights), 4), round(exact, 4), None)


def figures(arms: Sequence[Arm], seed: int) -> list[Figure]:
    """All figures of all arms; differences are taken from the first arm, column by column of the same title.

    An exit that the first arm lacks is compared with the first arm's last exit.
    """
    reference = {column.title: column for column in arms[0].columns}
    last_exit = [column for title, column in reference.items() if title.startswith(EXIT_TITLE)][-1:]
    found = []
    for i, arm in enumerate(arms):
        for column in arm.columns:
            is_exit = column.title.startswith(EXIT_TITLE)
            others = reference.get(column.title, last_exit[0] if last_exit and is_exit else None)
            found += _figures_of(arm.name, column, others if i > 0 else None, seed)
    return found


def _figures_of(arm: str, column: Column, others: Column | None, seed: int) -> list[Figure]:
    found = []
    for group in dict.fromkeys(group for groups in column.groups for group in groups):
        places = [i for i, groups in enumerate(column.groups) if group in groups]
        totals = [column.totals[i] for i in places]
        weights = [column.weights[i] for i in places]
        difference = None
        if others is not None:
            difference = paired_difference(totals, [others.totals[i] for i in places], weights, seed)
        value = bootstrap(totals, weights, seed)
        found.append(Figure(arm, column.title, group, len(places), value, difference))
    return found


def to_json(
    settings: Mapping[str, Any], found: Sequence[Figure], arms: Sequence[Arm], scores: Sequence[ArmScores]
) -> dict[str, Any]:
    """Plain data: settings with seeds, figures, raw numbers, and each completion beside what was wanted."""
    return {
        "settings": dict(settings),
        "figures": [asdict(figure) for figure in found],
        "arms": [asdict(arm) for arm in arms],
        "samples": {arm.name: [_sample(score) for score in (*arm.with_suffix, *arm.blocks)] for arm in scores},
    }


def first_arm_of(raw: Mapping[str, Any], settings: Mapping[str, Any], where: str) -> Arm:
    """The first arm of an evaluation that `to_json` wrote, to compare with on the same cases.

    Args:
        raw: the evaluation.
        settings: of the evaluation that it is to be compared with.
        where: the file, for the message.

    Raises:
        RequestError: it was run with other settings, so that its cases are others.
    """
    other = next((key for key in settings if raw["settings"].get(key) != settings[key]), None)
    if other is not None:
        raise RequestError(
            f"{where} was run with {other} {raw['settings'].get(other)}, this evaluation with {settings[other]}, so "
            "their cases differ; give the same."
        )
    arm = raw["arms"][0]
    found = ({**column, "groups": [tuple(groups) for groups in column["groups"]]} for column in arm["columns"])
    return Arm(arm["name"], tuple(Column(**column) for column in found))


def _sample(score: HoleScore) -> dict[str, Any]:
    hole = score.hole
    place = {"package": hole.file.package, "path": hole.file.path, "kind": hole.kind, "start": hole.start}
    return {**place, "wanted": hole.expected, "found": score.found, "parses": score.parses}


def to_markdown(settings: Mapping[str, Any], found: Sequence[Figure]) -> str:
    """One table: a row for each figure and group, a column for each arm, differences in brackets."""
    arms = list(dict.fromkeys(figure.arm for figure in found))
    rows = list(dict.fromkeys((figure.title, figure.group, figure.num_cases) for figure in found))
    cells = {(figure.title, figure.group, figure.arm): figure for figure in found}
    lines = [f"| figure | cases | {' | '.join(arms)} |", "|---|---|" + "---|" * len(arms)]
    for title, group, num_cases in rows:
        name = title if group == ALL else f"&nbsp;&nbsp;{group}"
        values = [_cell(cells.get((title, group, arm))) for arm in arms]
        lines.append(f"| {name} | {num_cases} | {' | '.join(values)} |")
    notes = ", ".join(f"{key} {value}" for key, value in settings.items())
    return "\n".join([*lines, "", f"Intervals of 95 % by paired bootstrap; {notes}.", ""])


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    text = f"{figure.value.mean:.3f} [{figure.value.low:.3f}, {figure.value.high:.3f}]"
    if figure.difference is None:
        return text
    mark = "" if figure.difference.excludes_zero else ", n.s."
    return f"{text} ({figure.difference.mean:+.3f}{mark})"

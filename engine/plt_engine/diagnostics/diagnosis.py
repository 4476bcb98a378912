"""All that a diagnosis found, as plain data, and as the JSON document that it is kept in.

It runs no model and draws nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from plt_engine.diagnostics.figures import KINDS
from plt_engine.diagnostics.summary import METHOD, Figure, LoopValue, figure_named
from plt_engine.diagnostics.verdict import Verdict, headline
from plt_engine.evaluation.metrics import Interval

FORMAT_VERSION = 1
DIGITS = 6
"""Significant digits that are written: more would differ from one CPU to the next."""


@dataclass(frozen=True, slots=True)
class About:
    """What was looked at, and how.

    Attributes:
        name: the model's.
        title: for people.
        loops: R.
        certified: the loop counts with evidence.
        lack: where R has no evidence, what is lacking, in words.
        num_layers: physical ones.
        text: where the samples came from, in words.
        num_samples: how many there were; each of `num_tokens` positions.
        seed: drew the samples, and those drawn anew.
        dtype: what the model computed in.
        is_dense: whether the model has one loop and no gates for more.
    """

    name: str
    title: str
    loops: int
    certified: tuple[int, ...]
    lack: str | None
    num_layers: int
    text: str
    num_samples: int
    num_tokens: int
    seed: int
    dtype: str
    is_dense: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know beside the verdict, in sentences."""
        dense = "The model is dense: it has no gates, so no further loop can be run." if self.is_dense else None
        research = None if self.lack is None else f"RESEARCH: {self.lack}"
        return tuple(note for note in (dense, research) if note is not None)


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token of the shown text: its losses at each exit and its shifts from loop 2 on, in nats."""

    text: str
    losses: tuple[float, ...]
    shifts: tuple[float, ...]

    @property
    def peak(self) -> int | None:
        """r*, the loop that changes its prediction most; None where there is one loop."""
        return 2 + self.shifts.index(max(self.shifts)) if self.shifts else None


@dataclass(frozen=True, slots=True)
class ShownText:
    """One sample, token by token, and where it stands."""

    file: str
    line: int
    tokens: tuple[ShownToken, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything."""

    about: About
    figures: tuple[Figure, ...]
    verdict: Verdict
    shown: ShownText

    def figure(self, name: str) -> Figure | None:
        """The figure of this name, or None where no loop has it."""
        return figure_named(self.figures, name)


def to_json(diagnosis: Diagnosis) -> bytes:
    """The document; the same diagnosis gives the same bytes."""
    about, verdict = diagnosis.about, diagnosis.verdict
    document = {
        "format_version": FORMAT_VERSION,
        "model": {"name": about.name, "title": about.title, "layers": about.num_layers, "dtype": about.dtype},
        "loops": {"measured": about.loops, "certified": about.certified, "research": about.lack},
        "text": {"source": about.text, "samples": about.num_samples, "tokens_each": about.num_tokens,
                 "seed": about.seed},
        "intervals": METHOD,
        "verdict": {
            "loops": verdict.loops,
            "sureness": verdict.sureness,
            "share": _number(verdict.share),
            "may_pay_more": verdict.may_pay_more,
            "headline": headline(verdict),
            "reasons": verdict.reasons,
            "notes": about.notes,
            "rank_changes": [_interval(change) for change in verdict.rank_changes],
            "loss_against": {str(r): _interval(change) for r, change in verdict.loss_changes.items()},
        },
        "figures": {figure.kind.name: _figure(figure) for figure in diagnosis.figures},
        "not_defined": _not_defined(diagnosis.figures),
        "shown": _shown(diagnosis.shown),
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _figure(figure: Figure) -> dict[str, Any]:
    kind = figure.kind
    return {
        "title": kind.title,
        "unit": kind.unit,
        "reading": kind.reading,
        "loops": [_loop_value(value) for value in figure.loops],
        "changes": [_loop_value(value) for value in figure.changes],
    }


def _loop_value(value: LoopValue) -> dict[str, Any]:
    layers = {"layers": [_interval(layer) for layer in value.layers]} if value.layers else {}
    return {"loop": value.loop, **_interval(value.value), **layers}


def _not_defined(found: Sequence[Figure]) -> list[str]:
    """The figures that this model has at no loop."""
    there = {figure.kind.name for figure in found}
    return [name for name in KINDS if name not in there]


def _shown(shown: ShownText) -> dict[str, Any]:
    tokens = [
        {
            "text": token.text,
            "losses": [_number(loss) for loss in token.losses],
            "shifts": [_number(shift) for shift in token.shifts],
            "peak": token.peak,
        }
        for token in shown.tokens
    ]
    return {"file": shown.file, "line": shown.line, "tokens": tokens}


def _interval(interval: Interval) -> dict[str, float]:
    return {"mean": _number(interval.mean), "low": _number(interval.low), "high": _number(interval.high)}


def _number(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")

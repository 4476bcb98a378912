"""Shapes the model's text into the text that is offered.

It knows the snapshot and the plan, and neither the engine nor the protocol; the same text always yields the same shape.
"""

from dataclasses import dataclass

from plt_engine.types import StopUnit
from plt_lsp.postprocess.repetition import Cut, cut_before_following, cut_before_rest
from plt_lsp.reasons import EmptyReason
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan


@dataclass(frozen=True, slots=True)
class Shaped:
    """The text to offer.

    Attributes:
        text: to insert at the cursor; empty where nothing is to be offered.
        is_final: whether further text from the model cannot change it.
        reason: why the text is empty, or None where it is not.
    """

    text: str
    is_final: bool = False
    reason: EmptyReason | None = None


def shape(raw: str, snapshot: Snapshot, plan: Plan) -> Shaped:
    """The text to offer for what the model has generated so far."""
    limited = _first_lines(raw.replace("\r\n", "\n"), plan.max_lines)
    cut = _cut(limited.text, snapshot, plan)
    text = cut.text.rstrip()
    is_final = limited.is_final or cut.is_final
    if text.strip():
        return Shaped(text, is_final)
    return Shaped("", is_final, EmptyReason.REPEATS_SUFFIX if limited.text.strip() else EmptyReason.BLANK)


def _cut(text: str, snapshot: Snapshot, plan: Plan) -> Cut:
    if plan.unit is StopUnit.LINE:
        return cut_before_rest(text, snapshot.line_after)
    return cut_before_following(text, snapshot.line_before, snapshot.lines[snapshot.cursor.line + 1 :])


def _first_lines(text: str, max_lines: int) -> Cut:
    """At most so many lines; blank ones at the beginning count, since they are inserted too."""
    lines = text.split("\n")
    if len(lines) <= max_lines:
        return Cut(text)
    return Cut("\n".join(lines[:max_lines]), is_final=True)

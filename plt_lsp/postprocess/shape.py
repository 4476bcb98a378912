"""Shapes the model's text into the text that is offered, with the reasons that an answer names.

It knows neither the engine nor the protocol; the same text always yields the same shape.
"""

from dataclasses import dataclass

from plt_engine.types import FinishReason
from plt_lsp.postprocess.clean import clean
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View
from plt_lsp.reasons import EmptyReason

# The model would have gone on.
BROKEN_OFF = frozenset({FinishReason.LENGTH, FinishReason.DEADLINE, FinishReason.UNSURE, FinishReason.ABORTED})


@dataclass(frozen=True, slots=True)
class Shaped:
    """The text to offer.

    Attributes:
        text: to insert at the cursor, with line feeds; empty where nothing is to be offered.
        is_final: whether further text from the model cannot change it.
        reason: why the text is empty, or None where it is not.
        changes: what else was cut or changed, in order.
    """

    text: str
    is_final: bool = False
    reason: EmptyReason | None = None
    changes: tuple[Reason, ...] = ()


def shape(raw: str, view: View, *, is_done: bool = True, is_whole: bool = True) -> Shaped:
    """The text to offer for what the model has generated so far.

    Args:
        raw: all that it has generated.
        view: of the cursor that it is for.
        is_done: whether it generates no more; until then what only a whole text can tell is left open.
        is_whole: whether it ended the text of itself.
    """
    cleaned = clean(raw, view, is_done=is_done, is_whole=is_whole)
    reason = None if cleaned.dropped is None else EmptyReason(cleaned.dropped.value)
    return Shaped(cleaned.text, cleaned.is_final, reason, cleaned.changes)

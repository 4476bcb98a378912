"""Ends a text with the lines that were asked for, and where the model was stopped, with its last whole line.

It does not know what the lines say.
"""

from plt_engine.types import StopUnit
from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View


def first_lines(text: str, view: View) -> Cut:
    """At most so many lines as the view wants; blank ones at the beginning count, since they are inserted too."""
    max_lines = 1 if view.unit is StopUnit.LINE else view.max_lines
    lines = text.split("\n")
    if len(lines) <= max_lines:
        return Cut(text)
    kept = "\n".join(lines[:max_lines])
    reason = Reason.TOO_LONG if view.unit is StopUnit.BLOCK else None
    return Cut(kept, reason if kept.strip() else Reason.BLANK, is_final=True)


def whole_lines(text: str, _: View) -> Cut:
    """A text without its last line, which is not whole, where there are others."""
    head = text.rpartition("\n")[0]
    return Cut(head, Reason.UNFINISHED_LINE) if head.strip() else Cut(text)

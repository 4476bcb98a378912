"""From what a model has said so far to what is offered: the filters, in their order.

It does not know how any filter decides, who counts their reasons, or how the text reaches an editor.
"""

from dataclasses import dataclass

from plt_engine.types import StopUnit
from plt_lsp.postprocess.closing import closed_once
from plt_lsp.postprocess.cut import Cut, Filter
from plt_lsp.postprocess.echoes import before_lines_above, before_own_repeat
from plt_lsp.postprocess.following import before_what_follows
from plt_lsp.postprocess.indentation import in_files_indentation
from plt_lsp.postprocess.limits import first_lines, whole_lines
from plt_lsp.postprocess.markup import before_control_token, without_fences
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.refusals import may_be_refused, unless_dismissed, unless_just_deleted, unless_lone_path
from plt_lsp.postprocess.scope import within_scope
from plt_lsp.postprocess.syntax_errors import without_syntax_errors
from plt_lsp.postprocess.view import View

# While a text grows these say where it ends; what they take for final stays so.
_GROWING: tuple[Filter, ...] = (
    before_control_token,
    without_fences,
    first_lines,
    closed_once,
    before_what_follows,
    within_scope,
    before_own_repeat,
)
# These look at a text that has ended.
_ENDED: tuple[Filter, ...] = (
    before_lines_above,
    unless_just_deleted,
    unless_dismissed,
    unless_lone_path,
    in_files_indentation,
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text to offer.

    Attributes:
        text: to insert at the cursor, with line feeds; empty where nothing is to be offered.
        dropped: why it is empty, or None where it is not.
        changes: what was cut or changed, in order, without what dropped it.
        is_final: whether no further text from the model can change it.
    """

    text: str
    dropped: Reason | None = None
    changes: tuple[Reason, ...] = ()
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class _Draft:
    """A text on its way through the filters."""

    text: str
    reasons: tuple[Reason, ...] = ()
    is_final: bool = False

    def after(self, cut: Cut) -> "_Draft":
        reasons = self.reasons if cut.reason is None else (*self.reasons, cut.reason)
        return _Draft(cut.text, reasons, self.is_final or cut.is_final)


def clean(raw: str, view: View, *, is_done: bool = True, is_whole: bool = True) -> Cleaned:
    """What is left of a model's text.

    Args:
        raw: all that the model has said.
        view: of the cursor; one serves for a text as it grows and for each of several texts.
        is_done: whether the model says no more; until then only the filters that look at a beginning run.
        is_whole: whether the model ended the text of itself, and was not stopped in the middle of a line.
    """
    draft = _Draft(raw.replace("\r\n", "\n").replace("\r", "\n"))
    for one in _GROWING:
        draft = draft.after(one(draft.text, view))
    draft = _Draft(_stripped(draft.text, view), draft.reasons, draft.is_final)
    if is_done or draft.is_final:
        draft = _finished(draft, view, is_whole=is_whole or draft.is_final)
    elif may_be_refused(draft.text, view):
        return Cleaned("", changes=draft.reasons)
    if not draft.text.strip():
        *changes, dropped = draft.reasons or (Reason.BLANK,)
        return Cleaned("", dropped, tuple(changes), draft.is_final)
    return Cleaned(draft.text, None, draft.reasons, draft.is_final)


def _finished(draft: _Draft, view: View, *, is_whole: bool) -> _Draft:
    if not is_whole:
        draft = draft.after(whole_lines(draft.text, view))
    for one in _ENDED:
        if draft.text.strip():
            draft = draft.after(one(draft.text, view))
    if draft.text.strip():
        draft = draft.after(without_syntax_errors(draft.text, view, is_whole=is_whole))
    return _Draft(_stripped(draft.text, view), draft.reasons, draft.is_final)


def _stripped(text: str, view: View) -> str:
    """A text without white space at its end, but for the line end before a closer that stood behind the cursor."""
    kept = text.rstrip()
    is_before_closer = view.unit is StopUnit.BLOCK and view.line_after.strip() != "" and "\n" in kept
    if not is_before_closer:
        return kept
    line = view.line_before
    return kept + "\n" + line[: len(line) - len(line.lstrip(" \t"))]

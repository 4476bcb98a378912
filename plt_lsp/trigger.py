"""Whether a request is worth the model's time, and how much text to ask for: pure rules over a snapshot.

It does not know the protocol or the engine's process, and it looks at no clock.
"""

from dataclasses import dataclass, replace

from plt_engine.types import StopUnit, indent_columns
from plt_lsp.reasons import EmptyReason
from plt_lsp.settings import TriggerMode
from plt_lsp.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask for.

    Attributes:
        unit: a line or a block.
        indent_columns: for a block: how far the cursor's line is indented.
        max_lines: the most lines of the completion.
        num_texts: the most texts to choose from.
    """

    unit: StopUnit
    indent_columns: int
    max_lines: int
    num_texts: int = 1


def decide(snapshot: Snapshot, *, is_automatic: bool) -> Plan | EmptyReason:
    """A plan for the completion, or the reason why there is to be none."""
    settings = snapshot.settings
    if not settings.enable:
        return EmptyReason.DISABLED
    if snapshot.language_id in settings.disabled_languages:
        return EmptyReason.LANGUAGE_DISABLED
    if is_automatic and settings.inline_completion.trigger is TriggerMode.MANUAL:
        return EmptyReason.MANUAL_ONLY
    if is_automatic and is_mid_word(snapshot):
        return EmptyReason.MID_WORD
    plan = plan_for(snapshot)
    return plan if is_automatic else replace(plan, num_texts=settings.inline_completion.alternatives)


def is_mid_word(snapshot: Snapshot) -> bool:
    """Whether a word goes on behind the cursor; while it is being edited, nothing can be offered."""
    before, after = snapshot.line_before[-1:], snapshot.line_after[:1]
    return is_word_char(before) and is_word_char(after)


def is_word_char(char: str) -> bool:
    """Whether a character belongs to a word of most languages; an empty text does not."""
    return char.isalnum() or char == "_"


def plan_for(snapshot: Snapshot) -> Plan:
    """A single line where text follows on the cursor's line, else a block."""
    if snapshot.line_after.strip():
        return Plan(StopUnit.LINE, 0, 1)
    indent = indent_columns(snapshot.line_before)
    return Plan(StopUnit.BLOCK, indent, snapshot.settings.inline_completion.max_lines)

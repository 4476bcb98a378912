"""Whether a request is worth the model's time, when, and how much text to ask for: pure rules.

It does not know the protocol or the engine's process; what the clock says is an argument.
"""

from dataclasses import dataclass, replace

from plt_engine.types import StopUnit, indent_columns
from plt_lsp.activity import Activity
from plt_lsp.context.secrets import is_secret_file
from plt_lsp.context.stores import is_credentials_store
from plt_lsp.exclusions import is_excluded
from plt_lsp.extent import extent_at
from plt_lsp.reasons import EmptyReason
from plt_lsp.settings import SuggestionExtent, TriggerMode
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.places import Place
from plt_lsp.syntax.tree import SyntaxTree

MAX_WAIT_MS = 400.0
NUM_LINES_TO_JUDGE = 200
# A user who has let this many key presses pass has paused.
NUM_INTERVALS_OF_A_PAUSE = 1.5
FORCED_UNITS = {
    SuggestionExtent.AUTO: None,
    SuggestionExtent.LINE: StopUnit.LINE,
    SuggestionExtent.BLOCK: StopUnit.BLOCK,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask for.

    Attributes:
        unit: a line or a block.
        indent_columns: for a block: how far the cursor's line is indented.
        max_lines: the most lines of the completion.
        num_texts: the most texts to choose from.
        place: what the cursor is in.
    """

    unit: StopUnit
    indent_columns: int
    max_lines: int
    num_texts: int = 1
    place: Place = Place.CODE


def refusal(snapshot: Snapshot, *, is_automatic: bool) -> EmptyReason | None:
    """Why the user's settings want nothing here, whatever is known already; None where they do not mind."""
    settings = snapshot.settings
    if not settings.enable:
        return EmptyReason.DISABLED
    if snapshot.language_id in settings.disabled_languages:
        return EmptyReason.LANGUAGE_DISABLED
    if is_excluded(snapshot.path, settings.excluded_files):
        return EmptyReason.EXCLUDED
    if snapshot.num_chars > settings.max_file_chars:
        return EmptyReason.FILE_TOO_LARGE
    if is_binary(snapshot):
        return EmptyReason.BINARY
    if _keeps_credentials(snapshot):
        return EmptyReason.CREDENTIALS
    if is_automatic and settings.inline_completion.trigger is TriggerMode.MANUAL:
        return EmptyReason.MANUAL_ONLY
    return None


def hesitation(snapshot: Snapshot, activity: Activity) -> EmptyReason | None:
    """Why what the user is doing now is no occasion to ask the engine by itself; None where it is one."""
    if activity.is_undoing:
        return EmptyReason.UNDOING
    if activity.is_deleting:
        return EmptyReason.DELETING
    if is_mid_word(snapshot):
        return EmptyReason.MID_WORD
    if len(snapshot.line_after.strip()) > snapshot.settings.inline_completion.max_chars_after_cursor:
        return EmptyReason.TEXT_AFTER
    return None


def decide(
    snapshot: Snapshot, activity: Activity, tree: SyntaxTree | None = None, *, is_automatic: bool
) -> Plan | EmptyReason:
    """A plan for the completion, or the reason why there is to be none; `tree` is the snapshot's, where it has one."""
    reason = refusal(snapshot, is_automatic=is_automatic)
    if reason is None and is_automatic:
        reason = hesitation(snapshot, activity)
    if reason is not None:
        return reason
    plan = plan_for(snapshot, tree)
    return plan if is_automatic else replace(plan, num_texts=snapshot.settings.inline_completion.alternatives)


def wait_ms(activity: Activity, latency_ms: float | None, now_ms: float) -> float:
    """How long an automatic request waits for a pause in typing, from now.

    Not at all where the answer is there before the next key press is due, as far as both are known. Otherwise until
    the user has let one and a half key presses pass since the last change.

    Args:
        activity: what the user has lately done.
        latency_ms: what the engine has lately needed for an answer, or None where that is not known.
        now_ms: the clock that the activity was measured with.
    """
    interval_ms = activity.interval_ms
    if interval_ms is None or activity.last_edit_ms is None or latency_ms is None or latency_ms <= interval_ms:
        return 0.0
    pause_ms = min(NUM_INTERVALS_OF_A_PAUSE * interval_ms, MAX_WAIT_MS)
    return max(0.0, activity.last_edit_ms + pause_ms - now_ms)


def is_binary(snapshot: Snapshot) -> bool:
    """Whether the text around the cursor has a character that only files which are no text have."""
    row = snapshot.cursor.line
    return any("\0" in line for line in snapshot.lines[max(0, row - NUM_LINES_TO_JUDGE) : row + NUM_LINES_TO_JUDGE])


def _keeps_credentials(snapshot: Snapshot) -> bool:
    """Whether nobody but the user is to see the file; neither it nor any part of it is shown to the model."""
    is_secret = snapshot.path is not None and is_secret_file(snapshot.path)
    return is_secret or is_credentials_store(snapshot.lines, snapshot.cursor.line)


def is_mid_word(snapshot: Snapshot) -> bool:
    """Whether a word goes on behind the cursor; while it is being edited, nothing can be offered."""
    before, after = snapshot.line_before[-1:], snapshot.line_after[:1]
    return is_word_char(before) and is_word_char(after)


def is_word_char(char: str) -> bool:
    """Whether a character belongs to a word of most languages; an empty text does not."""
    return char.isalnum() or char == "_"


def plan_for(snapshot: Snapshot, tree: SyntaxTree | None = None) -> Plan:
    """A single line or a block, by the place of the cursor."""
    forced = FORCED_UNITS[snapshot.settings.inline_completion.extent]
    extent = extent_at(snapshot.lines, snapshot.cursor, snapshot.language_id, tree, forced)
    if extent.unit is StopUnit.LINE:
        return Plan(StopUnit.LINE, 0, 1, place=extent.place)
    indent = indent_columns(snapshot.line_before)
    return Plan(StopUnit.BLOCK, indent, snapshot.settings.inline_completion.max_lines, place=extent.place)

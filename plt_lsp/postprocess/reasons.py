"""Why a filter cut, changed or dropped a text: each has one of these names.

It does not know who counts them, nor what is told to the user.
"""

from enum import StrEnum


class Reason(StrEnum):
    """What a filter found; where nothing is left of a text, it is why the text was dropped."""

    BLANK = "blank"  # the model added nothing but white space
    CONTROL_TOKEN = "control_token"  # a token that models separate texts with
    CODE_FENCE = "code_fence"  # the marks around code in prose
    TOO_LONG = "too_long"  # more lines than were asked for
    REPEATS_SUFFIX = "repeats_suffix"  # it stands after the cursor already
    REPEATS_ABOVE = "repeats_above"  # it stands above the cursor already
    REPEATS_ITSELF = "repeats_itself"  # the model says the same again and again
    UNOPENED = "unopened"  # it closes a bracket that was never opened
    SCOPE_END = "scope_end"  # it leaves the scope that the cursor is in
    UNFINISHED_LINE = "unfinished_line"  # the model was stopped within its last line, and others are whole
    SYNTAX_ERROR = "syntax_error"  # it brings a syntax error that was not there before
    LONE_PATH = "lone_path"  # it is the name of a file and nothing else
    JUST_DELETED = "just_deleted"  # the user has just deleted it
    DISMISSED = "dismissed"  # the user has dismissed it
    INDENTATION = "indentation"  # changed to the file's tabs or width

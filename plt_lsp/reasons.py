"""Why a request was answered without a completion: every such answer has one of these names.

It does not know who logs and counts them.
"""

from enum import StrEnum


class EmptyReason(StrEnum):
    """The name of an empty answer."""

    DISABLED = "disabled"  # plt.enable is false
    LANGUAGE_DISABLED = "language_disabled"  # the language is among plt.disabledLanguages
    SNOOZED = "snoozed"  # asked for while typing, but the user wants some quiet
    FILE_TOO_LARGE = "file_too_large"  # the file has more characters than plt.maxFileChars
    BINARY = "binary"  # the file is no text
    MANUAL_ONLY = "manual_only"  # asked for while typing, but plt.inlineCompletion.trigger is manual
    NOT_OPEN = "not_open"  # the document was never opened
    OUT_OF_SYNC = "out_of_sync"  # a change of the document could not be read
    EXCLUDED = "excluded"  # the file is among plt.excludedFiles
    CREDENTIALS = "credentials"  # the file is a key or keeps credentials, by its name or by its content
    MID_WORD = "mid_word"  # while typing in the middle of a word
    DELETING = "deleting"  # while text is being taken away
    UNDOING = "undoing"  # while changes are being undone or redone
    TEXT_AFTER = "text_after"  # while typing before more text than plt.inlineCompletion.maxCharsAfterCursor
    SELECTION_ELSEWHERE = "selection_elsewhere"  # the menu's selected item does not end at the cursor
    NO_PACK = "no_pack"  # the model pack is not there
    PACK_ERROR = "pack_error"  # the model pack cannot be used
    LOOPS_REFUSED = "loops_refused"  # the pack has no evidence for plt.loops
    ENGINE_DIED = "engine_died"  # the engine process ended in mid-request, or may not be restarted yet
    ENGINE_ERROR = "engine_error"  # the engine refused the request
    BLANK = "blank"  # the model had nothing to add
    REPEATS_SUFFIX = "repeats_suffix"  # all that the model added stands after the cursor already
    REPEATS_ABOVE = "repeats_above"  # all that the model added stands above the cursor already
    UNOPENED = "unopened"  # the model closes a bracket that was never opened
    SCOPE_END = "scope_end"  # the model leaves the scope that the cursor is in at once
    SYNTAX_ERROR = "syntax_error"  # the model's first line brings a syntax error that was not there before
    CODE_FENCE = "code_fence"  # the model wrote the marks around code, and no code
    CONTROL_TOKEN = "control_token"  # the model spelled out a token that separates texts
    LONE_PATH = "lone_path"  # the model wrote the name of a file and nothing else
    JUST_DELETED = "just_deleted"  # the user has just deleted what the model added
    DISMISSED = "dismissed"  # the user has dismissed what the model added
    SUPERSEDED = "superseded"  # a newer request for the document came (answered null)
    EDITED = "edited"  # the document changed meanwhile (answered null)
    CANCELLED = "cancelled"  # the editor cancelled the request itself (answered -32800)


# These hold for the whole file, wherever its cursor is.
OF_THE_FILE = frozenset({EmptyReason.EXCLUDED, EmptyReason.FILE_TOO_LARGE, EmptyReason.BINARY, EmptyReason.CREDENTIALS})
ANSWERED_NULL = frozenset({EmptyReason.SUPERSEDED, EmptyReason.EDITED})

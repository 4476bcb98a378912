"""What the server can do at the moment, in one of five kinds with a sentence: a pure rule over what is known.

It does not know how an editor is told.
"""

from dataclasses import dataclass
from enum import StrEnum

from plt_lsp.engine_client import EngineState
from plt_lsp.reasons import EmptyReason


class Kind(StrEnum):
    """How a status is to be shown."""

    NORMAL = "Normal"
    BUSY = "Busy"
    WARNING = "Warning"
    ERROR = "Error"
    INACTIVE = "Inactive"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last request had no answer, in a word and in a sentence."""

    reason: EmptyReason
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the condition follows from.

    Attributes:
        is_enabled: whether anything is to be offered.
        model: as the settings name it.
        engine: the engine's state.
        num_running: requests that are being answered.
        failure: of the last request, or None where it was answered.
        snoozed_until: the time of day at which a pause ends, or None.
        refusal: why the file of the last request gets nothing, or None where it may get something.
    """

    is_enabled: bool
    model: str
    engine: EngineState
    num_running: int
    failure: Failure | None
    snoozed_until: str | None = None
    refusal: EmptyReason | None = None


class Remedy(StrEnum):
    """What the server can do about it when the user says so."""

    LOAD_MODEL = "load_model"
    END_SNOOZE = "end_snooze"


@dataclass(frozen=True, slots=True)
class Condition:
    """What to tell.

    Attributes:
        kind: how to show it.
        message: one sentence for people.
        reason: a name for programs, or None where all is well.
        remedy: what may mend it, or None.
    """

    kind: Kind
    message: str
    reason: str | None = None
    remedy: Remedy | None = None


# Waiting mends none of these; somebody has to build a pack or to change a setting.
NEEDS_THE_USER = frozenset({EmptyReason.NO_PACK, EmptyReason.PACK_ERROR, EmptyReason.LOOPS_REFUSED})
REFUSALS = {
    EmptyReason.EXCLUDED: "Nothing is offered in this file, which is among plt.excludedFiles.",
    EmptyReason.FILE_TOO_LARGE: "Nothing is offered in this file, which is larger than plt.maxFileChars allows.",
    EmptyReason.BINARY: "Nothing is offered in this file, which is no text.",
    EmptyReason.CREDENTIALS: "Nothing is offered in this file, which keeps keys or passwords.",
}


def condition_of(facts: Facts) -> Condition:
    """What to tell: what goes on now comes before what went wrong last, and that before what is possible."""
    if not facts.is_enabled:
        return Condition(Kind.INACTIVE, "Switched off by plt.enable.", EmptyReason.DISABLED.value)
    if facts.snoozed_until is not None:
        message = f"Snoozed until {facts.snoozed_until}."
        return Condition(Kind.INACTIVE, message, EmptyReason.SNOOZED.value, Remedy.END_SNOOZE)
    # A request that finds no engine process has it started first.
    is_starting = facts.num_running > 0 and facts.engine is not EngineState.READY
    if is_starting or facts.engine is EngineState.LOADING:
        return Condition(Kind.BUSY, f"Loading the model {facts.model}.", "loading")
    if facts.num_running > 0:
        return Condition(Kind.BUSY, "Generating a completion.", "generating")
    if facts.failure is not None:
        kind = Kind.ERROR if facts.failure.reason in NEEDS_THE_USER else Kind.WARNING
        return Condition(kind, facts.failure.message, facts.failure.reason.value, Remedy.LOAD_MODEL)
    if facts.refusal is not None:
        return Condition(Kind.INACTIVE, REFUSALS[facts.refusal], facts.refusal.value)
    return _idle(facts.engine, facts.model)


def _idle(engine: EngineState, model: str) -> Condition:
    if engine is EngineState.DIED:
        message = "The engine process ended; it is started again with the next completion."
        return Condition(Kind.WARNING, message, EmptyReason.ENGINE_DIED.value, Remedy.LOAD_MODEL)
    if engine is EngineState.OFF:
        return Condition(Kind.NORMAL, "The engine starts with the first completion.", "engine_off")
    return Condition(Kind.NORMAL, f"The model {model} is ready.")

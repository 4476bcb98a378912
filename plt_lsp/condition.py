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
    """

    is_enabled: bool
    model: str
    engine: EngineState
    num_running: int
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Condition:
    """What to tell.

    Attributes:
        kind: how to show it.
        message: one sentence for people.
        reason: a name for programs, or None where all is well.
        is_retry_worth: whether loading the model anew may mend it.
    """

    kind: Kind
    message: str
    reason: str | None = None
    is_retry_worth: bool = False


# Waiting mends none of these; somebody has to build a pack or to change a setting.
NEEDS_THE_USER = frozenset({EmptyReason.NO_PACK, EmptyReason.PACK_ERROR, EmptyReason.LOOPS_REFUSED})


def condition_of(facts: Facts) -> Condition:
    """What to tell: what goes on now comes before what went wrong last, and that before what is possible."""
    if not facts.is_enabled:
        return Condition(Kind.INACTIVE, "Switched off by plt.enable.", EmptyReason.DISABLED.value)
    if facts.engine is EngineState.LOADING:
        return Condition(Kind.BUSY, f"Loading the model {facts.model}.", "loading")
    if facts.num_running > 0:
        return Condition(Kind.BUSY, "Generating a completion.", "generating")
    if facts.failure is not None:
        kind = Kind.ERROR if facts.failure.reason in NEEDS_THE_USER else Kind.WARNING
        return Condition(kind, facts.failure.message, facts.failure.reason.value, is_retry_worth=True)
    return _idle(facts.engine, facts.model)


def _idle(engine: EngineState, model: str) -> Condition:
    if engine is EngineState.DIED:
        message = "The engine process ended; it is started again with the next completion."
        return Condition(Kind.WARNING, message, EmptyReason.ENGINE_DIED.value, is_retry_worth=True)
    if engine is EngineState.OFF:
        return Condition(Kind.NORMAL, "The engine starts with the first completion.", "engine_off")
    return Condition(Kind.NORMAL, f"The model {model} is ready.")

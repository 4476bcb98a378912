"""What a client asks for when it asks for a refactoring, between JSON and plain data.

The same is held by a code action's `data` and by the arguments of the command. It does not know whether there is such
a refactoring.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from plt_lsp.json_fields import field_of, range_of
from plt_lsp.positions import Position

COMMAND = "plt.refactorSelection"
MAX_INSTRUCTION_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A diagnostic of the client's, with its place as the protocol counts."""

    message: str
    start: Position
    end: Position
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A refactoring of a place.

    Attributes:
        uri: of the document.
        start: of the selection.
        end: of the selection.
        what: an offer's name, or what is to be done in the user's words.
        version: of the text that the place belongs to, or None for the text as it is now.
        faults: the client's diagnostics there.
        is_routine: whether nobody waits for it, as where it is done with each save: a refusal is no news then.
    """

    uri: str
    start: Position
    end: Position
    what: str = ""
    version: int | None = None
    faults: tuple[Fault, ...] = ()
    is_routine: bool = False

    def with_offer(self, name: str) -> "Ask":
        """The same place, with an offer's name."""
        return replace(self, what=name)


def ask_from_data(data: object) -> Ask:
    """What a code action's `data` says.

    Raises:
        ValueError: it is not what this server has put there.
    """
    uri, place, what = (field_of(data, name) for name in ("uri", "range", "offer"))
    ask = _ask(uri, place, what, data)
    if ask is None or not ask.what:
        raise ValueError("The data of this code action is not what plt-lsp has put there; ask for the actions again.")
    return ask


def ask_from_arguments(arguments: Sequence[object]) -> Ask:
    """What the arguments of the command say: a document's URI, a range, what to do, and perhaps more about the place.

    Raises:
        ValueError: they are something else, which the message names.
    """
    uri, place, what, more = (*arguments, None, None, None, None)[:4]
    ask = _ask(uri, place, what, more)
    if ask is None:
        raise ValueError(
            f"{COMMAND} takes a document's URI, a range in it and an instruction, or a refactoring's name, "
            f"not {list(arguments)!r}."
        )
    if not ask.what:
        raise ValueError(f"{COMMAND} was not told what to do: its third argument is empty.")
    if len(ask.what) > MAX_INSTRUCTION_CHARS:
        raise ValueError(f"The instruction has {len(ask.what)} characters; it may have {MAX_INSTRUCTION_CHARS}.")
    return ask


def data_of(ask: Ask) -> dict[str, object]:
    """What a code action holds of it."""
    return {"uri": ask.uri, "range": _range_json(ask.start, ask.end), "offer": ask.what, **_more(ask)}


def arguments_of(ask: Ask) -> list[object]:
    """The arguments of the command."""
    return [ask.uri, _range_json(ask.start, ask.end), ask.what, _more(ask)]


def _ask(uri: object, place: object, what: object, more: object) -> Ask | None:
    found, version = range_of(place), field_of(more, "version")
    if not isinstance(uri, str) or found is None or not isinstance(what, str):
        return None
    if version is not None and not isinstance(version, int):
        return None
    faults = field_of(more, "problems")
    known = [fault_of(one) for one in faults] if isinstance(faults, list | tuple) else []
    known_faults = tuple(one for one in known if one is not None)
    return Ask(uri, *found, what.strip(), version, known_faults, field_of(more, "routine") is True)


def fault_of(value: object) -> Fault | None:
    """A Diagnostic of the protocol, or None where it is none."""
    message, source = field_of(value, "message"), field_of(value, "source")
    place = range_of(field_of(value, "range"))
    if not isinstance(message, str) or place is None:
        return None
    return Fault(message, *place, source if isinstance(source, str) else None)


def _more(ask: Ask) -> dict[str, object]:
    faults = [
        {"message": one.message, "range": _range_json(one.start, one.end), "source": one.source} for one in ask.faults
    ]
    return {"version": ask.version, "problems": faults, "routine": ask.is_routine}


def _range_json(start: Position, end: Position) -> dict[str, object]:
    return {"start": start._asdict(), "end": end._asdict()}

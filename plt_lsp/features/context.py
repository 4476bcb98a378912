"""The command `plt.showContext`: what the model would be shown at a place, for the user to read.

It asks the engine nothing.
"""

from dataclasses import asdict

from plt_engine.types import Prompt
from plt_lsp.context.prompt import build_prompt
from plt_lsp.positions import Position
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import plan_for, refusal

COMMAND = "plt.showContext"


def show_context(session: ServerSession, *arguments: object) -> dict[str, object]:
    """The prompt for a place as data, and as the text that editors show.

    Raises:
        ValueError: the arguments are no document and position, or nothing is offered there, which the message explains.
    """
    uri, position = _place(arguments)
    snapshot = session.snapshot(uri, position)
    reason = snapshot if isinstance(snapshot, EmptyReason) else refusal(snapshot, is_automatic=False)
    if reason is not None or isinstance(snapshot, EmptyReason):
        raise ValueError(f"The model is shown nothing of {uri}: {reason}.")
    prompt = build_prompt(snapshot)
    return {"prompt": asdict(prompt), "text": _report(session, snapshot, prompt)}


def _report(session: ServerSession, snapshot: Snapshot, prompt: Prompt) -> str:
    plan = plan_for(snapshot, session.tree_of(snapshot))
    line, column = snapshot.cursor
    head = [
        f"file      {snapshot.path or snapshot.uri} ({snapshot.language_id}), line {line + 1}, column {column + 1}",
        f"model     {snapshot.settings.model}",
        f"asks for  a {plan.unit.value} of at most {plan.max_lines} lines, the cursor being in {plan.place.value}",
        f"shows     {len(prompt.prefix)} characters before the cursor and {len(prompt.suffix)} after it",
    ]
    return "\n".join([*head, "", "--- before the cursor", prompt.prefix, "--- after the cursor", prompt.suffix, ""])


def _place(arguments: tuple[object, ...]) -> tuple[str, Position]:
    uri, place = (*arguments, None, None)[:2]
    line, character = (_number(place, name) for name in ("line", "character"))
    if not isinstance(uri, str) or line is None or character is None:
        raise ValueError(f"{COMMAND} takes a document's URI and a position in it, not {list(arguments)!r}.")
    return uri, Position(line, character)


def _number(place: object, name: str) -> int | None:
    """A field of a position, which pygls hands over as an object with attributes or as a mapping."""
    found = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
    return found if isinstance(found, int) and found >= 0 else None

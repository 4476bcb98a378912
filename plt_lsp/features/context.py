"""The command `plt.showContext`: what the model would be shown at a place, for the user to read.

It asks the engine nothing; `plt_lsp.context_text` says how it reads.
"""

from dataclasses import asdict

from plt_lsp.context.prompt import context_of
from plt_lsp.context_text import context_text
from plt_lsp.context_tokens import with_tokens
from plt_lsp.positions import Position
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession
from plt_lsp.trigger import plan_for, refusal

COMMAND = "plt.showContext"


async def show_context(session: ServerSession, *arguments: object) -> dict[str, object]:
    """The prompt for a place and the report of its parts as data, and as the text that editors show.

    Raises:
        ValueError: the arguments are no document and position, or nothing is offered there, which the message explains.
    """
    uri, position = _place(arguments)
    snapshot = session.snapshot(uri, position)
    reason = snapshot if isinstance(snapshot, EmptyReason) else refusal(snapshot, is_automatic=False)
    if reason is not None or isinstance(snapshot, EmptyReason):
        raise ValueError(f"The model is shown nothing of {uri}: {reason}.")
    outline = session.outline_of(snapshot)
    found = context_of(snapshot, outline, await session.others.preview(snapshot, outline))
    context = await with_tokens(found, snapshot.settings.model)
    text = context_text(snapshot, context, plan_for(snapshot, session.tree_of(snapshot)))
    return {"prompt": asdict(context.prompt), "report": asdict(context.report), "text": text}


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

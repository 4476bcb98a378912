"""What the editor tells of an offer: shown, accepted in part or whole; and the statistics that come of it.

Editors that tell nothing are followed by their edits (plt_lsp.acceptance). The names of the first two notifications are
those that plugins know from Copilot's server; their item is recognised by its command.
"""

import logging

from lsprotocol import types

from plt_lsp.messages import DID_DISMISS
from plt_lsp.session import ServerSession
from plt_lsp.statistics import to_json

logger = logging.getLogger(__name__)

COMMAND = "plt.completionAccepted"
STATISTICS_COMMAND = "plt.showStatistics"
TEXT_COLUMNS = 120
DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"


def accept_command(number: int) -> types.Command:
    """The command to put on the item of an offer."""
    return types.Command(title="Completion accepted", command=COMMAND, arguments=[number])


def accepted(session: ServerSession, *arguments: object) -> None:
    """Count an accepted offer; a number that was never offered, or is accepted already, is logged and ignored."""
    number = arguments[0] if arguments else None
    if not (isinstance(number, int) and session.usage.accepted(number)):
        logger.info("%s: no offer %r is open", COMMAND, number)


def did_show(session: ServerSession, params: object) -> None:
    """textDocument/didShowCompletion {item}."""
    number = _number_of(params)
    if number is not None:
        session.usage.shown(number)


def did_partially_accept(session: ServerSession, params: object) -> None:
    """textDocument/didPartiallyAcceptCompletion {item, acceptedLength: UTF-16 code units in all}."""
    number, length = _number_of(params), _field(params, "acceptedLength", "accepted_length")
    if number is not None and isinstance(length, int):
        session.usage.partly_accepted(number, length)


def did_dismiss(session: ServerSession, params: object) -> None:
    """plt/didDismissCompletion {textDocument {uri}}."""
    uri = _field(_field(params, "textDocument", "text_document"), "uri")
    if isinstance(uri, str):
        session.dismiss(uri)
    else:
        logger.info("%s names no document", DID_DISMISS)


def statistics(session: ServerSession) -> dict[str, object]:
    """The command that shows what was counted on this machine: as data, and as the text that editors show."""
    from plt_lsp.stats import as_text  # the library for tables would make every server start later

    total = session.usage.totals()
    return {**to_json(total), "text": as_text(total, TEXT_COLUMNS)}


def _number_of(params: object) -> int | None:
    arguments = _field(_field(_field(params, "item"), "command"), "arguments")
    number = arguments[0] if isinstance(arguments, list | tuple) and arguments else None
    if isinstance(number, int):
        return number
    logger.info("a completion was shown or accepted that is none of ours")
    return None


def _field(value: object, *names: str) -> object:
    """A field of a JSON object, which pygls hands over as an object with attributes or as a mapping."""
    for name in names:
        found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if found is not None:
            return found
    return None

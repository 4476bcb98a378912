"""The command that an editor runs after it has inserted an offered completion: what was accepted is counted.

It knows offers by their number and their length only, never their text.
"""

import logging

from lsprotocol import types

from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)

COMMAND = "plt.completionAccepted"


def accept_command(session: ServerSession, text: str) -> types.Command:
    """The command to put on an item that offers `text`."""
    return types.Command(title="Completion accepted", command=COMMAND, arguments=[session.offers.add(text)])


def accepted(session: ServerSession, *arguments: object) -> None:
    """Count an accepted offer; a number that was never offered, or is accepted already, is logged and ignored."""
    number = arguments[0] if arguments else None
    length = session.offers.take(number) if isinstance(number, int) else None
    if length is None:
        logger.info("%s: no offer %r is open", COMMAND, number)
        return
    session.counts["accepted"] += 1
    session.counts["accepted.characters"] += length

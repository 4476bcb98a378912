"""Work-done progress that the user can cancel (LSP 3.18, window/workDoneProgress/create), for work without a token.

It does not know what is being done.
"""

import asyncio
import logging
from collections.abc import Callable

from lsprotocol import types
from pygls.lsp.server import LanguageServer

logger = logging.getLogger(__name__)


async def show_until_cancelled(server: LanguageServer, token: str, title: str, cancel: Callable[[], object]) -> None:
    """Show progress for as long as this task goes on.

    Args:
        server: whose client shows it.
        token: names it; used once.
        title: what is being done.
        cancel: called where the user presses the button that cancels.
    """
    progress = server.work_done_progress
    try:
        await progress.create_async(token)
    except Exception as error:  # whatever the client answers, the server goes on
        logger.warning("the client shows no progress: %s", error)
        return
    try:
        progress.tokens[token].add_done_callback(lambda _: cancel())
        progress.begin(token, types.WorkDoneProgressBegin(title, cancellable=True))
        await asyncio.Event().wait()
    finally:
        progress.end(token, types.WorkDoneProgressEnd())

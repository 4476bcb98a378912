"""Work-done progress while a model is loaded (LSP 3.18, window/workDoneProgress/create), for clients that show it.

It does not know how a model is loaded; it shows that one is.
"""

import itertools
import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from plt_lsp.engine_client import EngineState
from plt_lsp.features.follower import Follower
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)


def is_shown(capabilities: types.ClientCapabilities) -> bool:
    """Whether a client shows progress that a server begins."""
    return capabilities.window is not None and bool(capabilities.window.work_done_progress)


class LoadingProgress(Follower):
    """The progress of one server: each loading is shown."""

    def __init__(self, server: LanguageServer, session: ServerSession) -> None:
        super().__init__(session)
        self._server = server
        self._numbers = itertools.count(1)

    async def _run(self) -> None:
        while True:
            await self._until(is_loading=True)
            token = f"plt-loading-{next(self._numbers)}"
            try:
                await self._server.work_done_progress.create_async(token)
            except Exception as error:  # whatever the client answers, the server goes on
                logger.warning("the client shows no progress: %s", error)
                return
            model = self._session.settings.model
            self._server.work_done_progress.begin(token, types.WorkDoneProgressBegin(f"Loading the model {model}"))
            await self._until(is_loading=False)
            self._server.work_done_progress.end(token, types.WorkDoneProgressEnd())

    async def _until(self, *, is_loading: bool) -> None:
        while (self._session.engine.state is EngineState.LOADING) is not is_loading:
            self._changed.clear()
            await self._changed.wait()

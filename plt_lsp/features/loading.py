"""Work-done progress while a model is loaded (LSP 3.18, window/workDoneProgress/create), for clients that show it.

It does not know how a model is loaded; it shows that one is.
"""

import asyncio
import itertools
import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from plt_lsp.engine_client import EngineState
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)


def is_shown(capabilities: types.ClientCapabilities) -> bool:
    """Whether a client shows progress that a server begins."""
    return capabilities.window is not None and bool(capabilities.window.work_done_progress)


class LoadingProgress:
    """The progress of one server; belongs to one event loop, and does nothing before `begin`."""

    def __init__(self, server: LanguageServer, session: ServerSession) -> None:
        self._server = server
        self._session = session
        self._changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Show each loading from now on."""
        self._session.watch(self._changed.set)
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Show nothing more."""
        if self._task is not None:
            self._task.cancel()

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

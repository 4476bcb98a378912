"""Inline completion as a capability that comes and goes: registered while a model can answer, withdrawn while none can.

For clients that take part in it (`textDocument.inlineCompletion.dynamicRegistration`); others are told of it once, with
the server's other capabilities. It does not know why a model cannot answer.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from plt_lsp.features.follower import Follower
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)

METHOD = types.TEXT_DOCUMENT_INLINE_COMPLETION
REGISTRATION_ID = "plt-inline-completion"
# Whether the user has mended it meanwhile is seen by looking: withdrawn, nothing is asked for that could show it.
LOOK_S = 2.0


def is_dynamic(capabilities: types.ClientCapabilities) -> bool:
    """Whether a client registers inline completion when it is told to."""
    document = capabilities.text_document
    inline = document.inline_completion if document is not None else None
    return inline is not None and bool(inline.dynamic_registration)


class Registration(Follower):
    """The capability of one server: registered as soon as a model can answer."""

    def __init__(self, server: LanguageServer, session: ServerSession, look_s: float = LOOK_S) -> None:
        super().__init__(session)
        self._server = server
        self._look_s = look_s
        self._is_registered = False

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            is_wanted = self._session.can_answer
            if is_wanted != self._is_registered:
                await (self._register() if is_wanted else self._withdraw())
                self._is_registered = is_wanted
            try:
                async with asyncio.timeout(None if is_wanted else self._look_s):
                    await self._changed.wait()
            except TimeoutError:
                self._session.look_for_model()

    async def _register(self) -> None:
        options = types.InlineCompletionRegistrationOptions(
            document_selector=[types.TextDocumentFilterLanguage(language="*")]
        )
        registration = types.Registration(REGISTRATION_ID, METHOD, options)
        await self._tell(self._server.client_register_capability_async(types.RegistrationParams([registration])))

    async def _withdraw(self) -> None:
        unregistration = types.Unregistration(REGISTRATION_ID, METHOD)
        await self._tell(self._server.client_unregister_capability_async(types.UnregistrationParams([unregistration])))

    @staticmethod
    async def _tell(request: Coroutine[Any, Any, None]) -> None:
        try:
            await request
        except Exception as error:  # whatever the client answers, the server goes on
            logger.warning("the client does not take a registration: %s", error)

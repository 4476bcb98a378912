"""The settings' ways in: initialization options, workspace/configuration and didChangeConfiguration.

It does not know which settings there are.
"""

import logging
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from plt_lsp.session import ServerSession
from plt_lsp.settings import SECTION

logger = logging.getLogger(__name__)


def supports_pull(server: LanguageServer) -> bool:
    """Whether the editor answers workspace/configuration."""
    workspace = server.client_capabilities.workspace
    return workspace is not None and bool(workspace.configuration)


async def pull(server: LanguageServer, session: ServerSession) -> None:
    """Ask the editor for the section `plt`, where it can answer, and apply what it says."""
    if not supports_pull(server):
        session.configure(None)
        return
    item = types.ConfigurationItem(section=SECTION)
    try:
        answers = await server.workspace_configuration_async(types.ConfigurationParams(items=[item]))
    except Exception as error:
        logger.warning("workspace/configuration failed, so the initialization options hold: %s", error)
        answers = []
    session.configure(answers[0] if answers else None)


async def did_change(
    server: LanguageServer, session: ServerSession, params: types.DidChangeConfigurationParams
) -> None:
    """workspace/didChangeConfiguration: with settings in it, or as a hint to ask for them."""
    if _holds_settings(params.settings):
        session.configure(params.settings)
    else:
        await pull(server, session)


def _holds_settings(settings: Any) -> bool:  # noqa: ANN401  (any JSON at all)
    """Editors that are asked send null or an empty object; those that push send the section."""
    return isinstance(settings, dict) and SECTION in settings

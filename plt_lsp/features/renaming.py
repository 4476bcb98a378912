"""textDocument/prepareRename and textDocument/rename, offered for Python alone where a client can be told so.

It does not know what a name means, or where it is used.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from plt_lsp.convert import position_from_lsp, range_to_lsp
from plt_lsp.documents import text_between
from plt_lsp.features.refactoring_client import Abilities
from plt_lsp.features.refactoring_edits import workspace_edit
from plt_lsp.refactor.ask import Ask
from plt_lsp.refactor.edits import position_in
from plt_lsp.refactor.proposal import RefusedError, Selection
from plt_lsp.refactor.workshop import Workshop
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)

REGISTRATION_ID = "plt-rename"


async def register(server: LanguageServer) -> None:
    """Offer renaming for Python alone."""
    python: list[types.DocumentFilter] = [types.TextDocumentFilterLanguage(language="python")]
    options = types.RenameRegistrationOptions(document_selector=python, prepare_provider=True)
    registration = types.Registration(REGISTRATION_ID, types.TEXT_DOCUMENT_RENAME, options)
    try:
        await server.client_register_capability_async(types.RegistrationParams([registration]))
    except Exception as error:  # whatever the client answers, the server goes on
        logger.warning("the client does not take a registration: %s", error)


async def prepare(
    session: ServerSession, workshop: Workshop, params: types.PrepareRenameParams
) -> types.PrepareRenamePlaceholder:
    """textDocument/prepareRename: the name at a place.

    Raises:
        JsonRpcException: nothing can be renamed there, which the message explains.
    """
    with _told_to_the_client():
        selection = _selection(workshop, params)
        start, end = await workshop.rename_target(selection)
    lines, encoding = selection.snapshot.lines, session.documents.encoding
    place = range_to_lsp(position_in(lines, start, encoding), position_in(lines, end, encoding))
    return types.PrepareRenamePlaceholder(place, text_between(lines, start, end, selection.snapshot.num_chars))


async def rename(workshop: Workshop, client: Abilities, params: types.RenameParams) -> types.WorkspaceEdit:
    """textDocument/rename, in every file that uses the name.

    Raises:
        JsonRpcException: it cannot be renamed so, which the message explains.
    """
    with _told_to_the_client():
        proposal, edits = await workshop.rename(_selection(workshop, params), params.new_name)
    return workspace_edit(
        proposal, edits, takes_versions=client.takes_versions, is_annotated=client.confirms_renames, asks=False
    )


def _selection(workshop: Workshop, params: types.PrepareRenameParams | types.RenameParams) -> Selection:
    place = position_from_lsp(params.position)
    return workshop.selection(Ask(params.text_document.uri, place, place))


@contextmanager
def _told_to_the_client() -> Iterator[None]:
    """A refusal as the request's error, which editors show where the user types the name."""
    try:
        yield
    except RefusedError as error:
        raise JsonRpcException(str(error), code=types.LSPErrorCodes.RequestFailed.value) from None

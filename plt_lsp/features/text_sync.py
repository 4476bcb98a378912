"""didOpen, didChange and didClose: the documents follow the editor, and what ran on the older text stops.

It does not know how an edit is applied.
"""

from lsprotocol import types

from plt_lsp.convert import changes_from_lsp
from plt_lsp.documents import SyncReason
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession


def did_open(session: ServerSession, params: types.DidOpenTextDocumentParams) -> None:
    """textDocument/didOpen."""
    document = params.text_document
    session.running.stop(document.uri, EmptyReason.EDITED)
    reason = session.documents.open(document.uri, document.language_id, document.version, document.text)
    session.note_sync(document.uri, reason)
    opened = session.documents.get(document.uri)
    assert opened is not None
    session.note_open(opened)


def did_change(session: ServerSession, params: types.DidChangeTextDocumentParams) -> None:
    """textDocument/didChange; the batch is applied whole or not at all."""
    uri, version = params.text_document.uri, params.text_document.version
    session.running.stop(uri, EmptyReason.EDITED)
    changes = changes_from_lsp(params.content_changes)
    reason = session.documents.change(uri, version, changes)
    session.note_sync(uri, reason)
    document = session.documents.get(uri)
    if document is not None and reason is not SyncReason.STALE_VERSION:
        session.note_edit(document, changes)
        session.usage.changed(uri, document.lines, document.shifts)


def did_close(session: ServerSession, params: types.DidCloseTextDocumentParams) -> None:
    """textDocument/didClose; the engine forgets the buffer."""
    uri = params.text_document.uri
    session.running.stop(uri, EmptyReason.EDITED)
    document = session.documents.close(uri)
    session.usage.closed(uri)
    if document is not None:
        session.note_close(document)

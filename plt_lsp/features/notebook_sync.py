"""notebookDocument/didOpen, didChange and didClose: the cells of a notebook are documents in an order.

Each cell's text is synchronised by the same functions as any document's.
"""

from collections.abc import Iterable

from lsprotocol import types

from plt_lsp.features import text_sync
from plt_lsp.notebooks import Cell
from plt_lsp.session import ServerSession

SYNC_OPTIONS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")], save=False
)


def did_open(session: ServerSession, params: types.DidOpenNotebookDocumentParams) -> None:
    """notebookDocument/didOpen."""
    notebook = params.notebook_document
    session.notebooks.open(notebook.uri, _cells(notebook.cells))
    _open(session, params.cell_text_documents)


def did_change(session: ServerSession, params: types.DidChangeNotebookDocumentParams) -> None:
    """notebookDocument/didChange: cells come, go and move, and their texts change."""
    uri, cells = params.notebook_document.uri, params.change.cells
    if cells is None:
        return
    if cells.structure is not None:
        array = cells.structure.array
        session.notebooks.splice(uri, array.start, array.delete_count, _cells(array.cells or ()))
        _open(session, cells.structure.did_open or ())
        for document in cells.structure.did_close or ():
            text_sync.did_close(session, types.DidCloseTextDocumentParams(document))
    session.notebooks.update(uri, tuple(_cells(cells.data or ())))
    for text in cells.text_content or ():
        text_sync.did_change(session, types.DidChangeTextDocumentParams(text.document, text.changes))


def did_close(session: ServerSession, params: types.DidCloseNotebookDocumentParams) -> None:
    """notebookDocument/didClose; its cells are closed with it."""
    session.notebooks.close(params.notebook_document.uri)
    for document in params.cell_text_documents:
        text_sync.did_close(session, types.DidCloseTextDocumentParams(document))


def _open(session: ServerSession, documents: Iterable[types.TextDocumentItem]) -> None:
    for document in documents:
        text_sync.did_open(session, types.DidOpenTextDocumentParams(document))


def _cells(cells: Iterable[types.NotebookCell]) -> Iterable[Cell]:
    return [Cell(cell.document, cell.kind is types.NotebookCellKind.Code) for cell in cells]

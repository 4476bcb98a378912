"""Proposals as the protocol's edits, in the form that a client takes.

It does not know when a client is sent one.
"""

from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from plt_lsp.convert import range_to_lsp
from plt_lsp.refactor.edits import PlacedChange, PlacedEdit
from plt_lsp.refactor.proposal import Proposal

ANNOTATION = "plt"


def workspace_edit(
    proposal: Proposal, edits: Sequence[PlacedEdit], *, takes_versions: bool, is_annotated: bool, asks: bool
) -> types.WorkspaceEdit:
    """The edit that does what is proposed.

    Args:
        proposal: what it is for.
        edits: its changes, with their places.
        takes_versions: whether the client takes changes of documents at a version.
        is_annotated: whether each change is to say what it is for.
        asks: whether the client is to ask the user to confirm them.
    """
    if not takes_versions:
        return types.WorkspaceEdit(changes={one.uri: [_text_edit(change) for change in one.changes] for one in edits})
    documents = [
        types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(uri=one.uri, version=one.version),
            [_annotated(change) if is_annotated else _text_edit(change) for change in one.changes],
        )
        for one in edits
    ]
    if not is_annotated:
        return types.WorkspaceEdit(document_changes=documents)
    annotation = types.ChangeAnnotation(proposal.offer.title, needs_confirmation=asks, description=proposal.description)
    return types.WorkspaceEdit(document_changes=documents, change_annotations={ANNOTATION: annotation})


def _text_edit(change: PlacedChange) -> types.TextEdit:
    return types.TextEdit(range_to_lsp(change.start, change.end), change.text)


def _annotated(change: PlacedChange) -> types.AnnotatedTextEdit:
    return types.AnnotatedTextEdit(ANNOTATION, range_to_lsp(change.start, change.end), change.text)


def edit_to_json(edit: types.WorkspaceEdit, server: LanguageServer) -> dict[str, object]:
    """An edit as a message of the project's own holds it."""
    plain: dict[str, object] = server.protocol._converter.unstructure(edit, types.WorkspaceEdit)
    return plain

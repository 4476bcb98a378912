"""Proposals against the documents that they are for: whether they still fit, and where their places are.

It reads no file but with `files_of`. It does not know the protocol's types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from plt_lsp.documents import DocumentStore, content_of, split_lines
from plt_lsp.positions import Cursor, Position, PositionEncoding, character_of
from plt_lsp.refactor.proposal import DocumentChange, Proposal, RefusedError, TextChange


@dataclass(frozen=True, slots=True)
class PlacedChange:
    """A change of a text, with its place as the protocol counts."""

    start: Position
    end: Position
    text: str


@dataclass(frozen=True, slots=True)
class PlacedEdit:
    """All changes of one document.

    Attributes:
        uri: of the document.
        version: of its text, or None where it is not open.
        changes: of its text.
    """

    uri: str
    version: int | None
    changes: tuple[PlacedChange, ...]


Files = Mapping[str, Sequence[str]]
"""The lines of files that are not open, by URI."""


def files_of(proposal: Proposal) -> Files:
    """The lines of the files that a proposal changes and that are not open, read from the disk.

    Raises:
        RefusedError: one of them cannot be read.
    """
    return {change.uri: _file_lines(change.uri) for change in proposal.changes if change.version is None}


def placed(proposal: Proposal, documents: DocumentStore, files: Files) -> tuple[PlacedEdit, ...]:
    """A proposal's changes, if the documents are still those that it was made for.

    Raises:
        RefusedError: one of them has changed since, or was opened or closed.
    """
    encoding = documents.encoding
    return tuple(_placed(change, lines_of(change, documents, files), encoding) for change in proposal.changes)


def lines_of(change: DocumentChange, documents: DocumentStore, files: Files) -> Sequence[str]:
    """The lines of the document as it is, which the change belongs to.

    Raises:
        RefusedError: they are no longer those.
    """
    document = documents.get(change.uri)
    if change.version is None and document is None:
        return files[change.uri]
    if document is None or document.version != change.version or not document.is_in_sync:
        raise stale(change.uri)
    return document.lines


def stale(uri: str) -> RefusedError:
    """The refusal for a document that is no longer what it was."""
    return RefusedError(f"{name_of(uri)} has changed since this was asked for, so nothing is done; ask again.")


def position_after(proposal: Proposal, uri: str, documents: DocumentStore) -> Position | None:
    """Where what a proposal names will stand in an open document, once the proposal is applied."""
    change = next((one for one in proposal.changes if one.uri == uri), None)
    if proposal.named_at is None or change is None:
        return None
    after = changed(lines_of(change, documents, {}), change.changes)
    return position_in(after, proposal.named_at, documents.encoding)


def changed(lines: Sequence[str], changes: Sequence[TextChange]) -> list[str]:
    """The lines as they are with all changes made."""
    pieces, at = [], Cursor(0, 0)
    for change in changes:
        pieces += [_between(lines, at, change.start), change.text]
        at = change.end
    pieces.append(_between(lines, at, Cursor(len(lines) - 1, len(lines[-1]))))
    return split_lines("".join(pieces))


def _between(lines: Sequence[str], start: Cursor, end: Cursor) -> str:
    if start.line == end.line:
        return lines[start.line][start.column : end.column]
    whole = "".join(lines[start.line + 1 : end.line])
    return lines[start.line][start.column :] + whole + lines[end.line][: end.column]


def _placed(change: DocumentChange, lines: Sequence[str], encoding: PositionEncoding) -> PlacedEdit:
    changes = tuple(
        PlacedChange(position_in(lines, one.start, encoding), position_in(lines, one.end, encoding), one.text)
        for one in change.changes
    )
    return PlacedEdit(change.uri, change.version, changes)


def position_in(lines: Sequence[str], cursor: Cursor, encoding: PositionEncoding) -> Position:
    """A place in these lines, as the protocol counts."""
    line = content_of(lines[cursor.line])
    return Position(cursor.line, character_of(line, min(cursor.column, len(line)), encoding))


def _file_lines(uri: str) -> list[str]:
    try:
        return split_lines(Path(url2pathname(urlsplit(uri).path)).read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{name_of(uri)} cannot be read: {error}.") from None


def name_of(uri: str) -> str:
    """A document's name, as the user knows it."""
    return unquote(urlsplit(uri).path).rpartition("/")[2] or uri

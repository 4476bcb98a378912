r"""The text of the open documents, kept in step with the editor line by line.

It knows nothing of lsprotocol's types, of features, or of files on disk. A line ends with \n, \r\n or \r and with
nothing else (LSP 3.17, Text Documents); each edit costs as much as the lines it touches.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from plt_lsp.positions import Cursor, Position, PositionEncoding, column_of, split_at

MAX_DELETED_CHARS = 2000

_LINE_END = re.compile(r"\r\n|\r|\n")


class SyncReason(StrEnum):
    """Why a change was not applied, or was noted."""

    NOT_OPEN = "not_open"  # the editor changed or closed a document that it had not opened
    REOPENED = "reopened"  # the editor opened a document twice; the newer text holds
    STALE_VERSION = "stale_version"  # the change is not newer than the text; it is not applied
    JUMPED_VERSION = "jumped_version"  # versions were left out, as some editors do; the change is applied
    MALFORMED = "malformed"  # the change could not be read, so that the text is unknown until it is sent whole


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that replaces the range from start to end."""

    start: Position
    end: Position
    text: str


@dataclass(frozen=True, slots=True)
class FullText:
    """Text that replaces the whole document."""

    text: str


Change = Edit | FullText


@dataclass(frozen=True, slots=True)
class Shift:
    """What an edit did to the lines: those from `first` to `last`, which were the old ones, became `num_new` lines."""

    first: int
    last: int
    num_new: int
    old_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deletion:
    """Text that was taken away and not replaced: by one change, or by key presses next to each other.

    Attributes:
        at: where it stood.
        text: its first MAX_DELETED_CHARS.
    """

    at: Cursor
    text: str


class Document:
    """One open document.

    Attributes:
        uri: as the editor spells it.
        language_id: as the editor says.
        version: of the text.
        session_id: names this opening of the document to the engine.
        is_in_sync: False from a change that could not be read until the whole text is sent again.
        lines: every line with its line end; the last has none and may be empty, so there is always one.
        fingerprint: of the lines, whatever their order: documents that differ in it differ in their text.
        num_chars: of all lines.
        shifts: what the last batch of changes did to the lines; a text that came whole moves none.
        deletion: what the last change took away; None where it also or only added text.
        caret: where the last change ended, which is where the user most likely is; None before the first.
    """

    def __init__(self, uri: str, language_id: str, version: int, text: str, session_id: str) -> None:
        self.uri = uri
        self.language_id = language_id
        self.version = version
        self.session_id = session_id
        self.is_in_sync = True
        self.lines = split_lines(text)
        self.fingerprint = sum(map(hash, self.lines))
        self.num_chars = sum(map(len, self.lines))
        self.shifts: tuple[Shift, ...] = ()
        self.deletion: Deletion | None = None
        self.caret: Cursor | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.lines)

    def apply(self, changes: Sequence[Change], encoding: PositionEncoding) -> None:
        """Apply a batch, each change to the text that the one before left; no change can fail."""
        shifts = []
        for change in changes:
            if isinstance(change, FullText):
                self.lines = split_lines(change.text)
                self.fingerprint = sum(map(hash, self.lines))
                self.num_chars = sum(map(len, self.lines))
                self.is_in_sync = True
                self.deletion = self.caret = None
            else:
                self.deletion = self._deletion_after(change, encoding)
                shifts.append(self._splice(change, encoding))
        self.shifts = tuple(shifts)

    def _deletion_after(self, edit: Edit, encoding: PositionEncoding) -> Deletion | None:
        """What is taken away once an edit is made, which it is not yet."""
        start, end = sorted(cursor_of(self.lines, place, encoding) for place in (edit.start, edit.end))
        if edit.text or start == end:
            return None
        removed, old = text_between(self.lines, start, end, MAX_DELETED_CHARS), self.deletion
        if old is not None and end == old.at:
            removed += old.text
        elif old is not None and start == old.at:
            removed = old.text + removed
        return Deletion(start, removed[:MAX_DELETED_CHARS])

    def _splice(self, edit: Edit, encoding: PositionEncoding) -> Shift:
        start, end = sorted((edit.start, edit.end))
        first, head, _ = _split(self.lines, start, encoding)
        last, _, tail = _split(self.lines, end, encoding)
        if not head and first > 0 and self.lines[first - 1].endswith("\r"):
            first -= 1  # the new text may begin with \n, which then belongs to the \r before it
            head = self.lines[first]
        inserted = split_lines(head + edit.text)
        self.caret = Cursor(first + len(inserted) - 1, len(inserted[-1]))
        new = self._resplit(head + edit.text + tail, is_last=last == len(self.lines) - 1)
        old = tuple(self.lines[first : last + 1])
        self.fingerprint += sum(map(hash, new)) - sum(map(hash, old))
        self.num_chars += sum(map(len, new)) - sum(map(len, old))
        self.lines[first : last + 1] = new
        return Shift(first, last, len(new), old)

    @staticmethod
    def _resplit(text: str, *, is_last: bool) -> list[str]:
        lines = split_lines(text)
        # Text before other lines ends with a line end, after which split_lines opens one more, empty line.
        return lines if is_last else lines[:-1]


class DocumentStore:
    """The open documents by URI, with the versions checked."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._num_opened = 0
        self.encoding = PositionEncoding.UTF16

    def get(self, uri: str) -> Document | None:
        """The open document, or None."""
        return self._documents.get(uri)

    def __len__(self) -> int:
        return len(self._documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._documents.values()))

    def open(self, uri: str, language_id: str, version: int, text: str) -> SyncReason | None:
        """Open a document with its text."""
        reason = SyncReason.REOPENED if uri in self._documents else None
        self._num_opened += 1
        self._documents[uri] = Document(uri, language_id, version, text, f"buffer-{self._num_opened}")
        return reason

    def close(self, uri: str) -> Document | None:
        """Forget a document and return it, or None where it was not open."""
        return self._documents.pop(uri, None)

    def change(self, uri: str, version: int, changes: Sequence[Change]) -> SyncReason | None:
        """Apply a batch whole or not at all, and say what was unusual about it."""
        document = self._documents.get(uri)
        if document is None:
            return SyncReason.NOT_OPEN
        if version <= document.version:
            return SyncReason.STALE_VERSION
        reason = SyncReason.JUMPED_VERSION if version > document.version + 1 else None
        document.apply(changes, self.encoding)
        document.version = version
        return reason

    def lose(self, uri: str) -> SyncReason:
        """Note that a change of this document could not be read."""
        document = self._documents.get(uri)
        if document is None:
            return SyncReason.NOT_OPEN
        document.is_in_sync = False
        return SyncReason.MALFORMED


def split_lines(text: str) -> list[str]:
    """The lines of a text with their line ends; the last one has none."""
    text = whole_characters(text)
    ends = [0, *(end.end() for end in _LINE_END.finditer(text))]
    return [*(text[start:end] for start, end in pairwise(ends)), text[ends[-1] :]]


def whole_characters(text: str) -> str:
    """The text with each surrogate pair that arrived in two halves joined, so that columns count characters."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def content_of(line: str) -> str:
    """A line without its line end."""
    return line.rstrip("\r\n")


def text_between(lines: Sequence[str], start: Cursor, end: Cursor, max_chars: int) -> str:
    """The text from one place to another, or its first characters where it has more than so many."""
    if start.line == end.line:
        return lines[start.line][start.column : end.column][:max_chars]
    found = lines[start.line][start.column :]
    for row in range(start.line + 1, end.line + 1):
        if len(found) >= max_chars:
            break
        found += lines[row] if row < end.line else lines[row][: end.column]
    return found[:max_chars]


def cursor_of(lines: Sequence[str], position: Position, encoding: PositionEncoding) -> Cursor:
    """The place in these lines that a position means.

    A line past the last is the document's end, a character past a line's end is the end of its content, before the line
    end (LSP 3.17, Position).
    """
    if position.line >= len(lines):
        return Cursor(len(lines) - 1, len(lines[-1]))
    return Cursor(position.line, column_of(content_of(lines[position.line]), position.character, encoding))


def _split(lines: Sequence[str], position: Position, encoding: PositionEncoding) -> tuple[int, str, str]:
    """The line that a position lies on, what stands before it there, and what stands after it with the line end."""
    if position.line >= len(lines):
        return len(lines) - 1, lines[-1], ""
    line = lines[position.line]
    content = content_of(line)
    head, tail = split_at(content, position.character, encoding)
    return position.line, head, tail + line[len(content) :]

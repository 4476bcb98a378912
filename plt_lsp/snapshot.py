"""What a request sees: one document, one cursor and the settings, frozen when the request came.

It does not know the document afterwards, nor the protocol's types.
"""

from dataclasses import dataclass, replace

from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.settings import Settings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document at one moment.

    Attributes:
        uri: as the editor spells it.
        version: of the text.
        language_id: as the editor says.
        session_id: names the buffer to the engine.
        path: the file's path relative to its workspace folder, with `/`, or None where it has none.
        lines: every line with its line end; the last has none.
        cursor: where the completion begins.
        settings: that hold for the request.
        lines_before: what stands before the document's own lines where it is a part of something: a notebook's cells.
        lines_after: what stands after them.
        num_chars: of all lines of the document.
        deleted: the text that the user has just deleted at the cursor, or an empty one.
        dismissed: texts that the user has dismissed in this document, each from its line's beginning.
    """

    uri: str
    version: int
    language_id: str
    session_id: str
    path: str | None
    lines: tuple[str, ...]
    cursor: Cursor
    settings: Settings
    lines_before: tuple[str, ...] = ()
    lines_after: tuple[str, ...] = ()
    num_chars: int = 0
    deleted: str = ""
    dismissed: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.lines)

    @property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.lines[self.cursor.line][: self.cursor.column]

    @property
    def line_after(self) -> str:
        """The cursor's line from the cursor on, without its line end."""
        return content_of(self.lines[self.cursor.line])[self.cursor.column :]

    def with_typed(self, start_column: int, end_column: int, text: str) -> "Snapshot":
        """The snapshot as it would be with text typed over a part of the cursor's line; the cursor is behind it."""
        line = self.cursor.line
        old = self.lines[line]
        new = old[:start_column] + text + old[end_column:]
        return replace(
            self,
            lines=(*self.lines[:line], new, *self.lines[line + 1 :]),
            cursor=Cursor(line, start_column + len(text)),
        )

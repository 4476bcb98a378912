"""What the filters see: the text around the cursor, how much was asked for, and what the user does not want again.

It does not know the model, the editor, or how any filter decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plt_engine.types import StopUnit
from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.brackets import Surroundings, surroundings
from plt_lsp.syntax.places import Place, place_of
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.trigger import Plan


@dataclass(frozen=True, slots=True)
class View:
    """A cursor in a text, made once for all that a model says there.

    Attributes:
        lines: every line with its line end; the last has none.
        cursor: where the completion begins.
        language_id: as the editor says.
        unit: a line or a block.
        max_lines: the most lines of the completion.
        around: what is open at the cursor.
        place: what the cursor is in.
        path: the file's path relative to its workspace folder, or None.
        deleted: the text that the user has just deleted at the cursor, or an empty one.
        dismissed: texts that the user has dismissed, each from its line's beginning, as `completed` gives it.
    """

    lines: tuple[str, ...]
    cursor: Cursor
    language_id: str
    unit: StopUnit
    max_lines: int
    around: Surroundings
    place: Place = Place.CODE
    path: str | None = None
    deleted: str = ""
    dismissed: frozenset[str] = frozenset()

    @classmethod
    def at(
        cls,
        lines: Sequence[str],
        cursor: Cursor,
        language_id: str,
        *,
        unit: StopUnit = StopUnit.BLOCK,
        max_lines: int = 8,
        tree: SyntaxTree | None = None,
        place: Place | None = None,
        path: str | None = None,
        deleted: str = "",
        dismissed: Iterable[str] = (),
    ) -> "View":
        """The view of a cursor; finds out what is open there, and with the lines' tree in what place it is."""
        around = surroundings(lines, cursor, language_id)
        place = place or place_of(cursor, around, tree)
        kept = frozenset(dismissed)
        return cls(tuple(lines), cursor, language_id, unit, max_lines, around, place, path, deleted, kept)

    @classmethod
    def of(cls, snapshot: Snapshot, plan: Plan) -> "View":
        """The view of a snapshot's cursor, for the text that a plan asks for."""
        return cls.at(
            snapshot.lines,
            snapshot.cursor,
            snapshot.language_id,
            unit=plan.unit,
            max_lines=plan.max_lines,
            place=plan.place,
            path=snapshot.path,
            deleted=snapshot.deleted,
            dismissed=snapshot.dismissed,
        )

    @property
    def line_before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.lines[self.cursor.line][: self.cursor.column]

    @property
    def line_after(self) -> str:
        """The cursor's line from the cursor on, without its line end."""
        return content_of(self.lines[self.cursor.line])[self.cursor.column :]

    @property
    def above(self) -> Sequence[str]:
        """The lines above the cursor's."""
        return self.lines[: self.cursor.line]

    @property
    def below(self) -> Sequence[str]:
        """The lines below the cursor's."""
        return self.lines[self.cursor.line + 1 :]

    def completed(self, text: str) -> str:
        """A completion with what stands before it on its line, without white space at either end."""
        return (self.line_before + text).strip()

"""The open notebooks: which documents are their cells, in which order, and which of them hold code.

The cells' texts are in the document store like any other's. It does not know the protocol's types.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its document, and whether it is code rather than prose."""

    uri: str
    is_code: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The code cells of a notebook before and after one of its cells, in the notebook's order."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class NotebookStore:
    """The open notebooks by URI."""

    def __init__(self) -> None:
        self._cells: dict[str, list[Cell]] = {}
        self._notebook_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._cells)

    def open(self, uri: str, cells: Iterable[Cell]) -> None:
        """A notebook with its cells; one that was open already is replaced."""
        self.close(uri)
        self._cells[uri] = []
        self.splice(uri, 0, 0, cells)

    def close(self, uri: str) -> tuple[str, ...]:
        """Forget a notebook; returns the documents of its cells, or none where it was not open."""
        cells = self._cells.pop(uri, [])
        for cell in cells:
            self._notebook_of.pop(cell.uri, None)
        return tuple(cell.uri for cell in cells)

    def splice(self, uri: str, start: int, num_deleted: int, cells: Iterable[Cell]) -> None:
        """Replace some cells by others, as the protocol's NotebookCellArrayChange says; numbers too large end early."""
        held = self._cells.setdefault(uri, [])
        new = list(cells)
        for cell in held[start : start + num_deleted]:
            self._notebook_of.pop(cell.uri, None)
        held[start : start + num_deleted] = new
        for cell in new:
            self._notebook_of[cell.uri] = uri

    def update(self, uri: str, cells: Sequence[Cell]) -> None:
        """Cells of which the kind has changed."""
        kinds = {cell.uri: cell for cell in cells}
        self._cells[uri] = [kinds.get(cell.uri, cell) for cell in self._cells.get(uri, [])]

    def notebook_of(self, cell_uri: str) -> str | None:
        """The notebook that a document is a cell of."""
        return self._notebook_of.get(cell_uri)

    def neighbours(self, cell_uri: str) -> Neighbours:
        """The code around a cell; nothing for a document that is no cell."""
        cells = self._cells.get(self._notebook_of.get(cell_uri, ""), [])
        place = next((i for i, cell in enumerate(cells) if cell.uri == cell_uri), None)
        if place is None:
            return Neighbours()
        before = tuple(cell.uri for cell in cells[:place] if cell.is_code)
        return Neighbours(before, tuple(cell.uri for cell in cells[place + 1 :] if cell.is_code))

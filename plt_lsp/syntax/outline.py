"""The outline of a file, read from its syntax tree: what it defines and what it imports.

It does not know what an outline is for, nor any language: tables say what to look for (`plt_lsp.syntax.outlines`).
"""

from collections.abc import Sequence

from tree_sitter import Node, Point

from plt_lsp.syntax.outline_imports import imports_of
from plt_lsp.syntax.outline_query import Found, captures, definitions_in, is_rubble
from plt_lsp.syntax.outline_text import between, comment_above, docstring, signature
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Import, Outline, Rows
from plt_lsp.syntax.outlines.tables import TABLES, Table
from plt_lsp.syntax.tree import SyntaxTree

MAX_NAME_CHARS = 200
MAX_DEFINITIONS = 20_000

TYPES = frozenset(
    {
        *(DefinitionKind.CLASS, DefinitionKind.INTERFACE, DefinitionKind.STRUCT, DefinitionKind.ENUM),
        *(DefinitionKind.IMPL, DefinitionKind.TYPE),
    }
)
_VALUES = (DefinitionKind.VARIABLE, DefinitionKind.PROPERTY)
_INSIDE_TYPES = {DefinitionKind.FUNCTION: DefinitionKind.METHOD, DefinitionKind.VARIABLE: DefinitionKind.PROPERTY}


def outline(tree: SyntaxTree, rows: Rows | None = None) -> Outline:
    """The outline of a text, also of an unfinished one; of a language without a table, an empty one.

    Args:
        tree: of the text.
        rows: to look at alone, which must be all rows of what they hold at the top of the file; None for all rows.
    """
    table = TABLES.get(tree.language_id)
    if table is None or is_rubble(tree.root):
        return Outline(tree.language_id)
    matches = captures(tree.language_id, table.definitions + table.imports, tree.root, rows)
    imports = imports_of(tree, table, matches)
    reader = _Reader(tree.lines, table, _names_on_rows(imports))
    for found in definitions_in(matches)[:MAX_DEFINITIONS]:
        reader.read(found)
    return Outline(tree.language_id, tuple(reader.definitions), imports)


class _Reader:
    """Makes definitions of what is found, in order, keeping in mind what has begun and not ended."""

    def __init__(self, lines: Sequence[str], table: Table, imported: frozenset[tuple[int, str]]) -> None:
        self._lines = lines
        self._table = table
        self._imported = imported
        self._parents: list[tuple[Node, int]] = []
        self._wrappers: list[tuple[Found, int | None]] = []
        self.definitions: list[Definition] = []

    def read(self, found: Found) -> None:
        """Take what follows in the text."""
        node = found.node
        while self._parents and self._parents[-1][0].end_byte <= node.start_byte:
            self._parents.pop()
        while self._wrappers and self._wrappers[-1][0].node.end_byte <= node.start_byte:
            self._wrappers.pop()
        parent = self._parents[-1][1] if self._parents else None
        if found.kind is None:
            self._wrappers.append((found, parent))
            return
        definition = self._definition(found, found.kind, parent)
        if definition is not None:
            self._parents.append((node, len(self.definitions)))
            self.definitions.append(definition)

    def _definition(self, found: Found, kind: DefinitionKind, parent: int | None) -> Definition | None:
        """The definition, or None for what is a function's own, without a name, or said by its parent."""
        name = self._name(found)
        if parent is not None:
            outer = self.definitions[parent]
            is_in_type = outer.kind in TYPES
            kind = _INSIDE_TYPES.get(kind, kind) if is_in_type else kind
            is_local = found.body is None and not is_in_type and outer.kind is not DefinitionKind.MODULE
            if is_local or (outer.name == name and outer.header.first == found.node.start_point.row):
                return None
        if not name or (found.node.start_point.row, name) in self._imported:
            return None
        first, said = self._beginnings(found, parent)
        header, body = self._rows(found, first)
        return Definition(
            name, kind, self._signature(found, kind, said), self._doc(found, header), header, body, parent
        )

    def _name(self, found: Found) -> str:
        if found.name is None:
            return ""
        name = between(self._lines, found.name.start_point, found.name.end_point).strip("\"'")
        return name if "\n" not in name and len(name) <= MAX_NAME_CHARS else ""

    def _beginnings(self, found: Found, parent: int | None) -> tuple[Point, Point]:
        """Where a definition begins with all that belongs to it, and where its signature does."""
        first = said = found.node.start_point
        for wrapper, place in reversed(self._wrappers):
            start = wrapper.node.start_point
            if place != parent or (wrapper.capture == "group" and start.row != first.row):
                break
            first = start
            said = said if wrapper.capture == "decorated" else start
        return first, said

    def _rows(self, found: Found, first: Point) -> tuple[Rows, Rows | None]:
        end = found.node.end_point
        last = max(first.row, end.row - (end.column == 0))
        if found.body is None:
            return Rows(first.row, last), None
        head_end = _end_of_head(found.body, self._lines)
        first_of_body = found.body.start_point.row if head_end == found.body.start_point.row else head_end + 1
        return Rows(first.row, head_end), Rows(first_of_body, max(first_of_body, last))

    def _signature(self, found: Found, kind: DefinitionKind, start: Point) -> str:
        end = found.node.end_point if found.body is None else found.body.start_point
        if kind not in _VALUES or end.row == start.row:
            return signature(self._lines, start, end, self._table)
        return signature(self._lines, start, Point(start.row + 1, 0), self._table) + "..."

    def _doc(self, found: Found, header: Rows) -> str:
        if self._table.doc_is_inside:
            return "" if found.body is None else docstring(self._lines, found.body.start_point)
        return comment_above(self._lines, header.first, self._table)


def _names_on_rows(imports: Sequence[Import]) -> frozenset[tuple[int, str]]:
    """The names that imports bring, by row: a value of such a name is no definition of the file's own."""
    return frozenset((found.rows.first, name.local) for found in imports for name in found.names)


def _end_of_head(body: Node, lines: Sequence[str]) -> int:
    """The row where what stands before a body ends, the bracket that opens it included."""
    row, column = body.start_point
    if lines[row][column : column + 1] in ("{", "("):
        return row
    before = body.prev_sibling
    while before is not None and "comment" in before.type:
        before = before.prev_sibling
    return row if before is None else before.end_point.row

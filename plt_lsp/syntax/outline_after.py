"""The outline of a text after an edit, of which only what stands around the edit is read anew; it equals a fresh one.

It relies on both texts being free of syntax errors, since then nothing at the top of a file changes far from an edit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import Definition, Import, Outline, Rows
from plt_lsp.syntax.tree import SyntaxTree, changed_rows

# Below this many rows reading all of it takes no time.
MIN_ROWS = 400


@dataclass(frozen=True, slots=True)
class _Region:
    """Rows that are read anew: from `first`, up to `old_end` in the old text and `new_end` in the new one."""

    first: int
    old_end: int
    new_end: int

    @property
    def shift(self) -> int:
        """How far the rows behind it have moved."""
        return self.new_end - self.old_end


def outline_after(known: Outline, before: SyntaxTree, after: SyntaxTree) -> Outline:
    """The outline of a tree.

    Args:
        known: the outline of the tree before.
        before: that tree.
        after: the tree that is to be outlined.
    """
    is_sound = not before.root.has_error and not after.root.has_error
    if not is_sound or before.language_id != after.language_id or len(after.lines) < MIN_ROWS:
        return outline(after)
    region = _region(before, after)
    found = outline(after, Rows(region.first, region.new_end - 1))
    head = [one for one in known.definitions if one.header.first < region.first]
    behind = len(head) + sum(region.first <= one.header.first < region.old_end for one in known.definitions)
    moved = len(head) + len(found.definitions) - behind
    definitions = (
        *head,
        *(_moved(one, 0, len(head)) for one in found.definitions),
        *(_moved(one, region.shift, moved) for one in known.definitions[behind:]),
    )
    return Outline(after.language_id, definitions, tuple(_imports(known.imports, found.imports, region)))


def _imports(known: Iterable[Import], found: Iterable[Import], region: _Region) -> Iterable[Import]:
    kept = list(known)
    yield from (one for one in kept if one.rows.first < region.first)
    yield from found
    for one in kept:
        if one.rows.first >= region.old_end:
            yield replace(one, rows=_shifted(one.rows, region.shift))


def _moved(one: Definition, rows: int, places: int) -> Definition:
    """A definition so many rows further down, whose parent stands so many places further behind in the outline."""
    return replace(
        one,
        header=_shifted(one.header, rows),
        body=None if one.body is None else _shifted(one.body, rows),
        parent=None if one.parent is None else one.parent + places,
    )


def _shifted(rows: Rows, by: int) -> Rows:
    return Rows(rows.first + by, rows.last + by)


def _region(before: SyntaxTree, after: SyntaxTree) -> _Region:
    """What stands at the top of the file around the change, and its neighbours on both sides, which may say of it."""
    changed = changed_rows(before.lines, after.lines)
    old, new = _borders(before), _borders(after)
    above = [row for row in new if row < changed.first and row in old]
    shift = changed.new_end - changed.old_end
    below = [row for row in new if row > changed.new_end and row - shift in old and not after.lines[row - 1].strip()]
    first = above[-2] if len(above) > 1 else 0
    if len(below) < 2:
        return _Region(first, len(before.lines), len(after.lines))
    return _Region(first, below[1] - shift, below[1])


def _borders(tree: SyntaxTree) -> dict[int, None]:
    """The rows that something at the top of the file begins on, and nothing before it ends on."""
    borders: dict[int, None] = {}
    end = -1
    for child in tree.root.children:
        row = child.start_point.row
        if row > end:
            borders[row] = None
        last, column = child.end_point
        end = max(end, last - (column == 0 and last > row))
    return borders

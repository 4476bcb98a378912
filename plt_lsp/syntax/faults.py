"""Where a syntax tree says that the text is wrong, and where the scope of a place ends.

It does not know who wrote the text, nor what follows from either.
"""

from dataclasses import dataclass

from tree_sitter import Node

from plt_lsp.syntax.tree import SyntaxTree


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of text that the grammar cannot place, or a place where it misses something, in bytes of UTF-8."""

    start: int
    end: int
    is_missing: bool

    def covers(self, start: int, end: int) -> bool:
        """Whether a stretch lies in this one."""
        return self.start <= start and end <= self.end


def faults(tree: SyntaxTree) -> list[Fault]:
    """Every fault of a tree, those inside others as well, in order of their beginnings."""
    found: list[Fault] = []
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(Fault(node.start_byte, node.end_byte, node.is_missing))
        if node.has_error:
            waiting.extend(reversed(node.children))
    return found


def scope_end(tree: SyntaxTree, start: int, row: int, *, is_on_blank_line: bool) -> int | None:
    """Where the scope of some inserted text ends, in bytes, or None where the tree does not say.

    Args:
        tree: with the text.
        start: where the text's first token begins, in bytes.
        row: of the cursor at which the text was inserted.
        is_on_blank_line: whether nothing stood before the cursor on its line. The scope then is the smallest node
            around that began above; else the largest that begins on the line, since the line opened it.
    """
    found: Node | None = None
    node = tree.root.descendant_for_byte_range(start, start + 1)
    while node is not None and node.parent is not None:
        if node.is_error:
            return None
        if is_on_blank_line and node.start_point.row < row:
            return node.end_byte
        if not is_on_blank_line and node.start_point.row == row:
            found = node
        node = node.parent
    return None if found is None or tree.root.is_error else found.end_byte

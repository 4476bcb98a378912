"""Whether a word of a text is a name that code uses, by the nodes of its tree.

It does not know what the name means, nor where it is defined.
"""

from collections.abc import Iterator

from tree_sitter import Node

from plt_lsp.positions import Cursor
from plt_lsp.syntax.tree import SyntaxTree

_NAMES = ("name", "constant")
# What brings names into a file, or hands them on, uses none of them.
_BRINGING = ("import", "export_clause", "use_declaration", "preproc_include", "using_directive", "package")


def is_use(tree: SyntaxTree, cursor: Cursor) -> bool:
    """Whether the word that begins at a place is a name in code, and not only brought into the file or handed on."""
    point = tree.point(cursor)
    node = tree.root.descendant_for_point_range(point, point)
    if node is None or not (node.type.endswith("identifier") or node.type in _NAMES):
        return False
    return not any(word in above.type for above in _above(node) for word in _BRINGING)


def _above(node: Node) -> Iterator[Node]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent

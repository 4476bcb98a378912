"""What kind of text a place is in: code, a string or a comment.

It asks the tree, and where that has errors, the lexical rules as well; it knows nothing of scopes.
"""

from collections.abc import Sequence
from enum import StrEnum

from tree_sitter import Node

from plt_lsp.positions import Cursor
from plt_lsp.syntax.brackets import Surroundings
from plt_lsp.syntax.tree import SyntaxTree

_STRINGS = ("string", "template", "heredoc", "char_literal", "character_literal", "regex")
_CODE_IN_STRINGS = ("interpolation", "template_substitution", "expansion", "command_substitution")


class Place(StrEnum):
    """What a place is in."""

    CODE = "code"
    COMMENT = "comment"
    STRING = "string"


def place_of(cursor: Cursor, around: Surroundings, tree: SyntaxTree | None) -> Place:
    """What the cursor is in.

    Args:
        cursor: in the text.
        around: what is open at it.
        tree: of the text, or None where it has none.
    """
    place = Place.CODE if tree is None else _by_nodes(node_before(tree, cursor), tree, cursor)
    knows = tree is not None and not tree.root.has_error
    if place is not Place.CODE or knows or not around.inside:
        return place
    return Place.STRING if around.is_string else Place.COMMENT


def node_before(tree: SyntaxTree, cursor: Cursor) -> Node | None:
    """The smallest node of the character before a cursor, or at it where it is at its line's beginning."""
    end = tree.point(cursor)
    start = (end.row, max(0, end.column - 1))
    return tree.root.descendant_for_point_range(start, end)


def _by_nodes(node: Node | None, tree: SyntaxTree, cursor: Cursor) -> Place:
    point = tree.point(cursor)
    for ancestor in _ancestors(node):
        kind = ancestor.type
        if any(name in kind for name in _CODE_IN_STRINGS):
            return Place.CODE
        begins_before = ancestor.start_point < point
        if "comment" in kind and begins_before and _reaches(ancestor, point, tree.lines):
            return Place.COMMENT
        if any(name in kind for name in _STRINGS) and begins_before and point < ancestor.end_point:
            return Place.STRING
    return Place.CODE


def _reaches(comment: Node, point: tuple[int, int], lines: Sequence[str]) -> bool:
    """Whether what is typed at a point becomes part of a comment; behind one that has an end it does not."""
    if point < comment.end_point:
        return True
    end = lines[comment.end_point.row].rstrip("\r\n")
    return point == comment.end_point and not end.endswith(("*/", "-->", "]]"))


def _ancestors(node: Node | None) -> list[Node]:
    """A node and those above it, the innermost first."""
    found = []
    while node is not None:
        found.append(node)
        node = node.parent
    return found

"""What stands around a stretch of a text, as its syntax tree has it, so that a change can be held to that stretch.

It does not know what the change is for, nor what any node means, comments apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from plt_lsp.syntax.tree import SyntaxTree

Entry = tuple[int, str, int | None, int | None]
Leave = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A tree seen from a stretch of its text, in bytes of UTF-8.

    Attributes:
        outside: every node that does not lie in the stretch, in order: its depth, its kind, and where it begins and
            ends: from the text's beginning before the stretch, from the text's end behind it, None inside.
        inside: the highest nodes that lie in the stretch, comments apart: the depth and kind of each.
    """

    outside: tuple[Entry, ...]
    inside: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A piece of a text that its tree does not divide further.

    Attributes:
        kind: the node's.
        text: of the piece.
        start: where it begins, in bytes.
        end: where it ends, in bytes.
        is_comment: whether it means nothing to a program.
    """

    kind: str
    text: str
    start: int
    end: int
    is_comment: bool


def surroundings(tree: SyntaxTree, start: int, end: int) -> Surroundings:
    """What stands around the bytes from start to end."""
    num_bytes = tree.root.end_byte
    outside: list[Entry] = []
    inside: list[tuple[int, str]] = []

    def place(byte: int) -> int | None:
        return byte if byte < start else (byte - num_bytes - 1 if byte > end else None)

    def enters(node: Node, depth: int) -> bool:
        if depth > 0 and start <= node.start_byte and node.end_byte <= end:
            if not is_comment(node) and node.end_byte > node.start_byte:
                inside.append((depth, node.type))
            return False
        outside.append((depth, node.type, place(node.start_byte), place(node.end_byte)))
        return True

    for node, depth, leave in _walk(tree.root):
        if not enters(node, depth):
            leave()
    return Surroundings(tuple(outside), tuple(inside))


def leaves(tree: SyntaxTree, start: int = 0, end: int | None = None) -> tuple[Leaf, ...]:
    """The leaves of the bytes from start to end, in order; a comment or a string's text is one."""
    last = tree.root.end_byte if end is None else end
    found = []
    for node, _, leave in _walk(tree.root):
        if node.end_byte < start or node.start_byte > last:
            leave()
        elif is_comment(node) or not node.child_count:
            leave()
            if start <= node.start_byte and node.end_byte <= last and node.end_byte > node.start_byte:
                text = (node.text or b"").decode("utf-8", "replace")
                found.append(Leaf(node.type, text, node.start_byte, node.end_byte, is_comment(node)))
    return tuple(found)


def is_comment(node: Node) -> bool:
    """Whether a node is a comment, in any of the grammars."""
    return node.type.endswith("comment")


class _Steps:
    """Whether a walk goes into the node that it is at."""

    def __init__(self) -> None:
        self.goes_in = True

    def leave(self) -> None:
        self.goes_in = False


def _walk(root: Node) -> Iterator[tuple[Node, int, Leave]]:
    """Every node with its depth, outer ones first; calling what comes with it leaves out what is in it."""
    cursor, depth, steps = root.walk(), 0, _Steps()
    while True:
        steps.goes_in = True
        node = cursor.node
        assert node is not None, "a cursor is at a node"
        yield node, depth, steps.leave
        if steps.goes_in and cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1

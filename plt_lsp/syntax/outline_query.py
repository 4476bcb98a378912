"""What the query of a table finds in a tree, once each and in order of appearance.

It does not make definitions of it, and knows no language.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from tree_sitter import Node, Query, QueryCursor

from plt_lsp.syntax.grammars import language_of
from plt_lsp.syntax.outline_types import DefinitionKind, Rows

Captures = dict[str, list[Node]]
# What a parser could make nothing of, in one piece of the text.
MAX_PIECES = 5000
WRAPPERS = ("wrapper", "decorated", "group")


@dataclass(frozen=True, slots=True)
class Found:
    """A definition, or what stands around one.

    Attributes:
        node: all of it.
        kind: of a definition; a wrapper has none.
        capture: what the table calls it.
        name: the node of its name; a wrapper has none.
        body: the node that its body begins with, where the table says so.
    """

    node: Node
    kind: DefinitionKind | None
    capture: str
    name: Node | None = None
    body: Node | None = None


def captures(language_id: str, query: str, root: Node, rows: Rows | None = None) -> list[Captures]:
    """The nodes that each match of a query names, in order of the query's patterns; in some rows alone, if any."""
    cursor = QueryCursor(_query(language_id, query))
    if rows is not None:
        cursor.set_point_range((rows.first, 0), (rows.last + 1, 0))
    matches = sorted(cursor.matches(root), key=lambda match: match[0])
    return [nodes for _, nodes in matches if rows is None or _are_in(rows, nodes)]


def _are_in(rows: Rows, nodes: Captures) -> bool:
    return all(node.start_point.row in rows for named in nodes.values() for node in named)


def is_rubble(root: Node) -> bool:
    """Whether a text is broken so widely that a query would need the square of its pieces in time to find nothing."""
    waiting = [root] if root.has_error else []
    while waiting:
        node = waiting.pop()
        if node.is_error and node.child_count > MAX_PIECES:
            return True
        waiting += [child for child in node.children if child.has_error]
    return False


def definitions_in(matches: Iterable[Captures]) -> list[Found]:
    """What is found of definitions; of two that are one, what has a body, or what the table names first."""
    found: dict[tuple[int, int], Found] = {}
    for nodes in matches:
        one = _found(nodes)
        if one is None:
            continue
        key = (one.node.id, -1) if one.name is None else (one.name.start_byte, one.name.end_byte)
        if key not in found or (found[key].body is None and one.body is not None):
            found[key] = one
    return sorted(found.values(), key=lambda one: (one.node.start_byte, -one.node.end_byte, one.kind is not None))


def _found(nodes: Captures) -> Found | None:
    for wrapper in WRAPPERS:
        if wrapper in nodes:
            return Found(nodes[wrapper][0], None, wrapper)
    capture = next((capture for capture in nodes if capture not in ("name", "body")), None)
    if capture is None or "import" in nodes or "name" not in nodes:
        return None
    node, name = nodes[capture][0], nodes["name"][0]
    body = nodes["body"][0] if "body" in nodes else _after_head(node, name)
    return Found(node, DefinitionKind(capture), capture, name, body)


def _after_head(node: Node, name: Node) -> Node | None:
    """What stands behind the head of a definition that ends with the word `end`, where no node is its body."""
    if node.child_count < 2 or node.children[-1].type != "end":
        return None
    return next((child for child in node.children if child.type in ("body_statement", "block", "end")), None)


@cache
def _query(language_id: str, query: str) -> Query:
    language = language_of(language_id)
    assert language is not None, "a language with a table has a grammar"
    return Query(language, query)

"""Which whole statements some rows belong to, and the parts of a Python definition that a text can be put into.

It reads trees and does not know what is put anywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.syntax.outline_types import Rows
from plt_lsp.syntax.surroundings import is_comment
from plt_lsp.syntax.tree import SyntaxTree

_ENDINGS = ("_statement", "_declaration", "_definition", "_item", "_assignment", "comment")
_DEFINITIONS = ("function_definition", "class_definition")
_SPLATS = ("list_splat_pattern", "dictionary_splat_pattern")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a Python function.

    Attributes:
        name: without stars.
        stars: none, one or two.
        end: where its name ends.
        is_typed: whether it has a type.
        default: the text of its default, or None.
    """

    name: str
    stars: int
    end: Cursor
    is_typed: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class PythonDefinition:
    """A Python function or class.

    Attributes:
        name: of it.
        is_class: whether it is a class.
        is_async: whether it is an asynchronous function.
        is_method: whether it stands directly in a class.
        rows: all of it, with its decorators.
        start: where its head begins, behind the decorators.
        closing: where the parameters end, behind their bracket; of a class, where the name ends.
        colon: where its head ends, behind the colon.
        body: the rows of its body; the comments before the first statement are not among them.
        has_docstring: whether the body begins with one.
        parameters: those that can have a type: without that which a method gets by itself.
        returns_typed: whether the result has a type.
        decorators: their texts, with the signs.
    """

    name: str
    is_class: bool
    is_async: bool
    is_method: bool
    rows: Rows
    start: Cursor
    closing: Cursor
    colon: Cursor
    body: Rows
    has_docstring: bool
    parameters: tuple[Parameter, ...]
    returns_typed: bool
    decorators: tuple[str, ...]


def whole_statements(tree: SyntaxTree, rows: Rows) -> Rows | None:
    """The rows of the fewest whole statements that hold some rows, or None where none do; blank rows do not count."""
    said = [row for row in range(rows.first, rows.last + 1) if tree.lines[row].strip()]
    code = [row for row in said if not _is_remark(tree, row)]
    if not code:
        return None
    found = _run_around(tree, code[0], code[-1])
    # Comments before a body's first statement belong to it, though the grammars put them elsewhere.
    return None if found is None else Rows(min(found.first, said[0]), max(found.last, said[-1]))


def _is_remark(tree: SyntaxTree, row: int) -> bool:
    """Whether a row is a comment or a part of one."""
    point = tree.point(Cursor(row, _indent(tree.lines[row])))
    node = tree.root.descendant_for_point_range(point, point)
    return node is not None and is_comment(node)


def _run_around(tree: SyntaxTree, first: int, last: int) -> Rows | None:
    """The rows of the fewest whole statements that hold the rows from first to last."""
    start = tree.point(Cursor(first, _indent(tree.lines[first])))
    end = tree.point(Cursor(last, len(content_of(tree.lines[last]).rstrip())))
    node = tree.root.named_descendant_for_point_range(start, end)
    while node is not None:
        inner = [one for one in node.named_children if one.end_point.row >= first and one.start_point.row <= last]
        is_run = inner and all(one.type.endswith(_ENDINGS) for one in inner)
        if is_run and not all(map(is_comment, inner)) and node.type != "decorated_definition":
            found = Rows(inner[0].start_point.row, _last_row(inner[-1]))
            if found.first <= first and last <= found.last and _are_whole(tree, inner[0], inner[-1]):
                return found
        node = node.parent
    return None


def top_rows(tree: SyntaxTree, rows: Rows) -> Rows:
    """The rows of all that stands at the top of the file and touches some rows; those rows where nothing does."""
    touched = [
        node for node in tree.root.children if node.start_point.row <= rows.last and rows.first <= node.end_point.row
    ]
    return Rows(touched[0].start_point.row, touched[-1].end_point.row) if touched else rows


def python_definition(tree: SyntaxTree, start: Cursor, end: Cursor) -> PythonDefinition | None:
    """The innermost Python function or class that holds a stretch of the text, or None."""
    node = tree.root.named_descendant_for_point_range(tree.point(start), tree.point(end))
    while node is not None and node.type not in _DEFINITIONS:
        inner = node.child_by_field_name("definition")
        node = inner if inner is not None and inner.type in _DEFINITIONS else node.parent
    return None if node is None else _python_definition(tree, node)


def _python_definition(tree: SyntaxTree, node: Node) -> PythonDefinition | None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    colon = next((child for child in node.children if child.type == ":"), None)
    if name is None or body is None or colon is None or not body.named_child_count:
        return None
    wrapper = node.parent if node.parent is not None and node.parent.type == "decorated_definition" else None
    decorators = () if wrapper is None else tuple(_text(one) for one in wrapper.children if one.type == "decorator")
    outer = (wrapper or node).parent
    is_method = outer is not None and outer.parent is not None and outer.parent.type == "class_definition"
    parameters = node.child_by_field_name("parameters")
    found = [] if parameters is None else list(_parameters(tree, parameters))
    own = is_method and "@staticmethod" not in decorators
    first = body.named_children[0]
    return PythonDefinition(
        name=_text(name),
        is_class=node.type == "class_definition",
        is_async=node.children[0].type == "async",
        is_method=is_method,
        rows=Rows((wrapper or node).start_point.row, _last_row(node)),
        start=tree.cursor(node.start_point),
        closing=tree.cursor((parameters or name).end_point),
        colon=tree.cursor(colon.end_point),
        body=Rows(first.start_point.row, _last_row(body)),
        has_docstring=_is_string(first),
        parameters=tuple(found[1:] if own else found),
        returns_typed=node.child_by_field_name("return_type") is not None,
        decorators=decorators,
    )


def _parameters(tree: SyntaxTree, node: Node) -> Iterator[Parameter]:
    for one in node.named_children:
        if is_comment(one) or one.type.endswith("separator"):
            continue
        named = one.child_by_field_name("name") or (one.named_children[0] if one.type == "typed_parameter" else one)
        value = one.child_by_field_name("value")
        stars = len(_text(named)) - len(_text(named).lstrip("*")) if named.type in _SPLATS else 0
        if named.type == "identifier" or stars:
            end, is_typed = tree.cursor(named.end_point), one.type.startswith("typed_")
            default = None if value is None else _text(value)
            yield Parameter(_text(named).lstrip("*"), stars, end, is_typed, default)


def _is_string(node: Node) -> bool:
    return (
        node.type == "expression_statement" and node.named_child_count == 1 and "string" in node.named_children[0].type
    )


def _are_whole(tree: SyntaxTree, first: Node, last: Node) -> bool:
    """Whether nothing else but a comment stands on the rows of some nodes."""
    row, column = tree.cursor(first.start_point)
    if tree.lines[row][:column].strip():
        return False
    end = tree.cursor(last.end_point)
    rest = "" if end.column == 0 else content_of(tree.lines[end.line])[end.column :].strip(" \t;")
    return not rest or rest.startswith(("#", "//", "/*", "--"))


def _last_row(node: Node) -> int:
    end = node.end_point
    return max(node.start_point.row, end.row - (end.column == 0))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")

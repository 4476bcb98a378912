"""The facts about a range of a text, read from its syntax tree and outline.

It does not know the workspace: where an import leads is for others to say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tree_sitter import Node

from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.syntax.facts.bindings import bindings_in
from plt_lsp.syntax.facts.calls import Caller, dotted
from plt_lsp.syntax.facts.tables import NODE_TABLES, NodeTable
from plt_lsp.syntax.facts.types import Call, Facts, Named
from plt_lsp.syntax.outline_text import shortened
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Outline, Rows
from plt_lsp.syntax.tree import SyntaxTree

MAX_TEXT_CHARS = 60
FUNCTIONS = (DefinitionKind.FUNCTION, DefinitionKind.METHOD)
TYPES = (DefinitionKind.CLASS, DefinitionKind.INTERFACE, DefinitionKind.STRUCT, DefinitionKind.ENUM)


@dataclass(slots=True)
class _Found:
    """What a walk has come across so far."""

    calls: list[Node] = field(default_factory=list)
    raises: list[Named] = field(default_factory=list)
    catches: list[Named] = field(default_factory=list)
    returns: list[Named] = field(default_factory=list)
    global_names: set[str] = field(default_factory=set)
    assigned: list[Named] = field(default_factory=list)
    yields: bool = False
    num_branches: int = 0
    num_loops: int = 0


def facts_in(tree: SyntaxTree, outline: Outline, start: Cursor, end: Cursor) -> Facts:
    """What the tree shows of a range; where it is a definition, or the beginning of one, of all of that definition."""
    rows = _rows_of(tree, start, end)
    chosen = _definition_of(tree, outline, rows, covers_rows=_covers_rows(tree, rows, start, end))
    definition = None if chosen is None else outline.definitions[chosen]
    rows = rows if definition is None else definition.rows
    around = [i for i in outline.enclosing(rows.first) if i != chosen and rows.last <= outline.definitions[i].last_row]
    inside = outline.definitions[around[-1]] if around else None
    span = (start, end) if definition is None else _whole(tree, rows)
    nodes = _nodes_between(tree, *span)
    table = NODE_TABLES.get(tree.language_id)
    parent = None if definition is None or definition.parent is None else outline.definitions[definition.parent]
    facts = Facts(
        rows=rows,
        definition=definition,
        owner=parent.name if parent is not None and parent.kind not in FUNCTIONS else None,
        inside=inside,
        defines=_defines(outline, chosen, rows),
        has_errors=any(node.has_error for node in nodes),
    )
    return facts if table is None else _read(tree, outline, table, facts, nodes, _class_of(outline, around, chosen))


def _read(
    tree: SyntaxTree, outline: Outline, table: NodeTable, facts: Facts, nodes: list[Node], owner: Definition | None
) -> Facts:
    own = _function_node(table, nodes) if facts.definition is not None else None
    found = _Found()
    for node in nodes:
        _walk(node, table, found, tree.language_id, own)
    caller = Caller(tree.language_id, table, outline, bindings_in(tree.language_id, tree.root), owner)
    is_function = facts.definition is None or facts.definition.kind in FUNCTIONS
    return Facts(
        rows=facts.rows,
        definition=facts.definition,
        owner=facts.owner,
        inside=facts.inside,
        defines=facts.defines,
        is_async=own is not None and any(child.type in table.asynchronous for child in own.children),
        calls=_each_once(caller.call(node) for node in found.calls),
        raises=_distinct(found.raises) if is_function else (),
        catches=_distinct(found.catches) if is_function else (),
        returns=_distinct(found.returns) if is_function else (),
        yields=found.yields and is_function,
        num_branches=found.num_branches,
        num_loops=found.num_loops,
        globals=_distinct(name for name in found.assigned if name.text in found.global_names),
        has_errors=facts.has_errors,
    )


def _walk(root: Node, table: NodeTable, found: _Found, language_id: str, own: Node | None) -> None:
    """Note what is in a node; what functions inside it return, raise, catch and yield is theirs."""
    waiting: list[tuple[Node, bool, bool]] = [(root, False, False)]
    while waiting:
        node, is_inner, is_guarded = waiting.pop()
        kind = node.type
        if kind in table.functions and node != own:
            is_inner = True
        _note(node, table, found, is_inner=is_inner, is_guarded=is_guarded)
        if language_id == "python" and not is_inner:
            _note_globals(node, found)
        guarded_parts = _guarded(node, table)
        waiting += [(child, is_inner, is_guarded or child in guarded_parts) for child in reversed(node.named_children)]


def _note(node: Node, table: NodeTable, found: _Found, *, is_inner: bool, is_guarded: bool) -> None:
    kind = node.type
    found.num_branches += kind in table.branches
    found.num_loops += kind in table.loops
    # The error that a raise makes is told as what is raised.
    if kind in table.calls and (node.parent is None or node.parent.type not in table.raises):
        found.calls.append(node)
    if is_inner:
        return
    if kind in table.yields:
        found.yields = True
    if kind in table.raises or (kind in table.calls and dotted(node, table) in table.raising_calls):
        found.raises.append(_raised(node, table, is_guarded=is_guarded))
    if kind in table.returns and node.named_children:
        found.returns.append(Named(_one_line(node.named_children), node.start_point.row))
    if kind in table.catches:
        found.catches += _caught(node, table.catches[kind])


def _raised(node: Node, table: NodeTable, *, is_guarded: bool) -> Named:
    """The error of a raise: its name where it is made there, else the expression; nothing where it is raised again."""
    if node.type in table.calls:
        arguments = node.child_by_field_name("arguments")
        parts = arguments.named_children[:1] if arguments is not None else []
    else:
        parts = [child for child in node.named_children if child.type != "comment"][:1]
    if parts and parts[0].type in table.calls:
        name = dotted(parts[0], table)
        if name and not name.startswith("."):
            return Named(name, node.start_point.row, is_guarded)
    return Named(_one_line(parts), node.start_point.row, is_guarded)


def _caught(node: Node, kinds: frozenset[str]) -> Iterator[Named]:
    """The errors that a handler names, or an empty name for all of them."""
    waiting = [child for child in node.named_children if child.type not in ("block", "compound_statement", "comment")]
    names: list[Node] = []
    if not kinds:
        first = node.named_children[:1] if node.type == "catch_declaration" else []
        names = first
        waiting = []
    while waiting:
        here = waiting.pop(0)
        if here.type in kinds:
            names.append(here)
        elif here.type == "as_pattern":
            waiting[:0] = here.named_children[:1]
        elif here.type not in ("statement_block", "then", "block", "variable_name"):
            waiting[:0] = here.named_children
    for name in names:
        yield Named(_one_line([name]), node.start_point.row)
    if not names:
        yield Named("", node.start_point.row)


def _guarded(node: Node, table: NodeTable) -> list[Node]:
    """The parts of a try block in which a raise may be caught by its own handlers."""
    if node.type not in table.tries:
        return []
    handlers = ("except_clause", "catch_clause", "rescue", "except_group_clause")
    if not any(child.type in handlers for child in node.named_children):
        return []
    others = (*handlers, "finally_clause", "else_clause", "else", "ensure")
    return [child for child in node.named_children if child.type not in others]


def _note_globals(node: Node, found: _Found) -> None:
    if node.type == "global_statement":
        found.global_names |= {_text(child) for child in node.named_children}
    elif node.type in ("assignment", "augmented_assignment"):
        left = node.child_by_field_name("left")
        names = [] if left is None else [left] if left.type == "identifier" else left.named_children
        found.assigned += [Named(_text(one), one.start_point.row) for one in names if one.type == "identifier"]
    elif node.type == "delete_statement":
        found.assigned += [Named(_text(one), one.start_point.row) for one in node.named_children]


def _rows_of(tree: SyntaxTree, start: Cursor, end: Cursor) -> Rows:
    """The rows of a range that have text in them; an end at a row's beginning does not count the row."""
    last = end.line - 1 if end.line > start.line and end.column == 0 else end.line
    first = start.line
    while first < last and not tree.lines[first][start.column if first == start.line else 0 :].strip():
        first += 1
    while last > first and not tree.lines[last].strip():
        last -= 1
    return Rows(first, last)


def _covers_rows(tree: SyntaxTree, rows: Rows, start: Cursor, end: Cursor) -> bool:
    """Whether a range leaves out none of the text of its rows."""
    before = tree.lines[rows.first][: start.column] if start.line == rows.first else ""
    after = tree.lines[rows.last][end.column :] if end.line == rows.last else ""
    return not (before + after).strip()


def _definition_of(tree: SyntaxTree, outline: Outline, rows: Rows, *, covers_rows: bool) -> int | None:
    """The definition that the rows are, with comments around it at most, or whose header they stand in.

    A part of the row of a value is no definition: somebody asks about an expression in it.
    """
    inside = [
        i
        for i, one in enumerate(outline.definitions)
        if _within(one, rows)
        and (one.parent is None or not _within(outline.definitions[one.parent], rows))
        and (covers_rows or one.body is not None)
    ]
    if len(inside) == 1:
        one = outline.definitions[inside[0]].rows
        rest = [*range(rows.first, one.first), *range(one.last + 1, rows.last + 1)]
        return inside[0] if all(_says_nothing(tree, row) for row in rest) else None
    if inside:
        return None
    around = outline.enclosing(rows.first)
    if not around or rows.last > outline.definitions[around[-1]].header.last:
        return None
    return around[-1] if covers_rows or outline.definitions[around[-1]].body is not None else None


def _within(one: Definition, rows: Rows) -> bool:
    return rows.first <= one.header.first and one.last_row <= rows.last


def _says_nothing(tree: SyntaxTree, row: int) -> bool:
    text = content_of(tree.lines[row]).strip()
    if not text or text in ("}", "end", "};"):
        return True
    column = len(tree.lines[row]) - len(tree.lines[row].lstrip())
    point = tree.point(Cursor(row, column))
    node = tree.root.descendant_for_point_range(point, point)
    return node is not None and "comment" in node.type


def _whole(tree: SyntaxTree, rows: Rows) -> tuple[Cursor, Cursor]:
    return Cursor(rows.first, 0), Cursor(rows.last, len(content_of(tree.lines[rows.last])))


def _nodes_between(tree: SyntaxTree, start: Cursor, end: Cursor) -> list[Node]:
    """The outermost nodes that lie in a range, in order."""
    first, last = tree.point(start), tree.point(end)
    found: list[Node] = []
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.end_point <= first or node.start_point >= last:
            continue
        if first <= node.start_point and node.end_point <= last and node.parent is not None:
            found.append(node)
        else:
            waiting += reversed(node.named_children)
    return found


def _function_node(table: NodeTable, nodes: Iterable[Node]) -> Node | None:
    """The function that the code is: the first one in it, behind decorators and the like."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0)
        if node.type in table.functions:
            return node
        if node.type != "decorator":
            waiting[:0] = node.named_children
    return None


def _class_of(outline: Outline, around: list[int], chosen: int | None) -> Definition | None:
    """The type whose method the code is, or is in."""
    path = [outline.definitions[i] for i in (*around, *([] if chosen is None else [chosen]))]
    for outer, inner in reversed(list(pairwise(path))):
        if outer.kind in TYPES and inner.kind is DefinitionKind.METHOD:
            return outer
    return None


def _defines(outline: Outline, chosen: int | None, rows: Rows) -> tuple[Definition, ...]:
    if chosen is not None:
        return tuple(outline.definitions[i] for i in outline.children(chosen))
    inside = [one for one in outline.definitions if _within(one, rows)]
    return tuple(one for one in inside if one.parent is None or not _within(outline.definitions[one.parent], rows))


def _each_once(calls: Iterable[Call | None]) -> tuple[Call, ...]:
    found: dict[str, Call] = {}
    for call in calls:
        if call is not None:
            found.setdefault(call.name, call)
    return tuple(found.values())


def _distinct(names: Iterable[Named]) -> tuple[Named, ...]:
    found: dict[tuple[str, bool], Named] = {}
    counts = Counter[str]()
    for name in names:
        counts[name.text] += 1
        found.setdefault((name.text, name.is_guarded), name)
    return tuple(found.values())


def _one_line(nodes: list[Node]) -> str:
    return shortened(" ".join(" ".join(_text(node) for node in nodes).split()), MAX_TEXT_CHARS)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")

"""Inline variable: the value of a local variable takes the place of its uses, and its assignment goes.

It does not inline what may change between the assignment and a use, nor what would be worked out twice.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from plt_lsp.refactor.exact.checks import check, compiled, defined_names
from plt_lsp.refactor.exact.extract_function import replacing
from plt_lsp.refactor.exact.extraction import FRAME_READERS
from plt_lsp.refactor.exact.flow import Flow
from plt_lsp.refactor.exact.graph import may_be_unbound
from plt_lsp.refactor.exact.order import Effect, Order
from plt_lsp.refactor.exact.scopes import FUNCTIONS, LAZY, Scope, Scopes, Use
from plt_lsp.refactor.exact.selecting import (
    block_of,
    check_own_lines,
    statement_of,
    statement_start,
    walk_placed,
)
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.proposal import RefusedError, Selection

_UNFIT = (ast.NamedExpr, ast.Yield, ast.YieldFrom)


@dataclass(frozen=True, slots=True)
class InlinePlan:
    """A variable to inline: its assignment, its value and its uses."""

    name: str
    assignment: ast.Assign | ast.AnnAssign
    value: ast.expr
    uses: tuple[ast.Name, ...]


def name_at(source: Source, selection: Selection) -> ast.Name | None:
    """The variable that a selection is, or that a cursor stands in or at the end of."""
    start, end = source.offset(selection.start), source.offset(selection.end)
    for node in walk_placed(source.tree):
        if isinstance(node, ast.Name):
            first, last = source.start(node), source.end(node)
            if (first, last) == (start, end) or (start == end and first <= start <= last):
                return node
    return None


def plan_inline(source: Source, selection: Selection) -> InlinePlan:
    """The variable at a selection and why its value can stand for it.

    Raises:
        RefusedError: where it cannot.
    """
    node = name_at(source, selection)
    if node is None:
        raise RefusedError("There is no variable here, or it stands in a formatted string.")
    scopes = Scopes(source.tree)
    owner = scopes.owners[node]
    if owner is None or not isinstance(owner.node, FUNCTIONS):
        raise RefusedError(f"`{node.id}` is not a local variable of a function; others may use it.")
    uses = scopes.uses_of(owner, node.id)
    assignment = _assignment(source, scopes, owner, node.id, uses)
    value = assignment.value
    assert value is not None
    names = tuple(use.node for use in uses if not use.binds)
    if not names:
        raise RefusedError(f"`{node.id}` is not used.")
    plan = InlinePlan(node.id, assignment, value, names)  # type: ignore[arg-type]
    _check_places(source, scopes, owner, plan)
    _check_order(source, scopes, owner, plan)
    return plan


def _assignment(
    source: Source, scopes: Scopes, owner: Scope, name: str, uses: Sequence[Use]
) -> ast.Assign | ast.AnnAssign:
    binding = [use.node for use in uses if use.binds]
    if len(binding) != 1 or scopes.is_declared_elsewhere(owner, name):
        raise RefusedError(f"`{name}` gets a value in more than one place.")
    parent = source.parents.get(binding[0])
    is_single = isinstance(parent, ast.Assign) and parent.targets == binding
    is_annotated = isinstance(parent, ast.AnnAssign) and parent.target is binding[0] and parent.value is not None
    if not (is_single or is_annotated):
        raise RefusedError(f"`{name}` does not get its value by a plain assignment.")
    assert isinstance(parent, ast.Assign | ast.AnnAssign)
    assert parent.value is not None
    if any(isinstance(one, _UNFIT) for one in ast.walk(parent.value)):
        raise RefusedError(f"The value of `{name}` assigns or yields something itself.")
    for one in ast.walk(owner.node):
        if isinstance(one, ast.Name) and one.id in FRAME_READERS:
            raise RefusedError(f"`{one.id}` is used in the function, which may see all its variables.")
    return parent


def _check_places(source: Source, scopes: Scopes, owner: Scope, plan: InlinePlan) -> None:
    placed = {id(node) for node in walk_placed(source.tree)}
    read = {use.name for use in scopes.uses if use.node in set(ast.walk(plan.value))}
    for use in scopes.uses_of(owner, plan.name):
        if id(use.node) not in placed:
            raise RefusedError(f"`{plan.name}` is used in a formatted string.")
        for scope in use.scope.outward():
            if scope is owner:
                break
            if isinstance(scope.node, LAZY) or scope.is_class:
                raise RefusedError(f"`{plan.name}` is used by a function, class or generator inside of this one.")
            if shadowed := sorted(read & scope.bound):
                raise RefusedError(f"`{shadowed[0]}` means something else where `{plan.name}` is used.")
    check_own_lines(source, plan.assignment, plan.assignment)
    if source.comments_in(source.start(plan.value), source.end(plan.value)):
        raise RefusedError(f"There are comments in the value of `{plan.name}`.")


def _check_order(source: Source, scopes: Scopes, owner: Scope, plan: InlinePlan) -> None:
    order = Order(source, scopes)
    if _is_constant(scopes, order, owner, plan.value):
        flow = Flow(scopes, owner)
        for use in plan.uses:
            at = flow.at(use)
            if at is None or may_be_unbound(flow.graph, plan.name, at, False):
                raise RefusedError(f"`{plan.name}` may have no value yet where it is used.")
        return
    if len(plan.uses) > 1:
        raise RefusedError(f"`{plan.name}` is used {len(plan.uses)} times, and its value may differ each time.")
    use, statement = plan.uses[0], statement_of(source, plan.uses[0])
    body = block_of(source, plan.assignment)
    i = body.index(plan.assignment)
    if body[i + 1 : i + 2] != [statement]:
        raise RefusedError(f"`{plan.name}` is not used in the statement right behind its assignment alone.")
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        raise RefusedError(f"`{plan.name}` is used by a definition.")
    order.check_first(statement, use, plan.value)


def _is_constant(scopes: Scopes, order: Order, owner: Scope, value: ast.expr) -> bool:
    """Whether a value is the same at any time: a constant, or a name that is bound once."""
    if isinstance(value, ast.Name):
        holder = scopes.owners.get(value)
        if holder is None:
            return order.is_builtin(value)
        bindings = [use for use in scopes.uses_of(holder, value.id) if use.binds]
        return len(bindings) == 1 and order.is_stable(value) and (holder is owner or holder.is_module)
    is_plain = isinstance(value, ast.Constant | ast.UnaryOp)
    return is_plain and order.effect(value) is Effect.INERT


def inline_variable(source: Source, plan: InlinePlan) -> list[Splice]:
    """The changes that put the value in the place of each use and take the assignment away.

    Raises:
        RefusedError: where the result does not pass the checks.
    """
    if len(block_of(source, plan.assignment)) == 1:
        raise RefusedError("The assignment is all there is in its block.")
    removed = _removal(source, plan.assignment)
    text = source.segment(plan.value)
    texts = [f"({text})"] * len(plan.uses)
    for i in range(len(texts)):
        tried = [*texts[:i], text, *texts[i + 1 :]]
        if _is_right(source, _spliced(source, plan, removed, tried), plan):
            texts = tried
    splices = _spliced(source, plan, removed, texts)
    check(_is_right(source, splices, plan))
    return splices


def _spliced(source: Source, plan: InlinePlan, removed: Splice, texts: Sequence[str]) -> list[Splice]:
    return [removed, *(replacing(source, use, text) for use, text in zip(plan.uses, texts, strict=True))]


def _removal(source: Source, statement: ast.stmt) -> Splice:
    """Takes a statement's lines away; a comment behind it stays on a line of its own."""
    start, end = statement_start(source, statement), source.end(statement)
    row = source.row(end)
    rest = source.text[end : source.line_start(row) + len(source.lines[row])].strip()
    if rest:
        return Splice(start, source.text.index("#", end), "")
    return Splice(source.line_start(source.row(start)), source.line_start(row + 1), "")


class _Inlined(ast.NodeTransformer):
    """The tree that inlining should give."""

    def __init__(self, plan: InlinePlan) -> None:
        self.plan = plan

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.plan.value if node in self.plan.uses else node

    def visit(self, node: ast.AST) -> ast.AST:
        return None if node is self.plan.assignment else super().visit(node)  # type: ignore[return-value]


def _is_right(source: Source, splices: Sequence[Splice], plan: InlinePlan) -> bool:
    text = source.spliced(splices)
    try:
        tree = compiled(text)
    except RefusedError:
        return False
    # The nodes are found by identity, so that the tree is changed in a copy made for this alone.
    fresh = Source([f"{line}\n" for line in source.lines[:-1]] + source.lines[-1:])
    twins = dict(zip(ast.walk(source.tree), ast.walk(fresh.tree), strict=True))
    twin = InlinePlan(
        plan.name,
        twins[plan.assignment],  # type: ignore[arg-type]
        twins[plan.value],  # type: ignore[arg-type]
        tuple(twins[use] for use in plan.uses),  # type: ignore[misc]
    )
    wanted = _Inlined(twin).visit(fresh.tree)
    return ast.dump(tree) == ast.dump(wanted) and defined_names(tree) == defined_names(source.tree)

"""In which order an expression's parts are worked out, and whether one part may be worked out before others.

It does not know refactorings. Reading an attribute, an operator and formatting are taken to have no effects; calls,
awaits, yields and assignments are taken to have any.
"""

import ast
import builtins
from collections.abc import Iterator
from enum import IntEnum
from itertools import pairwise

from plt_lsp.refactor.exact.scopes import COMPREHENSIONS, FUNCTIONS, Scopes
from plt_lsp.refactor.exact.selecting import is_elif
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import RefusedError

_QUIET_CALLS = frozenset(
    {"len", "str", "repr", "ascii", "int", "float", "bool", "isinstance", "type", "id", "abs", "ord"}
)
_QUIET = (
    *(ast.Attribute, ast.Subscript, ast.Slice, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Starred),
    *(ast.JoinedStr, ast.FormattedValue, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp),
    *(ast.DictComp, ast.comprehension, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.keyword),
)


class Effect(IntEnum):
    """What working out an expression may do."""

    INERT = 0  # nothing, and nothing else changes it
    QUIET = 1  # nothing by itself, but what it gives depends on when
    LOUD = 2  # anything


class Order:
    """The order of evaluation in one file.

    Args:
        source: the file.
        scopes: of its names.
    """

    def __init__(self, source: Source, scopes: Scopes) -> None:
        self.source = source
        self.scopes = scopes

    def effect(self, node: ast.AST) -> Effect:
        """What an expression may do."""
        if isinstance(node, ast.Constant):
            return Effect.INERT
        if isinstance(node, ast.Name):
            return Effect.INERT if self.is_stable(node) else Effect.QUIET
        if isinstance(node, ast.Lambda):
            return max(
                [self.effect(one) for one in [*node.args.defaults, *node.args.kw_defaults] if one], default=Effect.INERT
            )
        if isinstance(node, ast.Tuple | ast.UnaryOp | ast.Starred) and self._is_plain(node):
            return Effect.INERT
        if isinstance(node, ast.Call) and self._is_quiet_call(node):
            return max([Effect.QUIET, *map(self.effect, [*node.args, *node.keywords])])
        if isinstance(node, _QUIET):
            return max([Effect.QUIET, *(self.effect(child) for child in ast.iter_child_nodes(node))])
        return Effect.LOUD

    def _is_plain(self, node: ast.AST) -> bool:
        if isinstance(node, ast.UnaryOp):
            return isinstance(node.operand, ast.Constant)
        return isinstance(node, ast.Tuple) and all(self.effect(one) is Effect.INERT for one in node.elts)

    def _is_quiet_call(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Name) and node.func.id in _QUIET_CALLS and self.is_builtin(node.func)

    def is_builtin(self, node: ast.Name) -> bool:
        """Whether a name is Python's own, which the file does not bind."""
        has_star = any(
            isinstance(one, ast.ImportFrom) and one.names[0].name == "*" for one in ast.walk(self.source.tree)
        )
        return self.scopes.owners.get(node) is None and hasattr(builtins, node.id) and not has_star

    def is_stable(self, node: ast.Name) -> bool:
        """Whether nothing but the code around a name can give it another value."""
        owner = self.scopes.owners.get(node)
        return owner is None or (not owner.is_class and not self.scopes.is_declared_elsewhere(owner, node.id))

    def before(self, statement: ast.stmt, node: ast.expr) -> list[ast.AST]:
        """What a statement works out before one of its expressions.

        Raises:
            RefusedError: where the expression is not worked out exactly once, or later than the statement.
        """
        chain = [node, *self._up_to(node, statement)]
        found: list[ast.AST] = []
        for child, parent in pairwise(chain):
            found += _earlier(parent, child)
        return found

    def _up_to(self, node: ast.AST, statement: ast.stmt) -> list[ast.AST]:
        found = []
        for one in self.source.above(node):
            found.append(one)
            if one is statement:
                return found
        return found

    def check_first(self, statement: ast.stmt, node: ast.expr, moved: ast.expr) -> None:
        """Refuse to work out something before a statement that stands, or would stand, for a part of it.

        Args:
            statement: as it is.
            node: the part.
            moved: what is worked out before.

        Raises:
            RefusedError: where that could make a difference.
        """
        effect = self.effect(moved)
        if isinstance(moved, ast.Constant):
            return
        if is_elif(self.source, statement):
            raise RefusedError("An `elif` is reached only where the tests before it fail.")
        for one in self.before(statement, node):
            other = self.effect(one)
            if any(isinstance(part, ast.NamedExpr) for part in ast.walk(one)):
                raise RefusedError("A variable is assigned before it in the same statement.")
            if other is Effect.INERT or effect is Effect.INERT or (other, effect) == (Effect.QUIET, Effect.QUIET):
                continue
            if not self._is_steady_callee(one):
                what = ast.unparse(one)
                raise RefusedError(f"`{_short(what)}` is worked out before it, and one may change the other.")

    def _is_steady_callee(self, node: ast.AST) -> bool:
        """Whether a node is an attribute to be called, that the file never assigns, of a name that keeps its value."""
        parent = self.source.parents.get(node)
        if not (isinstance(parent, ast.Call) and parent.func is node and isinstance(node, ast.Attribute)):
            return False
        if self._is_of_module(node.value):
            return True
        return isinstance(node.value, ast.Name) and self.is_stable(node.value) and not self._is_assigned(node.attr)

    def _is_of_module(self, node: ast.AST) -> bool:
        """Whether it is an imported module, or what is in one."""
        while isinstance(node, ast.Attribute):
            node = node.value
        owner = self.scopes.owners.get(node)
        if not isinstance(node, ast.Name) or owner is None:
            return False
        bound = [use.node for use in self.scopes.uses_of(owner, node.id) if use.binds]
        return all(isinstance(one, ast.alias) for one in bound)

    def _is_assigned(self, attr: str) -> bool:
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute) and node.attr == attr and not isinstance(node.ctx, ast.Load):
                return True
            if isinstance(node, FUNCTIONS) and node.name == attr and node.decorator_list:
                return True
            if isinstance(node, ast.Constant) and node.value == attr:
                return True
        return False


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _earlier(parent: ast.AST, child: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that are worked out before one of them."""
    steps, num_sure = _steps(parent)
    i = next((i for i, one in enumerate(steps) if one is child), None)
    if i is None or i >= num_sure:
        raise RefusedError("It is not worked out exactly once whenever the statement is run.")
    yield from steps[:i]


def _steps(node: ast.AST) -> tuple[list[ast.AST], int]:
    """The parts of a node in their order, and how many of them are worked out once for certain."""
    sure = _sure_steps(node)
    if sure is not None:
        return sure, len(sure)
    if isinstance(node, ast.BoolOp):
        return list(node.values), 1
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators], 2
    if isinstance(node, ast.With | ast.AsyncWith):
        return [node.items[0]], 1
    if isinstance(node, COMPREHENSIONS):
        return [node.generators[0]], 1
    first = {ast.If: "test", ast.IfExp: "test", ast.Assert: "test", ast.For: "iter", ast.AsyncFor: "iter"}
    first |= {ast.Match: "subject", ast.withitem: "context_expr", ast.comprehension: "iter"}
    field = first.get(type(node))
    return ([getattr(node, field)], 1) if field else ([], 0)


def _sure_steps(node: ast.AST) -> list[ast.AST] | None:
    """The parts of a node all of which are worked out, in their order; None for other nodes."""
    if isinstance(node, ast.Assign):
        return [node.value, *node.targets]
    if isinstance(node, ast.AnnAssign):
        return [one for one in (node.value, node.target) if one is not None]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [one for pair in pairs for one in pair if one is not None]
    fields = {
        ast.Expr: ("value",),
        ast.Return: ("value",),
        ast.AugAssign: ("target", "value"),
        ast.Raise: ("exc", "cause"),
        ast.Call: ("func", "args", "keywords"),
        ast.keyword: ("value",),
        ast.BinOp: ("left", "right"),
        ast.UnaryOp: ("operand",),
        ast.Subscript: ("value", "slice"),
        ast.Slice: ("lower", "upper", "step"),
        ast.Attribute: ("value",),
        ast.Starred: ("value",),
        ast.Await: ("value",),
        ast.Yield: ("value",),
        ast.YieldFrom: ("value",),
        ast.List: ("elts",),
        ast.Tuple: ("elts",),
        ast.Set: ("elts",),
    }.get(type(node))
    if fields is None:
        return None
    found: list[ast.AST] = []
    for field in fields:
        value = getattr(node, field)
        found += value if isinstance(value, list) else [value] if value is not None else []
    return found

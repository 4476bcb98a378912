"""Extract variable: an expression is worked out on a line of its own before the statement that it is in.

It does not replace other expressions that look the same; they may be worked out at another time.
"""

import ast
from dataclasses import dataclass

from plt_lsp.refactor.exact.checks import check, compiled, defined_names
from plt_lsp.refactor.exact.extract_function import replacing
from plt_lsp.refactor.exact.extraction import FRAME_READERS
from plt_lsp.refactor.exact.naming import check_free, taken_names
from plt_lsp.refactor.exact.order import Order
from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scopes
from plt_lsp.refactor.exact.selecting import (
    CUTS,
    check_own_lines,
    is_docstring,
    scope_node,
    selected_expression,
    statement_of,
    statement_start,
)
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.proposal import RefusedError, Selection

_UNFIT = (ast.NamedExpr, ast.Yield, ast.YieldFrom)


@dataclass(frozen=True, slots=True)
class VariablePlan:
    """All but the name of a variable to extract."""

    expression: ast.expr
    statement: ast.stmt
    at: int
    indent: str


def plan_variable(source: Source, selection: Selection) -> VariablePlan:
    """What a selection needs to become a variable.

    Raises:
        RefusedError: where it cannot.
    """
    expression = selected_expression(source, selection)
    if expression is None:
        raise RefusedError(CUTS)
    statement = statement_of(source, expression)
    if isinstance(statement, ast.ClassDef) or isinstance(scope_node(source, statement), ast.ClassDef):
        raise RefusedError("In a class body a variable would become an attribute of the class.")
    _check_fit(source, expression, statement)
    check_own_lines(source, statement, statement)
    Order(source, Scopes(source.tree)).check_first(statement, expression, expression)
    start = statement_start(source, statement)
    line = source.line_start(source.row(start))
    return VariablePlan(expression, statement, line, source.text[line:start])


def _check_fit(source: Source, expression: ast.expr, statement: ast.stmt) -> None:
    if is_docstring(source, statement):
        raise RefusedError("A docstring cannot become a variable.")
    if not isinstance(getattr(expression, "ctx", ast.Load()), ast.Load):
        raise RefusedError("The selection is what is assigned to, not a value.")
    if any(isinstance(one, _UNFIT) for one in ast.walk(expression)):
        raise RefusedError("The selection assigns or yields something itself.")
    if isinstance(statement, (*FUNCTIONS, ast.Delete, ast.Import, ast.ImportFrom)):
        raise RefusedError("A decorator, default value or annotation cannot become a variable.")
    if isinstance(statement, ast.AnnAssign) and _is_below(source, expression, statement.annotation):
        raise RefusedError("An annotation cannot become a variable.")
    if any(isinstance(one, ast.match_case) for one in _between(source, expression, statement)):
        raise RefusedError("A pattern is no value.")
    for one in ast.walk(scope_node(source, statement)):
        if isinstance(one, ast.Name) and one.id in FRAME_READERS:
            raise RefusedError(f"`{one.id}` is used in the function, which may see all its variables.")


def _between(source: Source, node: ast.AST, statement: ast.stmt) -> list[ast.AST]:
    found = []
    for one in source.above(node):
        if one is statement:
            break
        found.append(one)
    return found


def _is_below(source: Source, node: ast.AST, top: ast.AST) -> bool:
    return node is top or top in source.above(node)


def extract_variable(source: Source, plan: VariablePlan, name: str) -> list[Splice]:
    """The changes that make the variable and use it, the variable's first.

    Raises:
        RefusedError: where the name is taken, or the result does not pass the checks.
    """
    check_free(name, taken_names(source))
    text = source.segment(plan.expression)
    value = text if _is_bracketed(plan.expression, text) else f"({text})"
    made = Splice(plan.at, plan.at, f"{plan.indent}{name} = {value}\n")
    whole = isinstance(plan.statement, ast.Expr) and plan.statement.value is plan.expression
    if whole:
        start = statement_start(source, plan.statement)
        if source.text[start : source.end(plan.statement)] != text:
            raise RefusedError("The statement is the selection and brackets around it; remove those first.")
        splices = [Splice(start, start, f"{name} = ")]
    else:
        splices = [made, replacing(source, plan.expression, name)]
    _check_variable(source, splices, plan, name, whole)
    return splices


def _is_bracketed(node: ast.expr, text: str) -> bool:
    """Whether an expression can stand alone: each of its line ends is in brackets or in a string."""
    try:
        tree = ast.parse(f"_ = {text}")
    except SyntaxError:
        return False
    first = tree.body[0]
    return len(tree.body) == 1 and isinstance(first, ast.Assign) and ast.dump(first.value) == ast.dump(node)


class _Back(ast.NodeTransformer):
    """Puts the expression back in the place of its variable."""

    def __init__(self, name: str, expression: ast.expr) -> None:
        self.name = name
        self.expression = expression
        self.num_uses = 0
        self.values: list[ast.expr] = []

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id != self.name:
            return node
        self.num_uses += 1
        return self.expression

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        if [getattr(one, "id", None) for one in node.targets] == [self.name]:
            self.values.append(node.value)
            return None
        return self.generic_visit(node)


def _check_variable(source: Source, splices: list[Splice], plan: VariablePlan, name: str, whole: bool) -> None:
    tree = compiled(source.spliced(splices))
    check(defined_names(tree) == defined_names(source.tree))
    if whole:
        check(ast.dump(tree).count(f"Name(id='{name}', ctx=Store())") == 1)
        return
    back = _Back(name, plan.expression)
    restored = back.visit(tree)
    check(back.num_uses == 1 and [ast.dump(one) for one in back.values] == [ast.dump(plan.expression)])
    check(ast.dump(restored) == ast.dump(source.tree))

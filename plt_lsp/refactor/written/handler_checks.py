"""Checks of statements that were put into a `try`: they are as they were, and the handler does not hide anything.

They hold for Python and go by its own syntax tree. Each returns None or what is wrong, as a sentence for the user.
"""

import ast
import builtins

from plt_lsp.refactor.written.change import Compared
from plt_lsp.refactor.written.python_checks import CHANGES_CODE, NOT_VALID, rows_of, shape_of, tree_of, trees_of


def same_without_handler(both: Compared) -> str | None:
    """Whether the new text is the old one with its statements in a `try` that has one handler."""
    trees = trees_of(both)
    if trees is None:
        return NOT_VALID
    found = _try_at(trees[1], rows_of(both.after)[0])
    if found is None or len(found.handlers) != 1 or found.orelse or found.finalbody:
        return CHANGES_CODE.format(what="the handler")
    unwrapped = _Unwrapped(found).visit(trees[1])
    return None if shape_of(trees[0]) == shape_of(unwrapped) else CHANGES_CODE.format(what="the handler")


def handles_errors(both: Compared) -> str | None:
    """Whether the handler names errors, does something, and does not go on as if nothing had happened."""
    tree = tree_of(both.after.text)
    found = None if tree is None else _try_at(tree, rows_of(both.after)[0])
    if found is None or found.handlers[0].type is None:
        return "The handler does not say which errors it handles."
    handler = found.handlers[0]
    assert handler.type is not None, "it was looked at just now"
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wrong = next((ast.unparse(kind) for kind in kinds if not _is_error(kind, tree)), None)
    if wrong is not None or not kinds:
        return f"`{wrong or '()'}` is no error that can be handled."
    last = handler.body[-1]
    if any(isinstance(kind, ast.Name) and kind.id == "Exception" for kind in kinds) and not isinstance(last, ast.Raise):
        return "The handler would hide every error."
    leaves = isinstance(last, ast.Raise | ast.Return | ast.Continue | ast.Break)
    return None if leaves else "The handler would go on as if nothing had happened."


class _Unwrapped(ast.NodeTransformer):
    """Puts the statements of one `try` in its place."""

    def __init__(self, wrapper: ast.Try) -> None:
        self._wrapper = wrapper

    def visit_Try(self, node: ast.Try) -> ast.AST | list[ast.stmt]:
        return node.body if node is self._wrapper else self.generic_visit(node)


def _try_at(tree: ast.Module, row: int) -> ast.Try | None:
    return next((node for node in ast.walk(tree) if isinstance(node, ast.Try) and node.lineno == row), None)


def _is_error(node: ast.expr, tree: ast.Module | None) -> bool:
    """Whether an expression names errors: those of Python that are no signal to end, or a name that looks like one."""
    if isinstance(node, ast.Attribute):
        return node.attr.endswith(("Error", "Exception", "Warning", "Timeout")) or node.attr in ("error", "timeout")
    if not isinstance(node, ast.Name):
        return False
    builtin = getattr(builtins, node.id, None)
    if builtin is not None:
        return isinstance(builtin, type) and issubclass(builtin, Exception)
    classes = {one.name for one in ast.walk(tree or ast.Module([], [])) if isinstance(one, ast.ClassDef)}
    return node.id.endswith(("Error", "Exception", "Warning")) or node.id in classes

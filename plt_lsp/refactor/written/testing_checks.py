"""Checks of a test that was added to a file: it is one, it asserts, and it does nothing beside.

They hold for Python and go by its own syntax tree. Each returns None or what is wrong, as a sentence for the user.
"""

import ast

from plt_lsp.refactor.written.change import Compared
from plt_lsp.refactor.written.python_checks import CHANGES_CODE, NOT_VALID, SCOPES, shape_of, trees_of


def adds_one_test(both: Compared) -> str | None:
    """Whether the only difference is one function at the end that tests: named so, asserting, without arguments."""
    trees = trees_of(both)
    if trees is None:
        return NOT_VALID
    before, after = trees
    kept, added = after.body[: len(before.body)], after.body[len(before.body) :]
    if [*map(shape_of, kept)] != [*map(shape_of, before.body)] or len(added) != 1:
        return CHANGES_CODE.format(what="the test")
    (test,) = added
    if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_") or test.decorator_list:
        return "It is no test."
    if test.args.args or test.args.defaults or test.args.vararg or test.args.kwonlyargs or test.returns is not None:
        return "The test asks for arguments."
    inside = [*ast.walk(test)]
    nested = any(
        isinstance(node, (*SCOPES, ast.Import, ast.ImportFrom, ast.Global)) for node in inside if node is not test
    )
    if nested:
        return "The test does more than to test."
    return None if checks_of(test) else "The test checks nothing."


def checks_of(test: ast.AST) -> list[ast.Assert]:
    """The assertions of a test that could fail."""
    return [node for node in ast.walk(test) if isinstance(node, ast.Assert) and not _always_holds(node.test)]


def _always_holds(tested: ast.expr) -> bool:
    """Whether an assertion says something about constants, or compares a thing with itself."""
    if isinstance(tested, ast.BoolOp):
        return any(map(_always_holds, tested.values))
    if isinstance(tested, ast.Constant | ast.Tuple):
        return True
    if not isinstance(tested, ast.Compare):
        return False
    return any(shape_of(tested.left) == shape_of(other) for other in tested.comparators)

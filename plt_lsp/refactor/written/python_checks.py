"""Checks of changes to Python, by its own compiler and syntax tree; nothing is ever run.

They hold for Python alone and pass everything else. Each returns None or what is wrong, as a sentence for the user.
"""

import ast
import warnings
from collections import Counter

from plt_lsp.refactor.written.change import Compared, Side

# What hostile texts bring the compiler to, beside what they should.
FAILURES = (SyntaxError, ValueError, RecursionError, MemoryError)
NOT_VALID = "The file is not valid Python."
CHANGES_CODE = "It would change code beside {what}."
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def tree_of(text: str) -> ast.Module | None:
    """The syntax tree of a text, or None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except FAILURES:
        return None


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of a text, or None where the compiler refuses it, also for what a tree does not show."""
    tree = tree_of(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<text>", "exec", dont_inherit=True)
    except FAILURES:
        return None
    return tree


def shape_of(node: ast.AST) -> str:
    """A tree as a text, without its places; two of the same shape mean the same."""
    try:
        return ast.dump(node)
    except RecursionError:
        return f"too deep: {id(node)}"


def compiles(both: Compared) -> str | None:
    """Whether the compiler takes the new text, where it took the old one, and without a new warning."""
    if both.change.language_id != "python" or parsed(both.before.text) is None:
        return None
    if parsed(both.after.text) is None:
        return "It would not be valid Python."
    added = _warnings(both.after.text) - _warnings(both.before.text)
    return "Python would warn of it." if added else None


def same_without_docstrings(both: Compared) -> str | None:
    """Whether nothing but docstrings has changed, and one has been added."""
    trees = trees_of(both)
    if trees is None:
        return NOT_VALID
    num_before, num_after = (sum(map(_has_docstring, ast.walk(tree))) for tree in trees)
    before, after = (shape_of(_WithoutDocstrings().visit(tree)) for tree in trees)
    return None if before == after and num_after == num_before + 1 else CHANGES_CODE.format(what="the docstring")


def same_without_hints(both: Compared) -> str | None:
    """Whether nothing but hints has changed, and those that were there are still there."""
    trees = trees_of(both)
    if trees is None:
        return NOT_VALID
    old, new = (_hints(tree) for tree in trees)
    is_kept = len(old) == len(new) and all(a is None or a == b for a, b in zip(old, new, strict=True))
    before, after = (shape_of(_WithoutHints().visit(tree)) for tree in trees)
    return None if is_kept and before == after else CHANGES_CODE.format(what="the type hints")


def has_files_levels(both: Compared) -> str | None:
    """Whether a level is indented as far as one is in the file."""
    trees = trees_of(both)
    if trees is None:
        return None
    known, first, last = _steps(trees[0]), *rows_of(both.after)
    added = {step for row, step in _steps(trees[1]).items() if first <= row <= last} - set(known.values())
    return "It is indented otherwise than the file." if known and added else None


def trees_of(both: Compared) -> tuple[ast.Module, ast.Module] | None:
    """Trees of both texts, to be changed at will, or None where one has none or is no Python."""
    if both.change.language_id != "python":
        return None
    before, after = tree_of(both.before.text), tree_of(both.after.text)
    return None if before is None or after is None else (before, after)


def _warnings(text: str) -> Counter[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            compile(text, "<text>", "exec", dont_inherit=True)
        except FAILURES:
            return Counter()
    return Counter(str(one.message) for one in found)


def rows_of(side: Side) -> tuple[int, int]:
    """The first and last row of the stretch, from 1, as the compiler counts them."""
    start, end = side.cursors
    return start.line + 1, end.line + 1


def _steps(tree: ast.Module) -> dict[int, int]:
    """How much further each block is indented than what it belongs to, by the row that it begins on."""
    found: dict[int, int] = {}
    for node in ast.walk(tree):
        for _, inner in ast.iter_fields(node):
            first = inner[0] if isinstance(inner, list) and inner else None
            if isinstance(first, ast.stmt) and isinstance(node, ast.stmt | ast.excepthandler):
                is_below = first.lineno > node.lineno and first.col_offset > node.col_offset
                found |= {first.lineno: first.col_offset - node.col_offset} if is_below else {}
    return found


class _WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        if _has_docstring(node):
            assert isinstance(node, SCOPES)
            node.body = node.body[1:]
        return super().generic_visit(node)


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, SCOPES) and ast.get_docstring(node, clean=False) is not None


class _WithoutHints(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        return super().generic_visit(node)


def _hints(tree: ast.AST) -> list[str | None]:
    """Every place of a parameter or a result that could have a hint, with its hint, in one order."""
    found: list[str | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            found.append(None if node.annotation is None else shape_of(node.annotation))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(None if node.returns is None else shape_of(node.returns))
    return found

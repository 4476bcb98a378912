"""What a selection of Python code is: whole statements of one block, one whole expression, or a name.

It does not know what is to be done with them.
"""

import ast
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from plt_lsp.refactor.exact.scopes import FUNCTIONS
from plt_lsp.refactor.exact.source import Source, Token
from plt_lsp.refactor.proposal import RefusedError, Selection

CUTS = "The selection cuts a statement or an expression; select whole ones."


@dataclass(frozen=True, slots=True)
class Block:
    """Whole statements that follow each other; places in characters include comments around them in the selection.

    Attributes:
        statements: the statements.
        start: of the line of the first statement or of a selected comment before it.
        end: of the line of the last, without its line end.
    """

    statements: tuple[ast.stmt, ...]
    start: int
    end: int


def selected_tokens(source: Source, selection: Selection) -> list[Token]:
    """The tokens in a selection, comments too.

    Raises:
        RefusedError: where it cuts one, unless it is a comment.
    """
    start, end = source.offset(selection.start), source.offset(selection.end)
    found = [token for token in source.tokens if token.start < end and start < token.end]
    for token in found:
        if token.type != tokenize.COMMENT and not start <= token.start <= token.end <= end:
            raise RefusedError("The selection lies in a string." if _is_within(token, start, end) else CUTS)
    return found


def _is_within(token: Token, start: int, end: int) -> bool:
    return token.type == tokenize.STRING and token.start < start and end < token.end


def selected_block(source: Source, selection: Selection) -> Block | None:
    """The statements that are selected, or None where an expression or less is.

    Raises:
        RefusedError: where they do not have their lines to themselves.
    """
    tokens = selected_tokens(source, selection)
    code = [token for token in tokens if token.type != tokenize.COMMENT]
    if not code:
        return None
    for body in bodies(source.tree):
        chosen = _between(source, body, code[0].start, code[-1].end)
        if chosen:
            return _block(source, tuple(chosen), tokens)
    return None


def _between(source: Source, body: list[ast.stmt], start: int, end: int) -> list[ast.stmt]:
    first = next((i for i, one in enumerate(body) if statement_start(source, one) == start), None)
    last = next((i for i, one in enumerate(body) if source.end(one) == end), None)
    return [] if first is None or last is None else body[first : last + 1]


def _block(source: Source, statements: tuple[ast.stmt, ...], tokens: list[Token]) -> Block:
    first_row = source.row(min(tokens[0].start, statement_start(source, statements[0])))
    last_row = source.row(max(tokens[-1].end, source.end(statements[-1])))
    check_own_lines(source, statements[0], statements[-1])
    return Block(statements, source.line_start(first_row), source.line_start(last_row) + len(source.lines[last_row]))


def check_own_lines(source: Source, first: ast.stmt, last: ast.stmt) -> None:
    """Refuse statements that share a line with other code.

    Raises:
        RefusedError: where they do.
    """
    start, end = statement_start(source, first), source.end(last)
    before = source.text[source.line_start(source.row(start)) : start]
    line_end = source.line_start(source.row(end)) + len(source.lines[source.row(end)])
    behind = source.text[end:line_end].strip()
    if is_elif(source, first):
        raise RefusedError("An `elif` is reached only where the tests before it fail.")
    if before.strip() or (behind and not behind.startswith("#")):
        raise RefusedError("Other code stands on the same line; give the statement a line of its own first.")


def is_elif(source: Source, node: ast.AST) -> bool:
    """Whether an `if` is written as the `elif` of another."""
    return isinstance(node, ast.If) and source.text.startswith("elif", source.start(node))


def statement_start(source: Source, node: ast.stmt) -> int:
    """Where a statement begins, with its decorators and their `@`."""
    decorators = getattr(node, "decorator_list", None)
    if not decorators:
        return source.start(node)
    return source.text.rindex("@", 0, source.start(decorators[0]))


def bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every block of statements."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                yield body


def selected_expression(source: Source, selection: Selection) -> ast.expr | None:
    """The expression that is selected, without parentheses around it; None where none is.

    Raises:
        RefusedError: where it is in a string that is formatted.
    """
    code = [token for token in selected_tokens(source, selection) if token.type != tokenize.COMMENT]
    while code:
        found = _expression_at(source, code[0].start, code[-1].end)
        if found is not None:
            return found
        if (code[0].string, code[-1].string) != ("(", ")"):
            return None
        code = code[1:-1]
    return None


def _expression_at(source: Source, start: int, end: int) -> ast.expr | None:
    for node in walk_placed(source.tree):
        is_value = isinstance(node, ast.expr) and not isinstance(node, ast.Starred | ast.Slice)
        if is_value and (source.start(node), source.end(node)) == (start, end):
            return node  # type: ignore[return-value]
    return None


def walk_placed(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, the outer first, without what is in strings that are formatted: it has no sure places."""
    yield node
    if not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from walk_placed(child)


def statement_of(source: Source, node: ast.AST) -> ast.stmt:
    """The innermost statement that a node is in."""
    return next(one for one in (node, *source.above(node)) if isinstance(one, ast.stmt))


def block_of(source: Source, statement: ast.stmt) -> list[ast.stmt]:
    """The block that a statement is in."""
    parent = source.parents[statement]
    for name in ("body", "orelse", "finalbody"):
        body = getattr(parent, name, None)
        if isinstance(body, list) and statement in body:
            return body
    raise RefusedError(CUTS)


def scope_node(source: Source, node: ast.AST) -> ast.AST:
    """The innermost function, class or module that a node is in; the head of a function belongs outside."""
    below = node
    for one in source.above(node):
        if isinstance(one, (*FUNCTIONS, ast.ClassDef, ast.Module)) and below in one.body:
            return one
        below = one
    return source.tree


def is_docstring(source: Source, statement: ast.stmt) -> bool:
    """Whether a statement is the docstring of what it is in."""
    parent = source.parents.get(statement)
    body = getattr(parent, "body", None)
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text and isinstance(body, list) and body[0] is statement and not isinstance(parent, ast.If)

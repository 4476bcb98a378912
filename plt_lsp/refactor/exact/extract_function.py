"""Extract function and extract method: code becomes a function beside the one that it was in, and a call of it.

It does not decide whether the code can be moved; `extraction` does, and `checks` looks at the result once more.
"""

import ast
import tokenize
from dataclasses import dataclass

from plt_lsp.refactor.exact.checks import check_extracted_function
from plt_lsp.refactor.exact.extraction import Extraction, extraction_of
from plt_lsp.refactor.exact.methods import Method, check_method_name, method_around
from plt_lsp.refactor.exact.naming import check_free, taken_names
from plt_lsp.refactor.exact.scopes import FUNCTIONS
from plt_lsp.refactor.exact.selecting import (
    CUTS,
    Block,
    selected_block,
    selected_expression,
    statement_of,
    statement_start,
)
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.proposal import RefusedError, Selection


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """All but the name of a function to extract.

    Attributes:
        extraction: what it needs and gives.
        block: the lines, or None for an expression.
        method: what makes it a method, or None.
        at: where the function goes: the beginning of a line.
        indent: of its `def`.
        unit: by which its body is indented further.
    """

    extraction: Extraction
    block: Block | None
    method: Method | None
    at: int
    indent: str
    unit: str


def plan_function(source: Source, selection: Selection, *, is_method: bool) -> FunctionPlan:
    """What a selection needs to become a function.

    Raises:
        RefusedError: where it cannot.
    """
    block = selected_block(source, selection)
    expression = selected_expression(source, selection) if block is None else None
    if block is None and expression is None:
        raise RefusedError(CUTS)
    nodes: list[ast.stmt] | list[ast.expr] = list(block.statements) if block else [one for one in [expression] if one]
    extraction = extraction_of(source, nodes)
    first = extraction.nodes[0]
    method = method_around(source, extraction.function) if is_method else None
    if not is_method:
        _check_class_names(source, extraction)
    if expression is not None:
        _check_expression(source, expression)
    anchor = _anchor(source, first, extraction.function, is_method)
    at = statement_start(source, anchor)
    row = source.row(at)
    indent = source.text[source.line_start(row) : at]
    if indent.strip():
        raise RefusedError("Other code stands before the definition on its line; there is no place for a function.")
    return FunctionPlan(extraction, block, method, _line_above(source, row, indent), indent, _unit(source))


def _check_class_names(source: Source, extraction: Extraction) -> None:
    """Refuse what only works inside of a class."""
    if not any(isinstance(one, ast.ClassDef) for one in source.above(extraction.nodes[0])):
        return
    for one in (below for node in extraction.nodes for below in ast.walk(node)):
        names = [value for _, value in ast.iter_fields(one) if isinstance(value, str)]
        if isinstance(one, ast.Name) and one.id in ("super", "__class__"):
            raise RefusedError(f"`{one.id}` works only inside the class; extract a method instead.")
        if any(
            name.startswith("__") and not name.endswith("__") for name in names if not isinstance(one, ast.Constant)
        ):
            raise RefusedError("A name that begins with `__` means the class's own; extract a method instead.")


def _check_expression(source: Source, node: ast.expr) -> None:
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        raise RefusedError("The selection is what is assigned to, not a value.")
    below: ast.AST = node
    for one in source.above(node):
        if isinstance(one, (*FUNCTIONS, ast.ClassDef)) and below in getattr(one, "decorator_list", []):
            raise RefusedError("A decorator cannot be extracted.")
        if isinstance(one, ast.match_case) and below is one.pattern:
            raise RefusedError("A pattern is no value.")
        if isinstance(one, ast.arg | ast.AnnAssign) and below is one.annotation:
            raise RefusedError("An annotation cannot be extracted.")
        if isinstance(one, FUNCTIONS) and below is one.returns:
            raise RefusedError("An annotation cannot be extracted.")
        if isinstance(one, ast.stmt):
            return
        below = one


def _anchor(source: Source, node: ast.AST, function: ast.AST, is_method: bool) -> ast.stmt:
    """The statement before which the function goes: so early, it is there whenever it is called."""
    if isinstance(function, ast.Module):
        statement = statement_of(source, node)
        while not isinstance(source.parents[statement], ast.Module):
            statement = statement_of(source, source.parents[statement])
        return statement
    assert isinstance(function, FUNCTIONS)
    anchor: ast.stmt = function
    while not is_method:
        above = next((one for one in source.above(anchor) if isinstance(one, (*FUNCTIONS, ast.ClassDef))), None)
        if not isinstance(above, ast.ClassDef):
            return anchor
        anchor = above
    return anchor


def _line_above(source: Source, row: int, indent: str) -> int:
    """The beginning of the line, or of the comments right above it."""
    comments = {source.row(token.start) for token in source.tokens if token.type == tokenize.COMMENT}
    while row > 0 and row - 1 in comments and source.lines[row - 1].startswith(f"{indent}#"):
        row -= 1
    if row == 0 or (row < 2 and source.lines[0].startswith("#!")):
        row = next(i for i in range(row, len(source.lines)) if not source.lines[i].startswith("#"))
    return source.line_start(row)


def _unit(source: Source) -> str:
    """By what the file indents."""
    for token_row, line in enumerate(source.lines):
        rest = line.lstrip(" \t")
        if rest and len(rest) < len(line) and token_row > 0 and source.lines[token_row - 1].rstrip().endswith(":"):
            above = source.lines[token_row - 1]
            outer = above[: len(above) - len(above.lstrip(" \t"))]
            indent = line[: len(line) - len(rest)]
            if indent.startswith(outer) and len(indent) > len(outer):
                return indent[len(outer) :]
    return "    "


def extract_function(source: Source, plan: FunctionPlan, name: str) -> list[Splice]:
    """The changes that make the function and its call, the function's first.

    Raises:
        RefusedError: where the name is taken, or the result does not pass the checks.
    """
    check_free(name, source.names if plan.method else taken_names(source))
    check_method_name(source, plan.method, name)
    splices = [Splice(plan.at, plan.at, name.join(definition_around(source, plan))), _call_splice(source, plan, name)]
    check_extracted_function(source, splices, plan.extraction, name)
    return splices


def definition_around(source: Source, plan: FunctionPlan) -> tuple[str, str]:
    """The function's definition before its name and behind it, with the empty lines around it."""
    extraction, method = plan.extraction, plan.method
    params = [name for name in extraction.params if method is None or name != method.receiver]
    if method is not None:
        params = [method.receiver, *params]
    decorator = f"{plan.indent}@classmethod\n" if method is not None and method.is_classmethod else ""
    gap = "\n" if plan.indent else "\n\n"
    before = f"{_gap_above(source, plan.at, gap)}{decorator}{plan.indent}{'async ' if extraction.is_async else ''}def "
    return before, f"({', '.join(params)}):\n{_body(source, plan)}\n{gap}"


def _gap_above(source: Source, at: int, gap: str) -> str:
    """The empty lines that are missing above a definition."""
    above = source.text[:at]
    num_empty = len(above) - len(above.rstrip("\n")) - 1
    if not above.strip() or above.rstrip("\n").endswith(":"):
        return ""
    return gap[max(0, num_empty) :]


def _body(source: Source, plan: FunctionPlan) -> str:
    inner = plan.indent + plan.unit
    expression = plan.extraction.expression
    if expression is not None:
        text = source.segment(expression)
        return f"{inner}return ({text})" if "\n" in text else f"{inner}return {text}"
    assert plan.block is not None
    lines = reindented(source, plan.block, inner)
    if plan.extraction.results:
        lines.append(f"{inner}return {', '.join(plan.extraction.results)}")
    return "\n".join(lines)


def reindented(source: Source, block: Block, indent: str) -> list[str]:
    """The lines of a block with another indentation; lines inside of strings stay as they are."""
    first, last = source.row(block.start), source.row(block.end)
    start = statement_start(source, block.statements[0])
    old = source.text[source.line_start(source.row(start)) : start]
    inside = rows_in_strings(source)
    return [_reindented(source.lines[row], old, indent, row in inside) for row in range(first, last + 1)]


def _reindented(line: str, old: str, new: str, is_in_string: bool) -> str:
    if is_in_string or not line.strip():
        return line
    if line.startswith(old):
        return new + line[len(old) :]
    return new + line.lstrip() if line.lstrip().startswith("#") else line


def rows_in_strings(source: Source) -> frozenset[int]:
    """The rows that begin inside a string."""
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    return frozenset(
        row
        for token in source.tokens
        if token.type in kinds and "\n" in source.text[token.start : token.end]
        for row in range(source.row(token.start) + 1, source.row(token.end) + 1)
    )


def _call_splice(source: Source, plan: FunctionPlan, name: str) -> Splice:
    extraction, method = plan.extraction, plan.method
    args = [one for one in extraction.params if method is None or one != method.receiver]
    call = f"{f'{method.receiver}.' if method else ''}{name}({', '.join(args)})"
    call = f"await {call}" if extraction.is_async else call
    if extraction.expression is not None:
        return _replacing_value(source, extraction.expression, call, extraction.is_async)
    assert plan.block is not None
    start = statement_start(source, plan.block.statements[0])
    indent = source.text[source.line_start(source.row(start)) : start]
    head = "return " if extraction.returns else ""
    if extraction.results:
        head = f"{', '.join(extraction.results)} = "
    return Splice(plan.block.start, plan.block.end, f"{indent}{head}{call}")


def _replacing_value(source: Source, node: ast.expr, call: str, is_async: bool) -> Splice:
    has_brackets = source.text[: source.start(node)].endswith("(") and source.text.startswith(")", source.end(node))
    return replacing(source, node, f"({call})" if is_async and not has_brackets else call)


def replacing(source: Source, node: ast.expr, text: str) -> Splice:
    """A splice that puts a text in the place of an expression, kept apart from words beside it."""
    start, end = source.start(node), source.end(node)
    before = " " if start and _is_word(source.text[start - 1]) and _is_word(text[0]) else ""
    behind = " " if end < len(source.text) and _is_word(source.text[end]) and _is_word(text[-1]) else ""
    return Splice(start, end, before + text + behind)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"

"""Writes an f-string down in the place of what it says, and looks at the result.

It does not know what was there before; quotes and line ends are kept such that every version of Python can read it.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from plt_lsp.refactor.exact.checks import check, compiled
from plt_lsp.refactor.exact.formatting import Filling
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.exact.string_tokens import Literal
from plt_lsp.refactor.proposal import RefusedError

Written = list[str | Filling]


@dataclass(frozen=True, slots=True)
class Conversion:
    """An expression and the f-string that takes its place: literals with their parts, in order."""

    node: ast.expr
    literals: tuple[Literal, ...]
    parts: tuple[Written, ...]
    expected: tuple[str | Filling, ...]


def convert_to_fstring(source: Source, plan: Conversion) -> list[Splice]:
    """The change that puts the f-string in place.

    Raises:
        RefusedError: where it cannot be written for every version of Python, or the result does not pass the checks.
    """
    texts = [_literal_text(literal, parts) for literal, parts in zip(plan.literals, plan.parts, strict=True)]
    joined = texts[0]
    for done, literal, text in zip(plan.literals, plan.literals[1:], texts[1:], strict=False):
        joined += source.text[done.end : literal.start] + text
    if "\n" in joined and len(texts) > 1 and source.text[source.start(plan.node)] == "(":
        joined = f"({joined})"
    start = source.start(plan.node)
    before = " " if start and source.text[start - 1].isidentifier() else ""
    splices = [Splice(start, source.end(plan.node), before + joined)]
    _check_result(source, splices, plan, joined)
    return splices


def _literal_text(literal: Literal, parts: Written) -> str:
    values = [part.value for part in parts if isinstance(part, Filling)]
    body = "".join(part for part in parts if isinstance(part, str))
    if not values:
        plain = body.replace("{{", "{").replace("}}", "}")
        return f"{literal.prefix}{literal.quote}{plain}{literal.quote}"
    quote = _quote_for(literal.quote, values, body)
    text = "".join(part if isinstance(part, str) else _field_text(part) for part in parts)
    return f"{'f' + literal.prefix}{quote}{text}{quote}"


def _quote_for(quote: str, values: Sequence[str], body: str) -> str:
    """The quotes that no value contains, since only new versions of Python could read it otherwise."""
    other = "'" if quote == '"' else '"'
    if any(mark in value for value in values for mark in ("\\", "\n", "#")):
        raise RefusedError("A value has a line end, backslash or `#`, which f-strings cannot have in all versions.")
    if not any(quote[0] in value for value in values):
        return quote
    if len(quote) == 1 and "'" not in body and '"' not in body and not any(other in value for value in values):
        return other
    raise RefusedError("A value has the quotes of the string in it, which f-strings cannot have in all versions.")


def _field_text(filling: Filling) -> str:
    value = f"({filling.value})" if isinstance(filling.node, ast.Lambda) else filling.value
    if isinstance(filling.node, ast.Tuple):
        value = ast.unparse(filling.node) if not value.startswith("(") else value
    space = " " if value.startswith("{") else ""
    conversion = f"!{filling.conversion}" if filling.conversion else ""
    return f"{{{space}{value}{conversion}{':' + filling.spec if filling.spec else ''}}}"


def _check_result(source: Source, splices: Sequence[Splice], plan: Conversion, text: str) -> None:
    """The new tree is the old one with an f-string of exactly the expected parts."""
    tree = compiled(source.spliced(splices))
    made = ast.parse(f"({text})", mode="eval").body
    check(isinstance(made, ast.JoinedStr))
    assert isinstance(made, ast.JoinedStr)
    check(_shown(made.values) == _wanted(plan.expected))
    check(_is_replaced(tree, source, plan, made))


def _is_replaced(tree: ast.Module, source: Source, plan: Conversion, made: ast.JoinedStr) -> bool:
    """Whether a tree is the old one with the f-string in the place of the expression."""
    parent = source.parents[plan.node]
    for name, value in ast.iter_fields(parent):
        if value is plan.node:
            setattr(parent, name, made)
            is_same = ast.dump(source.tree) == ast.dump(tree)
            setattr(parent, name, plan.node)
            return is_same
        if isinstance(value, list) and plan.node in value:
            i = value.index(plan.node)
            value[i] = made
            is_same = ast.dump(source.tree) == ast.dump(tree)
            value[i] = plan.node
            return is_same
    return False


def _shown(values: Sequence[ast.expr]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for one in values:
        if isinstance(one, ast.FormattedValue):
            spec = "".join(part.value for part in one.format_spec.values) if one.format_spec else ""  # type: ignore[attr-defined]
            conversion = chr(one.conversion) if one.conversion != -1 else ""
            found.append((ast.dump(one.value), conversion, spec))
        else:
            found.append((one.value,))  # type: ignore[attr-defined]
    return found


def _wanted(parts: Sequence[str | Filling]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for part in parts:
        if isinstance(part, Filling):
            found.append((ast.dump(part.node), part.conversion, part.spec))
        elif part and found and len(found[-1]) == 1:
            found[-1] = (found[-1][0] + part,)
        elif part:
            found.append((part,))
    return found

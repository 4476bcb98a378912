"""Convert to f-string: from `%`, `format` and `+`, where the f-string is certain to give the same string.

It does not rely on annotations or names for what type a value has; `%s` becomes `!s`, which is what it means.
"""

import ast
import re
import string
from collections.abc import Callable, Iterator, Sequence

from plt_lsp.refactor.exact.formatting import Filling, check_order, check_single, kind_of, percent_filling
from plt_lsp.refactor.exact.fstring_writing import Conversion, Written
from plt_lsp.refactor.exact.order import Order
from plt_lsp.refactor.exact.scopes import Scopes
from plt_lsp.refactor.exact.selecting import walk_placed
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.exact.string_tokens import (
    PERCENT,
    UNREADABLE,
    Field,
    Literal,
    brace_parts,
    literals_in,
    percent_parts,
    plain_parts,
)
from plt_lsp.refactor.proposal import RefusedError, Selection

_STEP = re.compile(r"\.(?P<attr>[^.\[\]]+)|\[(?P<key>[^\]]+)\]")
_ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_UNFIT = (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Starred)


def conversion_target(source: Source, selection: Selection) -> ast.expr | None:
    """The expression at a selection that builds a string, the innermost; of a sum the whole."""
    start, end = source.offset(selection.start), source.offset(selection.end)
    found: ast.expr | None = None
    for node in walk_placed(source.tree):
        if isinstance(node, ast.BinOp | ast.Call) and source.start(node) <= start and end <= source.end(node):
            is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
            inside_sum = found is not None and is_sum and _is_sum(found)
            if _builds_string(node) and not inside_sum:
                found = node
    return found


def _is_sum(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _text_of(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, str)
    return node.value


def _builds_string(node: ast.BinOp | ast.Call) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "format" and _is_text(node.func.value)
    if isinstance(node.op, ast.Mod):
        return _is_text(node.left)
    operands = summands(node)
    return _is_sum(node) and any(map(_is_text, operands)) and not all(map(_is_text, operands))


def summands(node: ast.expr) -> list[ast.expr]:
    """The operands of a chain of `+`, in order."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*summands(node.left), node.right]
    return [node]


def plan_conversion(source: Source, selection: Selection) -> Conversion:
    """The f-string for what is at a selection.

    Raises:
        RefusedError: where there is no exact one.
    """
    node = conversion_target(source, selection)
    if node is None:
        raise RefusedError("There is no `%`, `format` or `+` that builds a string here.")
    if any(isinstance(one, _UNFIT) for one in ast.walk(node)):
        raise RefusedError("A value is unpacked, awaited, yielded or assigned in it.")
    order = Order(source, Scopes(source.tree))
    if isinstance(node, ast.Call):
        return _from_format(source, order, node)
    assert isinstance(node, ast.BinOp)
    return _from_percent(source, order, node) if isinstance(node.op, ast.Mod) else _from_sum(source, order, node)


def _from_percent(source: Source, order: Order, node: ast.BinOp) -> Conversion:
    text = _text_of(node.left)
    names, values = _percent_values(order, node.right)
    matches = [match for match in PERCENT.finditer(text) if match["type"] != "%"]
    if any((match["key"] is not None) != bool(names) for match in matches) or not matches:
        raise RefusedError("The fields do not fit the values.")
    if not names and len(matches) != len(values):
        raise RefusedError(f"There are {len(matches)} fields and {len(values)} values.")
    order_of = [_index(names, match["key"]) if names else i for i, match in enumerate(matches)]
    fillings = [
        percent_filling(order, match, values[i], source.segment(values[i]), i)
        for match, i in zip(matches, order_of, strict=True)
    ]
    check_order(order, values, fillings)
    expected = list(_between(PERCENT, text, fillings))
    return _converted(source, node, node.left, fillings, expected, percent_parts)


def _percent_values(order: Order, right: ast.expr) -> tuple[list[str], list[ast.expr]]:
    if isinstance(right, ast.Tuple):
        return [], right.elts
    if isinstance(right, ast.Dict) and right.keys and all(key is not None and _is_text(key) for key in right.keys):
        names = [key.value for key in right.keys]  # type: ignore[union-attr]
        if len(set(names)) == len(names):
            return names, right.values
    check_single(order, right)
    return [], [right]


def _index(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise RefusedError(f"There is no value for the field `{name}`.")
    return names.index(name)


def _between(pattern: re.Pattern[str], value: str, fillings: Sequence[Filling]) -> Iterator[str | Filling]:
    """The text of a string's value around its `%` fields."""
    done, waiting = 0, list(fillings)
    for match in pattern.finditer(value):
        yield value[done : match.start()] + ("%" if match["type"] == "%" else "")
        if match["type"] != "%":
            yield waiting.pop(0)
        done = match.end()
    yield value[done:]


def _from_format(source: Source, order: Order, node: ast.Call) -> Conversion:
    assert isinstance(node.func, ast.Attribute)
    if any(one.arg is None for one in node.keywords):
        raise RefusedError("A value is unpacked, awaited, yielded or assigned in it.")
    values = [*node.args, *(one.value for one in node.keywords)]
    names = [*map(str, range(len(node.args))), *(one.arg or "" for one in node.keywords)]
    fillings, expected, num_plain = list[Filling](), list[str | Filling](), 0
    for text, name, spec, conversion in _formatter_parts(_text_of(node.func.value)):
        expected.append(text)
        if name is None:
            continue
        head = re.match(r"[^.\[]*", name)[0]  # type: ignore[index]
        i = _index(names, head or str(num_plain))
        num_plain += not head
        value, tree = _reached(source, values[i], name[len(head) :])
        fillings.append(Filling(value, tree, conversion or "", spec or "", i))
        expected.append(fillings[-1])
    if not fillings:
        raise RefusedError("There is nothing to format.")
    check_order(order, values, fillings)
    return _converted(source, node, node.func.value, fillings, expected, brace_parts)


def _formatter_parts(value: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        parts = list(string.Formatter().parse(value))
    except ValueError as error:
        raise RefusedError(UNREADABLE) from error
    names = [name for _, name, _, _ in parts if name is not None]
    heads = [bool(re.match(r"\d", name)) for name in names if not re.match(r"[^\d.\[]", name)]
    if any("{" in (spec or "") for _, _, spec, _ in parts) or len(set(heads)) > 1:
        raise RefusedError(UNREADABLE)
    return parts


def _reached(source: Source, node: ast.expr, steps: str) -> tuple[str, ast.expr]:
    """A value behind the attributes and keys that a field names."""
    text = source.segment(node)
    if not steps:
        return text, node
    if not isinstance(node, _ATOMS):
        text = f"({text})"
    matches = list(_STEP.finditer(steps))
    if "".join(match[0] for match in matches) != steps:
        raise RefusedError(UNREADABLE)
    for match in matches:
        key = match["key"]
        if key is not None and re.search(r"['\"\\]", key):
            raise RefusedError(UNREADABLE)
        if match["attr"] is not None and not match["attr"].isidentifier():
            raise RefusedError(UNREADABLE)
        text += match[0] if key is None or key.isdecimal() else f"['{key}']"
    return text, ast.parse(text, mode="eval").body


def _from_sum(source: Source, order: Order, node: ast.BinOp) -> Conversion:
    operands = summands(node)
    unsure = next((one for one in operands if kind_of(order, one) != "str"), None)
    if unsure is not None:
        raise RefusedError(f"`{ast.unparse(unsure)}` may be no string, and then `+` would do something else.")
    values = [one for one in operands if not _is_text(one)]
    fillings, parts, literals = list[Filling](), list[str | Filling](), list[Literal]()
    expected: list[str | Filling] = []
    for one in operands:
        if _is_text(one):
            found = literals_in(source, source.start(one), source.end(one))
            literals += found
            for literal in found:
                parts += [part for part in plain_parts(literal.body, bool(literal.prefix)) if isinstance(part, str)]
            expected.append(one.value)  # type: ignore[attr-defined]
        else:
            fillings.append(_summand_filling(source, order, one, len(fillings)))
            parts.append(fillings[-1])
            expected.append(fillings[-1])
    check_order(order, values, fillings)
    first = literals[0]
    if any((one.prefix, one.quote) != (first.prefix, first.quote) for one in literals):
        raise RefusedError("The strings are written with different quotes.")
    whole = Literal(source.start(node), source.end(node), first.prefix, first.quote, "")
    _check_comments(source, node, [])
    return Conversion(node, (whole,), (parts,), tuple(expected))


def _summand_filling(source: Source, order: Order, node: ast.expr, of: int) -> Filling:
    is_str = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("str", "repr", "ascii")
    if is_str and isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        assert isinstance(node.func, ast.Name)
        inner = node.args[0]
        return Filling(source.segment(inner), inner, node.func.id[0], "", of)
    return Filling(source.segment(node), node, "", "", of)


def _converted(
    source: Source,
    node: ast.expr,
    text: ast.expr,
    fillings: Sequence[Filling],
    expected: Sequence[str | Filling],
    split: Callable[[str, bool], Iterator[str | Field]],
) -> Conversion:
    literals = literals_in(source, source.start(text), source.end(text))
    _check_comments(source, node, literals)
    waiting, parts = list(fillings), list[Written]()
    for literal in literals:
        here: Written = []
        for part in split(literal.body, bool(literal.prefix)):
            if isinstance(part, Field) and not waiting:
                raise RefusedError(UNREADABLE)
            here.append(waiting.pop(0) if isinstance(part, Field) else part)
        parts.append(here)
    if waiting:
        raise RefusedError(UNREADABLE)
    return Conversion(node, tuple(literals), tuple(parts), tuple(expected))


def _check_comments(source: Source, node: ast.expr, literals: Sequence[Literal]) -> None:
    inside = (literals[0].start, literals[-1].end) if literals else (0, 0)
    for comment in source.comments_in(source.start(node), source.end(node)):
        if not inside[0] <= comment.start < inside[1]:
            raise RefusedError("There are comments among the values.")

"""What a value looks like in an f-string where `%`, `format` or `+` put it into a string, exactly as there.

It does not know how strings are written. A kind is known only where the syntax alone leaves no doubt.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from plt_lsp.refactor.exact.order import Effect, Order
from plt_lsp.refactor.proposal import RefusedError

_KINDS = {
    "int": frozenset({"len", "int", "ord", "hash", "id"}),
    "float": frozenset({"float"}),
    "str": frozenset({"str", "repr", "ascii", "chr", "hex", "oct", "bin", "format", "input"}),
}
_STR_METHODS = frozenset(
    {
        *("join", "strip", "lstrip", "rstrip", "lower", "upper", "title", "replace", "format", "capitalize", "center"),
        *("ljust", "rjust", "zfill", "casefold", "swapcase", "expandtabs", "removeprefix", "removesuffix"),
    }
)
_DISPLAYS = (ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.Dict, ast.DictComp, ast.GeneratorExp, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Filling:
    """What fills a field of an f-string.

    Attributes:
        value: as it is written.
        node: the same as a tree.
        conversion: `r`, `s`, `a` or nothing.
        spec: how it is formatted, or nothing.
        of: which of the values it uses.
    """

    value: str
    node: ast.expr
    conversion: str
    spec: str
    of: int


def kind_of(order: Order, node: ast.expr) -> str | None:
    """The exact type of a value, `int`, `float` or `str`, where there is no doubt."""
    if isinstance(node, ast.Constant):
        return {int: "int", float: "float", str: "str"}.get(type(node.value))
    if isinstance(node, ast.JoinedStr):
        return "str"
    if isinstance(node, ast.Call):
        return _kind_of_call(order, node)
    if isinstance(node, ast.BinOp):
        left, right = kind_of(order, node.left), kind_of(order, node.right)
        if isinstance(node.op, ast.Mod) and left == "str":
            return "str"
        same = left is not None and left == right and isinstance(node.op, ast.Add)
        return left if same else None
    return None


def _kind_of_call(order: Order, node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Name) and order.is_builtin(node.func):
        return next((kind for kind, names in _KINDS.items() if node.func.id in names), None)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _STR_METHODS:
        return "str" if kind_of(order, node.func.value) == "str" else None
    return None


def check_single(order: Order, node: ast.expr) -> None:
    """Refuse a value behind `%` that may be a tuple or a mapping.

    Raises:
        RefusedError: where it may be.
    """
    if kind_of(order, node) is None and not isinstance(node, (*_DISPLAYS, ast.Constant)):
        raise RefusedError(f"`{ast.unparse(node)}` may be a tuple, which `%` takes apart.")


def percent_filling(order: Order, match: re.Match[str], node: ast.expr, value: str, of: int) -> Filling:
    """How a value is written that a `%` field formats.

    Raises:
        RefusedError: where an f-string might give something else.
    """
    flags, width, precision, letter = match["flags"], match["width"] or "", match["precision"], match["type"]
    kind = kind_of(order, node)
    if "*" in (width, precision) or "#" in flags or " " in flags:
        raise RefusedError(f"`{match[0]}` has no exact counterpart in an f-string.")
    if letter in "sra":
        if set(flags) - {"-"}:
            raise RefusedError(f"`{match[0]}` has no exact counterpart in an f-string.")
        align = f"{'<' if '-' in flags else '>'}{width}" if width else ""
        spec = align + (f".{precision}" if precision is not None else "")
        is_plain = letter == "s" and (kind == "str" or (kind is not None and not spec))
        return Filling(value, node, "" if is_plain else letter, spec, of)
    needed: dict[str, tuple[str, ...]] = dict.fromkeys("diuxXo", ("int",))
    needed |= dict.fromkeys("fFeEgG", ("int", "float"))
    if letter not in needed or (letter in "diuxXo" and precision is not None):
        raise RefusedError(f"`{match[0]}` has no exact counterpart in an f-string.")
    if kind not in needed[letter]:
        raise RefusedError(f"`{match[0]}` converts `{ast.unparse(node)}` to a number, which an f-string does not.")
    return Filling(value, node, "", _number_spec(flags, width, precision, letter), of)


def _number_spec(flags: str, width: str, precision: str | None, letter: str) -> str:
    align = "<" if "-" in flags and width else ""
    zero = "0" if "0" in flags and not align and width else ""
    sign = "+" if "+" in flags else ""
    point = f".{precision}" if precision is not None else ""
    shown = "" if letter in "diu" else letter
    return f"{align}{sign}{zero}{width}{point}{shown}"


def check_order(order: Order, values: Sequence[ast.expr], fillings: Sequence[Filling]) -> None:
    """Refuse values that an f-string would work out in another order, more or less often.

    Raises:
        RefusedError: where that could make a difference.
    """
    used = [filling.of for filling in fillings]
    effects = [order.effect(value) for value in values]
    for i, value in enumerate(values):
        is_dropped = used.count(i) == 0 and not isinstance(value, ast.Constant)
        if is_dropped or (used.count(i) > 1 and effects[i] is not Effect.INERT):
            raise RefusedError(f"`{ast.unparse(value)}` is worked out once but used {used.count(i)} times.")
    moving = [i for i in used if effects[i] is not Effect.INERT]
    if moving != sorted(moving):
        raise RefusedError("The values are used in another order than they are worked out.")
    for place, i in enumerate(used):
        others = [values[j] for j in used[:place]]
        if effects[i] is Effect.LOUD and any(kind_of(order, other) is None for other in others):
            raise RefusedError(
                f"`{ast.unparse(values[i])}` may change a value that an f-string would format before it."
            )

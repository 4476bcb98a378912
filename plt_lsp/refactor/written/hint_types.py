"""Which types a hint of Python may be made of, and whether one can hold what the code shows.

It reads Python's syntax tree; what the code does not say is not held against a type.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PLAIN = (
    "int",
    "str",
    "float",
    "bool",
    "bytes",
    "list",
    "dict",
    "set",
    "tuple",
    "object",
    "complex",
    "frozenset",
    "type",
)
# How many types stand in the brackets of each.
GENERICS: Mapping[str, int] = {"list": 1, "set": 1, "frozenset": 1, "dict": 2, "type": 1}
_TYPING = ("typing", "typing_extensions", "collections.abc")
_GENERATORS = ("Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator")


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a hint may be made of: types of the file that stand before the function, and those it imports."""

    types: frozenset[str]
    generics: frozenset[str]


def first_expression(text: str) -> str:
    """What stands before the first sign that ends a hint outside of brackets."""
    depth = 0
    for i, char in enumerate(text.strip()):
        depth += (char in "[(") - (char in "])")
        if depth < 0 or (depth == 0 and char in ",:=#)") or char == "\n":
            return text.strip()[:i].strip()
    return text.strip()


def expression(text: str) -> ast.expr | None:
    """A text as an expression, or None where it is none."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_type(node: ast.expr, known: Known) -> bool:
    """Whether an expression is a type made of known ones, in a form that fails nowhere when it is evaluated."""
    if isinstance(node, ast.Constant):
        return node.value is None
    if isinstance(node, ast.Name):
        return node.id in PLAIN or node.id in known.types
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        both_none = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
        return not both_none and is_type(node.left, known) and is_type(node.right, known)
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        return False
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    name = node.value.id
    if name == "tuple" and len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...:
        return is_type(inner[0], known)
    is_generic = name == "tuple" or GENERICS.get(name) == len(inner) or name in known.generics
    return is_generic and all(is_type(one, known) for one in inner)


def takes_none(node: ast.expr) -> bool:
    """Whether None is of a type."""
    if isinstance(node, ast.BinOp):
        return takes_none(node.left) or takes_none(node.right)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "Optional"
    if isinstance(node, ast.Constant):
        return True
    return isinstance(node, ast.Name) and node.id in ("object", "Any")


def takes(node: ast.expr, value: ast.expr) -> bool:
    """Whether a type may hold a value, as far as the value says what it is."""
    kind = _kind_of(value)
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    outer = _outer_names(node)
    if kind is None:
        return True
    if kind == "None":
        return takes_none(node)
    wider = {"bool": {"int", "float", "complex"}, "int": {"float", "complex"}, "float": {"complex"}}.get(kind, set())
    is_plain = outer <= {*PLAIN, "None"}
    return not is_plain or bool(outer & {kind, "object", *wider}) or "object" in names


def _outer_names(node: ast.expr) -> set[str]:
    """The names of the types that a union is of."""
    if isinstance(node, ast.BinOp):
        return _outer_names(node.left) | _outer_names(node.right)
    if isinstance(node, ast.Subscript):
        return _outer_names(node.value)
    return {node.id} if isinstance(node, ast.Name) else {"None"}


# What these return is certain, unless the file gives their names to something else, which nobody does.
_RETURNS = {
    **{name: name for name in ("list", "dict", "set", "tuple", "str", "int", "float", "bool", "bytes", "frozenset")},
    "len": "int",
    "sorted": "list",
    "isinstance": "bool",
    "any": "bool",
    "all": "bool",
    "repr": "str",
    "hash": "int",
}


def _value_of(value: ast.expr, own: Sequence[ast.AST]) -> ast.expr:
    """What a local name stands for, where every assignment to it has the same kind of value; else the value itself."""
    if not isinstance(value, ast.Name):
        return value
    bound = [node for node in own if isinstance(node, ast.Name) and node.id == value.id and not _is_load(node)]
    assigned = [node.value for node in own if isinstance(node, ast.Assign) and node.targets[0] in bound]
    kinds = {_kind_of(one) for one in assigned}
    is_certain = len(assigned) == len(bound) > 0 and len(kinds) == 1 and None not in kinds
    return assigned[0] if is_certain else value


def _is_load(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _kind_of(value: ast.expr) -> str | None:
    if isinstance(value, ast.Constant):
        return "None" if value.value is None else type(value.value).__name__
    displays: tuple[tuple[type[ast.expr] | tuple[type[ast.expr], ...], str], ...] = (
        ((ast.List, ast.ListComp), "list"),
        ((ast.Dict, ast.DictComp), "dict"),
        ((ast.Set, ast.SetComp), "set"),
        (ast.Tuple, "tuple"),
        (ast.JoinedStr, "str"),
        (ast.Compare, "bool"),
    )
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return _RETURNS.get(value.func.id)
    if isinstance(value, ast.UnaryOp):
        return "bool" if isinstance(value.op, ast.Not) else _kind_of(value.operand)
    if isinstance(value, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq | ast.Lt | ast.Gt) for op in value.ops):
        return None  # what compares may be of a kind that answers with something else
    return next((kind for types, kind in displays if isinstance(value, types)), None)


def _own(function: ast.AST) -> list[ast.AST]:
    """The nodes of a function that are not those of one inside it."""
    found: list[ast.AST] = []
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return found


def certain_result(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The result's type where the code alone says it: None where nothing is returned and something is done."""
    own = _own(function)
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own)
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in own)
    body = [one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    is_abstract = not body or isinstance(body[-1], ast.Raise) or all(isinstance(one, ast.Pass) for one in body)
    return None if yields or returns or is_abstract or function.decorator_list else "None"


def fits_result(node: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether what a function returns or yields may be of a type, as far as the code shows it."""
    own = _own(function)
    if any(isinstance(one, ast.Yield | ast.YieldFrom) for one in own):
        return bool(_outer_names(node) & set(_GENERATORS))
    values = [one.value for one in own if isinstance(one, ast.Return)]
    given = [value for value in values if value is not None]
    if not given:
        return False  # it says nothing, so neither does a guess
    return all(takes(node, _value_of(value, own)) for value in given) and (
        len(given) == len(values) or takes_none(node)
    )


def known_types(tree: ast.Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Known:
    """The types that are there when the function is defined."""
    types: set[str] = set()
    generics: set[str] = set()
    for node in tree.body:
        if node.lineno >= function.lineno:
            break
        if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) < function.lineno:
            types.add(node.name)
        if isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            types |= {name for name in names if name[:1].isupper() and not name.isupper()}
            generics |= names if node.module in _TYPING else set()
    return Known(frozenset(types), frozenset(generics & types))

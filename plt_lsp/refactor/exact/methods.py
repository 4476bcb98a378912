"""What makes a function a method that can call another one beside it, and whether a name is free in its class.

It knows one file; a class whose bases are elsewhere may have any attribute.
"""

import ast
from dataclasses import dataclass

from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scopes
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import RefusedError

_KNOWN_DECORATORS = frozenset(
    {"property", "cached_property", "setter", "getter", "deleter", "abstractmethod", "override", "classmethod"}
)
_SPECIAL = frozenset({"__new__", "__init_subclass__", "__class_getitem__", "__getattribute__", "__getattr__"})


@dataclass(frozen=True, slots=True)
class Method:
    """A method.

    Attributes:
        receiver: its first argument.
        is_classmethod: whether that is the class.
        owner: the class.
    """

    receiver: str
    is_classmethod: bool
    owner: ast.ClassDef


def method_around(source: Source, function: ast.AST) -> Method:
    """The method that a function is.

    Raises:
        RefusedError: where it is none, or one of a kind that cannot surely call another.
    """
    owner = source.parents.get(function)
    if not isinstance(function, FUNCTIONS) or not isinstance(owner, ast.ClassDef):
        raise RefusedError("The selection is not in a method of a class.")
    arguments = [*function.args.posonlyargs, *function.args.args]
    if not arguments or function.name in _SPECIAL:
        raise RefusedError(f"`{function.name}` is not called with an instance in the usual way; extract a function.")
    decorators = [last_name(one) for one in function.decorator_list]
    if unknown := next((name for name in decorators if name not in _KNOWN_DECORATORS), None):
        raise RefusedError(f"The decorator `{unknown}` may call the method in its own way; extract a function.")
    receiver = arguments[0].arg
    scopes = Scopes(source.tree)
    uses = scopes.uses_of(scopes.of_node[function], receiver)
    if sum(use.binds for use in uses) > 1:
        raise RefusedError(f"The method assigns `{receiver}`; extract a function.")
    _check_class(source, owner)
    return Method(receiver, "classmethod" in decorators, owner)


def _check_class(source: Source, owner: ast.ClassDef) -> None:
    """Refuse a class whose attributes are not all in the file."""
    if owner.keywords:
        raise RefusedError(f"`{owner.name}` has a metaclass or options; extract a function.")
    classes = {one.name: one for one in source.tree.body if isinstance(one, ast.ClassDef)}
    for base in owner.bases:
        name = base.id if isinstance(base, ast.Name) else None
        if name == "object" or (not source.is_whole and name is not None and name not in classes):
            continue  # of a part it cannot be said yet
        if name is None or name not in classes or classes[name] is owner:
            raise RefusedError(f"A base of `{owner.name}` is not in this file and may have a method of that name.")
        _check_class(source, classes[name])
    if any(isinstance(one, FUNCTIONS) and one.name == "__getattribute__" for one in owner.body):
        raise RefusedError(f"`{owner.name}` decides itself what its attributes are; extract a function.")


def check_method_name(source: Source, method: Method | None, name: str) -> None:
    """Refuse a name that a string in the file has, since it may be an attribute by that name.

    Raises:
        RefusedError: with the name.
    """
    if method is None:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and node.value == name:
            raise RefusedError(f"`{name}` stands in a string of this file; choose another name.")


def last_name(node: ast.expr) -> str:
    """What a decorator is called, without what it is an attribute of."""
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ast.unparse(target))

"""What stays as it is when a name is renamed: all of it must certainly mean something else, or nothing is renamed.

It does not know what rope is; it is told which places are the name's, and which may be.
"""

import ast
import re
from dataclasses import dataclass

from plt_lsp.refactor.exact.methods import last_name
from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scope, Scopes
from plt_lsp.refactor.exact.selecting import walk_placed
from plt_lsp.refactor.exact.source import Source, Token
from plt_lsp.refactor.proposal import RefusedError

# Decorators that pass arguments on as they come.
_PASSING_ON = frozenset(
    {
        *("staticmethod", "classmethod", "property", "cached_property", "setter", "getter", "deleter"),
        *("abstractmethod", "override", "cache", "lru_cache", "contextmanager", "asynccontextmanager"),
    }
)


@dataclass(frozen=True, slots=True)
class Target:
    """A name that is to become another one.

    Attributes:
        token: where the user points at it.
        kind: `local`, `argument`, `module` or `member`.
        scopes: of its file.
        scope: whose variable it is, where it is one.
    """

    token: Token
    kind: str
    scopes: Scopes
    scope: Scope | None

    @property
    def name(self) -> str:
        """As it is."""
        return self.token.string


@dataclass(frozen=True, slots=True)
class Rest:
    """What is not renamed of one file that has the name: all of it must certainly mean something else."""

    file: str
    source: Source
    target: Target
    found: frozenset[int]
    unsure: frozenset[int]
    module: str
    modules: frozenset[str]

    def refuse(self, node: ast.AST, why: str) -> RefusedError:
        """A refusal that says where."""
        line = getattr(node, "lineno", 1)
        return RefusedError(f"Line {line} of {self.file} {why}.")


def check_rest(rest: Rest) -> None:
    """Refuse where something that stays may be the name.

    Raises:
        RefusedError: with the file and the line.
    """
    name, kind = rest.target.name, rest.target.kind
    if kind == "local":
        return
    if rest.file.endswith(".pyi"):
        raise RefusedError(f"{rest.file} declares types and has the name.")
    placed = {id(node) for node in walk_placed(rest.source.tree)}
    for node in ast.walk(rest.source.tree):
        if isinstance(node, ast.Constant) and _names(node.value, name):
            raise rest.refuse(node, f"has `{name}` in a string, which may mean it")
        if isinstance(node, ast.ImportFrom):
            _check_import(rest, node)
        if isinstance(node, ast.Call):
            _check_call(rest, node)
        if isinstance(node, ast.Attribute) and node.attr == name:
            start = rest.source.end(node) - len(name) if id(node) in placed else -1
            _check_attribute(rest, node, start)
        if isinstance(node, ast.MatchClass) and name in node.kwd_attrs:
            raise rest.refuse(node, f"matches by `{name}`")
        if kind == "member" and isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name == name:
            _check_definition(rest, node)


def _names(value: object, name: str) -> bool:
    return isinstance(value, str) and re.search(rf"(?:\A|[.:]){re.escape(name)}\Z", value) is not None


def _check_import(rest: Rest, node: ast.ImportFrom) -> None:
    is_of_module = (node.module or "").rpartition(".")[2] in (rest.module, "") or rest.module == "__init__"
    name = rest.target.name
    if rest.target.kind != "module" or not is_of_module:
        return
    if node.names[0].name == "*" and not rest.found:
        raise rest.refuse(node, f"imports all names, perhaps `{name}` too")
    for alias in node.names:
        if alias.name == name and rest.source.start(alias) not in rest.found:
            raise rest.refuse(node, f"imports a `{name}` that may be this one")


def _check_call(rest: Rest, node: ast.Call) -> None:
    name = rest.target.name
    for one in node.keywords:
        keys = one.value.keys if one.arg is None and isinstance(one.value, ast.Dict) else []
        if any(isinstance(key, ast.Constant) and key.value == name for key in keys):
            raise rest.refuse(node, f"passes `{name}` by a dictionary")
        if one.arg == name and rest.target.kind == "member":
            raise rest.refuse(node, f"passes `{name}` to what may be this")


def _check_attribute(rest: Rest, node: ast.Attribute, start: int) -> None:
    if start in rest.found:
        return
    if rest.target.kind == "member":
        raise rest.refuse(node, f"has an attribute `{rest.target.name}` that may be this one")
    if rest.target.kind == "module" and _is_of_import(rest, node.value) and (start in rest.unsure or start < 0):
        raise rest.refuse(node, f"has a `{rest.target.name}` of a module that may be this one")


def _is_of_import(rest: Rest, node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    if not isinstance(node, ast.Name):
        return False
    for one in ast.walk(rest.source.tree):
        if isinstance(one, ast.Import | ast.ImportFrom):
            path = f"{'.' * getattr(one, 'level', 0)}{getattr(one, 'module', '') or ''}"
            for alias in one.names:
                if (alias.asname or alias.name).partition(".")[0] == node.id and _may_lead_here(rest, path, alias.name):
                    return True
    return False


def _may_lead_here(rest: Rest, path: str, name: str) -> bool:
    """Whether an import may bring one of the files that have the name, or what they are in."""
    return path.startswith(".") or bool({*path.split("."), *name.split(".")} & rest.modules)


def _check_definition(rest: Rest, node: ast.stmt) -> None:
    name = rest.target.name
    head = rest.source.start(node)
    start = rest.source.text.index(name, rest.source.text.index(" ", head))
    is_in_class = isinstance(rest.source.parents.get(node), ast.ClassDef)
    if is_in_class and start not in rest.found:
        raise rest.refuse(node, f"defines another `{name}` that may be this one")


def check_unnamed_uses(source: Source, target: Target) -> None:
    """Refuse what others name without writing it down, or what is looked up by name.

    Raises:
        RefusedError: with who does.
    """
    name = target.name
    if target.kind == "local" or target.scope is None:
        return _check_lookups(source, target)
    node = target.scope.node
    if target.kind == "argument" and isinstance(node, FUNCTIONS):
        decorators = "".join(ast.dump(one) for one in node.decorator_list)
        is_fixture = "fixture" in decorators or (node.name.startswith("test") and name != "self")
        if is_fixture or re.search(rf"\b{re.escape(name)}\b", decorators):
            raise RefusedError(f"`{node.name}` may get `{name}` by its name, from a decorator or a test runner.")
        unknown = next((one for one in map(last_name, node.decorator_list) if one not in _PASSING_ON), None)
        if unknown is not None:
            raise RefusedError(f"The decorator `{unknown}` may pass `{name}` by its name.")
    if target.kind == "module":
        for one in ast.walk(source.tree):
            is_fixture = (
                isinstance(one, FUNCTIONS)
                and one.name == name
                and "fixture" in "".join(ast.dump(decorator) for decorator in one.decorator_list)
            )
            if is_fixture:
                raise RefusedError(f"Tests get the fixture `{name}` by its name.")
    return _check_lookups(source, target)


def _check_lookups(source: Source, target: Target) -> None:
    around = target.scope.node if target.scope is not None else source.tree
    for one in ast.walk(around):
        if isinstance(one, ast.Name) and one.id in ("locals", "eval", "exec", "globals"):
            raise RefusedError(f"`{one.id}` is used where `{target.name}` is, which sees names as strings.")

"""What a piece of code needs and gives where it becomes a function of its own, or why it cannot.

It does not know how the function is written down. A name is passed by its value, so that everything is refused where
somebody else could see or change the variable meanwhile.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plt_lsp.refactor.exact.flow import Flow
from plt_lsp.refactor.exact.graph import Kind, Region, may_be_unbound
from plt_lsp.refactor.exact.scopes import COMPREHENSIONS, FUNCTIONS, Scope, Scopes, Use
from plt_lsp.refactor.exact.selecting import is_docstring, scope_node
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import RefusedError

FRAME_READERS = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stacklevel", "stack"})
_NAMED_IN = (ast.Name, ast.Attribute, ast.keyword, ast.alias)


@dataclass(frozen=True, slots=True)
class Extraction:
    """A piece of code as a function.

    Attributes:
        nodes: the statements, or the expression.
        function: the function around it, or the module.
        params: the variables that it needs, in the order of their first uses.
        results: the variables that are needed of it.
        is_async: whether it awaits.
        returns: whether it ends in `return` on every path.
    """

    nodes: tuple[ast.stmt, ...] | tuple[ast.expr]
    function: ast.AST
    params: tuple[str, ...]
    results: tuple[str, ...]
    is_async: bool
    returns: bool

    @property
    def expression(self) -> ast.expr | None:
        """The expression, where it is one."""
        return self.nodes[0] if isinstance(self.nodes[0], ast.expr) else None


def extraction_of(source: Source, nodes: Sequence[ast.stmt] | Sequence[ast.expr]) -> Extraction:
    """What a piece needs and gives.

    Raises:
        RefusedError: where it cannot be moved.
    """
    function = scope_node(source, nodes[0])
    if isinstance(function, ast.ClassDef):
        raise RefusedError("Code in a class body outside its methods cannot become a function.")
    check_movable(source, nodes, function)
    scopes = Scopes(source.tree)
    scope = scopes.of_node[function]
    flow = Flow(scopes, scope)
    region = flow.region(nodes[0], nodes[-1])
    if region is None:
        raise RefusedError("The selection is run later than the code around it, by a lambda or generator.")
    around = [scopes.of_node[one] for one in _comprehensions_around(source, nodes[0], function)]
    piece = _Piece(scopes, scope, flow, region, nodes)
    if region.has(Kind.YIELD):
        raise RefusedError("The selection yields, which only the function around it can do.")
    params, results = piece.params_and_results()
    used = [use for node in nodes for use in _uses_below(scopes, node)]
    passed = {*params, *(use.name for use in used if scopes.owners[use.node] in around)}
    ordered = tuple(dict.fromkeys(name for name in [*(use.name for use in used), *params] if name in passed))
    returns = bool(isinstance(nodes[0], ast.stmt) and _has(nodes, ast.Return))
    if returns:
        piece.check_returns()
    return Extraction(tuple(nodes), function, ordered, tuple(results), region.has(Kind.AWAIT), returns)  # type: ignore[arg-type]


class _Piece:
    """The analysis of one piece in its scope."""

    def __init__(
        self, scopes: Scopes, scope: Scope, flow: Flow, region: Region, nodes: Sequence[ast.stmt] | Sequence[ast.expr]
    ) -> None:
        self._scopes = scopes
        self._scope = scope
        self._graph = flow.graph
        self._region = region
        self._nodes = nodes

    def params_and_results(self) -> tuple[list[str], list[str]]:
        written = self._region.names(Kind.WRITE)
        if written and isinstance(self._nodes[0], ast.expr):
            raise RefusedError(f"The selection assigns `{written[0]}` within an expression.")
        self._check_others_variables()
        results = [name for name in written if self._graph.is_live(name, self._region.exits())]
        names = self._region.names(Kind.READ, Kind.CAPTURE, Kind.WRITE)
        needed = {name for name in names if self._is_needed(name, name in results, name in written)}
        for name in names:
            self._check_variable(name, name in written, name in results)
        for name in needed:
            self._check_bound(name, name in results)
        return [name for name in names if name in needed], results

    def _is_needed(self, name: str, is_result: bool, is_written: bool) -> bool:
        if self._scope.is_module and not is_written:
            return False
        return self._region.needs(name) or (is_result and self._region.may_lack(name, False))

    def _check_bound(self, name: str, is_result: bool) -> None:
        is_argument = self._is_argument(name)
        if may_be_unbound(self._graph, name, self._region.first, is_argument):
            where = "yet where the selection begins" if self._region.needs(name) else "where the selection ends"
            raise RefusedError(f"`{name}` may have no value {where}.")
        if is_result and self._region.may_lack(name, True):
            raise RefusedError(f"`{name}` may have no value any more where the selection ends.")

    def _is_argument(self, name: str) -> bool:
        return any(isinstance(use.node, ast.arg) for use in self._scopes.uses_of(self._scope, name))

    def _check_variable(self, name: str, is_written: bool, is_result: bool) -> None:
        region, scope = self._region, self._scope
        if self._scopes.is_declared_elsewhere(scope, name) and (is_written or not scope.is_module):
            raise RefusedError(f"Another function may assign `{name}` meanwhile, by `nonlocal` or `global`.")
        if not is_written and scope.is_module:
            return
        if name in region.names(Kind.CAPTURE) and region.is_written_after(name):
            raise RefusedError(f"A function made in the selection would not see `{name}` change later.")
        if is_written and self._is_captured_outside(name):
            raise RefusedError(f"A function outside the selection reads `{name}`, which the selection assigns.")
        if is_written and region.loses(name):
            raise RefusedError(f"`{name}` is assigned in the selection and read where an error in it is handled.")
        if is_written and not is_result and not self._stays_local(name):
            raise RefusedError(f"The selection alone makes `{name}` a variable of the function around it.")

    def _is_captured_outside(self, name: str) -> bool:
        return any(
            event.kind is Kind.CAPTURE and event.name == name and here not in self._region
            for here, event in enumerate(self._graph.events)
        )

    def _stays_local(self, name: str) -> bool:
        """Whether a variable that leaves the function is bound or not used there otherwise."""
        inside = {id(node) for one in self._nodes for node in ast.walk(one)}
        outside = [use for use in self._scopes.uses_of(self._scope, name) if id(use.node) not in inside]
        return not outside or any(use.binds for use in outside)

    def _check_others_variables(self) -> None:
        for node in self._nodes:
            for use in _uses_below(self._scopes, node):
                owner = self._scopes.owners[use.node]
                if use.binds and use.scope is self._scope and owner is not self._scope:
                    raise RefusedError(f"The selection assigns `{use.name}`, which is global or nonlocal.")
                if use.scope is not self._scope and use.name in use.scope.nonlocal_names:
                    raise RefusedError(f"A function in the selection declares `{use.name}` nonlocal.")

    def check_returns(self) -> None:
        """Refuse a `return` where what follows may be run as well."""
        if not self._region.ends_function():
            raise RefusedError("The selection returns on some paths and goes on behind itself on others.")


def check_movable(source: Source, nodes: Sequence[ast.AST], function: ast.AST) -> None:
    """Refuse what means something else in another function.

    Raises:
        RefusedError: with what it is.
    """
    for node in nodes:
        if isinstance(node, ast.stmt) and is_docstring(source, node):
            raise RefusedError("The selection contains a docstring, which belongs to what it describes.")
        _check_jumps(node, is_in_loop=False)
        for one in ast.walk(node):
            _check_node(one, isinstance(function, ast.Module))
    for one in ast.walk(function):
        if isinstance(one, ast.Name) and one.id in ("locals", "vars", "eval", "exec"):
            raise RefusedError(f"`{one.id}` is used in the function, which sees all its variables.")


def _check_node(node: ast.AST, is_at_module: bool) -> None:
    if isinstance(node, ast.Global | ast.Nonlocal):
        raise RefusedError(f"The selection declares names {type(node).__name__.lower()}.")
    if isinstance(node, ast.ClassDef):
        raise RefusedError(f"The selection defines the class `{node.name}`, whose full name would change.")
    if isinstance(node, FUNCTIONS) and is_at_module:
        raise RefusedError(f"The selection defines `{node.name}`, which others may use by its place in the file.")
    if isinstance(node, ast.Delete):
        raise RefusedError("The selection deletes something, which its caller would still have.")
    if isinstance(node, ast.ImportFrom) and (node.names[0].name == "*" or node.module == "__future__"):
        raise RefusedError("The selection imports in a way that only the top of a file allows.")
    read = next((name for name in _names_of(node) if name in FRAME_READERS), None)
    if read:
        raise RefusedError(f"`{read}` may look at the function that it is called from.")


def _names_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, _NAMED_IN):
        for field in ("id", "attr", "arg", "name"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def _check_jumps(node: ast.AST, *, is_in_loop: bool) -> None:
    if isinstance(node, ast.Break | ast.Continue) and not is_in_loop:
        word = type(node).__name__.lower()
        raise RefusedError(f"The selection has a `{word}` of a loop outside it.")
    if isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
        return
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):
        for child in node.body:
            _check_jumps(child, is_in_loop=True)
        for child in node.orelse:
            _check_jumps(child, is_in_loop=is_in_loop)
        return
    for inner in ast.iter_child_nodes(node):
        _check_jumps(inner, is_in_loop=is_in_loop)


def _has(nodes: Sequence[ast.AST], kind: type[ast.AST]) -> bool:
    """Whether a node of a kind is in the nodes themselves, not in functions that they define."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, kind):
            return True
        if not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
    return False


def _uses_below(scopes: Scopes, node: ast.AST) -> list[Use]:
    inside = {id(one) for one in ast.walk(node)}
    return [use for use in scopes.uses if id(use.node) in inside]


def _comprehensions_around(source: Source, node: ast.AST, function: ast.AST) -> Iterator[ast.AST]:
    """The comprehensions that the selection stands in, each round of which has variables of its own."""
    for one in source.above(node):
        if one is function:
            return
        if isinstance(one, COMPREHENSIONS):
            yield one

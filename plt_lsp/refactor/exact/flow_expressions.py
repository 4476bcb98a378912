"""The part of a control flow graph that expressions make, in the order in which their parts are worked out.

It does not know statements; `flow` does.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from plt_lsp.refactor.exact.graph import Event, Graph, Kind
from plt_lsp.refactor.exact.scopes import COMPREHENSIONS, Scope, Scopes

Jump = tuple[str, frozenset[int]]


@dataclass(eq=False, slots=True)
class Around:
    """What is around a place: a loop, a handler of exceptions or a `finally`.

    Attributes:
        kind: `loop`, `catch` or `finally`.
        raised: the events before which an exception may have come.
        breaks: the events that leave the loop.
        head: where the loop goes on.
        jumps: what leaves through the `finally`.
    """

    kind: str
    raised: set[int] = field(default_factory=set)
    breaks: set[int] = field(default_factory=set)
    head: int = -1
    jumps: list[Jump] = field(default_factory=list)


class Expressions:
    """Adds to a graph what expressions do with the variables of one scope.

    Args:
        scopes: of the file.
        scope: whose variables these are.
    """

    def __init__(self, scopes: Scopes, scope: Scope) -> None:
        self._scopes = scopes
        self._scope = scope
        self.graph = Graph(lives_on=scope.is_module)
        self._spans: dict[ast.AST, tuple[int, int]] = {}
        self._here: set[int] = {0}
        self._around: list[Around] = []

    def _emit(self, kind: Kind, name: str = "") -> None:
        if kind not in (Kind.WRITE, Kind.BEGIN):
            for one in self._around:
                one.raised |= self._here if one.kind != "loop" else set()
        self._here = {self.graph.add(Event(kind, name), self._here)}

    def _touch(self, kind: Kind, node: ast.AST, name: str) -> None:
        if self._scopes.owners.get(node) is self._scope:
            self._emit(kind, name)

    def _link(self, sources: Iterable[int], to: int) -> None:
        for one in sources:
            self.graph.after[one].add(to)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self._expression(child)

    def _all(self, nodes: "Iterable[ast.AST | None]") -> None:
        for node in nodes:
            if node is not None:
                self._expression(node)

    def _head(self, kind: Kind) -> int:
        """Where each round of a loop begins, and what is done first there."""
        self._emit(Kind.BEGIN)
        (head,) = self._here
        self._emit(kind)
        return head

    def _expression(self, node: ast.AST) -> None:
        first = len(self.graph.events)
        special = getattr(self, f"_in_{type(node).__name__.lower()}", None)
        if special is not None:
            special(node)
        else:
            self._children(node)
            if isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
                self._emit(Kind.STEP)
        if isinstance(node, ast.expr):
            self._spans[node] = first, len(self.graph.events)

    def _in_name(self, node: ast.Name) -> None:
        kind = {ast.Store: Kind.WRITE, ast.Del: Kind.DELETE}.get(type(node.ctx), Kind.READ)
        self._touch(kind, node, node.id)

    def _in_namedexpr(self, node: ast.NamedExpr) -> None:
        self._expression(node.value)
        self._touch(Kind.WRITE, node.target, node.target.id)

    def _maybe(self, nodes: Iterable[ast.AST]) -> None:
        """What may not be worked out, each after the one before."""
        done = set(self._here)
        for node in nodes:
            self._expression(node)
            done |= self._here
        self._here = done

    def _in_boolop(self, node: ast.BoolOp) -> None:
        self._expression(node.values[0])
        self._emit(Kind.STEP)
        self._maybe(node.values[1:])

    def _in_compare(self, node: ast.Compare) -> None:
        self._all([node.left, node.comparators[0]])
        self._emit(Kind.STEP)
        self._maybe(node.comparators[1:])

    def _in_ifexp(self, node: ast.IfExp) -> None:
        self._expression(node.test)
        self._emit(Kind.STEP)
        before = set(self._here)
        self._expression(node.body)
        after, self._here = self._here, before
        self._expression(node.orelse)
        self._here = self._here | after

    def _in_dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            self._all([key, value])
        self._emit(Kind.STEP)

    def _in_lambda(self, node: ast.Lambda) -> None:
        self._expression(node.args)
        self._captures(node)

    def _in_arguments(self, node: ast.arguments) -> None:
        """Default values only; annotations are read as well, which does no harm."""
        self._children(node)

    def _captures(self, node: ast.AST) -> None:
        """The variables that a function made here will read; a class reads them at once."""
        for use in self._scopes.uses:
            if self._scopes.owners[use.node] is self._scope and self._is_inside(use.scope, node):
                self._emit(Kind.CAPTURE, use.name)

    def _is_inside(self, scope: Scope, node: ast.AST) -> bool:
        return any(one.node is node for one in scope.outward())

    def _in_generatorexp(self, node: ast.GeneratorExp) -> None:
        self._expression(node.generators[0].iter)
        self._captures(node)
        self._emit(Kind.AWAIT if is_async(node) else Kind.STEP)

    def _in_listcomp(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> None:
        first, *others = node.generators
        self._expression(first.iter)
        head = self._head(Kind.AWAIT if is_async(node) else Kind.STEP)
        done = set(self._here)
        self._all([first.target, *first.ifs])
        for one in others:
            self._all([one.iter, one.target, *one.ifs])
        self._all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self._link(self._here, head)
        self._here = done
        self._emit(Kind.STEP)

    _in_setcomp = _in_listcomp
    _in_dictcomp = _in_listcomp

    def _in_await(self, node: ast.Await) -> None:
        self._expression(node.value)
        self._emit(Kind.AWAIT)

    def _in_yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        self._all([node.value])
        self._emit(Kind.YIELD)

    _in_yieldfrom = _in_yield


def is_async(node: ast.AST) -> bool:
    """Whether a comprehension awaits, which makes whoever runs it await."""
    inner = [one for one in ast.walk(node) if isinstance(one, COMPREHENSIONS)]
    return any(one.is_async for comp in inner for one in comp.generators) or any(
        isinstance(one, ast.Await) for one in ast.walk(node)
    )

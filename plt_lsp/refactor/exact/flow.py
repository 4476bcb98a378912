"""Builds the graph of one function's or module's control flow from its syntax tree.

It does not know what the graph is for. Whatever may raise may go on at every handler around it, and what is inside
`with` may go on behind it, since the context manager may take the exception.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from plt_lsp.refactor.exact.graph import Event, Graph, Kind, Region
from plt_lsp.refactor.exact.scopes import COMPREHENSIONS, FUNCTIONS, Scope, Scopes

_Jump = tuple[str, frozenset[int]]


@dataclass(eq=False, slots=True)
class _Around:
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
    jumps: list[_Jump] = field(default_factory=list)


class Flow:
    """The graph of a scope, and which of its events are whose.

    Args:
        scopes: of the file.
        scope: of the function or the module.
    """

    def __init__(self, scopes: Scopes, scope: Scope) -> None:
        self._scopes = scopes
        self._scope = scope
        self.graph = Graph(lives_on=scope.is_module)
        self._spans: dict[ast.AST, tuple[int, int]] = {}
        self._falls: dict[ast.AST, frozenset[int]] = {}
        self._here: set[int] = {0}
        self._around: list[_Around] = []
        self._ends: set[int] = set()
        node = scope.node
        if isinstance(node, ast.Lambda):
            self._expression(node.body)
        elif isinstance(node, (*FUNCTIONS, ast.Module)):
            self._body(node.body)
        self.graph.exit = self.graph.add(Event(Kind.EXIT), self._here | self._ends)

    def region(self, first: ast.AST, last: ast.AST) -> Region | None:
        """The events of some statements, or of an expression; None where it is run elsewhere."""
        if first not in self._spans or last not in self._spans:
            return None
        end = self._spans[last][1]
        return Region(self.graph, self._spans[first][0], end, self._falls.get(last, frozenset({end - 1})))

    def at(self, node: ast.AST) -> int | None:
        """The first event of a node."""
        return self._spans[node][0] if node in self._spans else None

    def _emit(self, kind: Kind, name: str = "") -> None:
        if kind not in (Kind.WRITE, Kind.BEGIN):
            for one in self._around:
                one.raised |= self._here if one.kind != "loop" else set()
        self._here = {self.graph.add(Event(kind, name), self._here)}

    def _touch(self, kind: Kind, node: ast.AST, name: str) -> None:
        if self._scopes.owners.get(node) is self._scope:
            self._emit(kind, name)

    def _jump(self, kind: str, sources: Iterable[int]) -> None:
        """Leave for a loop's end or head, or for the function's end, through every `finally` on the way."""
        for one in reversed(self._around):
            if one.kind == "finally":
                one.jumps.append((kind, frozenset(sources)))
                return
            if one.kind == "loop" and kind != "return":
                if kind == "break":
                    one.breaks |= set(sources)
                else:
                    self._link(sources, one.head)
                return
        self._ends |= set(sources)

    def _link(self, sources: Iterable[int], to: int) -> None:
        for one in sources:
            self.graph.after[one].add(to)

    def _body(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        first = len(self.graph.events)
        self._emit(Kind.BEGIN)
        special = getattr(self, f"_on_{type(node).__name__}", None)
        if special is not None:
            special(node)
        else:
            self._children(node)
        if self._here:
            self._emit(Kind.BEGIN)
        self._spans[node] = first, len(self.graph.events)
        self._falls[node] = frozenset(self._here)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self._expression(child)

    def _all(self, nodes: "Iterable[ast.AST | None]") -> None:
        for node in nodes:
            if node is not None:
                self._expression(node)

    def _on_Assign(self, node: ast.Assign) -> None:
        self._all([node.value, *node.targets])

    def _on_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._all([node.value, node.annotation if self._scope.is_module else None])
        if node.value is not None or not isinstance(node.target, ast.Name):
            self._expression(node.target)

    def _on_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._touch(Kind.READ, node.target, node.target.id)
        self._all([node.value, node.target])

    def _on_Return(self, node: ast.Return) -> None:
        self._all([node.value])
        self._emit(Kind.RETURN)
        self._jump("return", self._here)
        self._here = set()

    def _on_Raise(self, node: ast.Raise) -> None:
        self._all([node.exc, node.cause])
        self._emit(Kind.STEP)
        self._here = set()

    def _on_Break(self, _: ast.Break) -> None:
        self._jump("break", self._here)
        self._here = set()

    def _on_Continue(self, _: ast.Continue) -> None:
        self._jump("continue", self._here)
        self._here = set()

    def _on_Assert(self, node: ast.Assert) -> None:
        self._expression(node.test)
        before = set(self._here)
        self._all([node.msg])
        self._emit(Kind.STEP)
        self._here = before

    def _on_If(self, node: ast.If) -> None:
        self._expression(node.test)
        before = set(self._here)
        self._body(node.body)
        after, self._here = self._here, before
        self._body(node.orelse)
        self._here = self._here | after

    def _on_While(self, node: ast.While) -> None:
        is_endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        head = self._head(Kind.STEP)
        self._expression(node.test)
        before = set() if is_endless else set(self._here)
        self._loop(head, node.body)
        self._after_loop(before, node.orelse)

    def _on_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._expression(node.iter)
        head = self._head(Kind.AWAIT if isinstance(node, ast.AsyncFor) else Kind.STEP)
        before = set(self._here)
        self._expression(node.target)
        self._loop(head, node.body)
        self._after_loop(before, node.orelse)

    _on_AsyncFor = _on_For

    def _head(self, kind: Kind) -> int:
        """Where each round of a loop begins, and what is done first there."""
        self._emit(Kind.BEGIN)
        (head,) = self._here
        self._emit(kind)
        return head

    def _loop(self, head: int, body: Sequence[ast.stmt]) -> None:
        self._around.append(_Around("loop", head=head))
        self._body(body)
        self._link(self._here, head)

    def _after_loop(self, before: set[int], orelse: Sequence[ast.stmt]) -> None:
        loop = self._around.pop()
        self._here = before
        self._body(orelse)
        self._here = self._here | loop.breaks

    def _on_With(self, node: ast.With | ast.AsyncWith) -> None:
        catch = _Around("catch")
        for item in node.items:
            self._expression(item.context_expr)
            self._emit(Kind.AWAIT if isinstance(node, ast.AsyncWith) else Kind.STEP)
            if catch not in self._around:
                self._around.append(catch)
            self._all([item.optional_vars])
        self._body(node.body)
        self._around.remove(catch)
        self._here = self._here | catch.raised
        self._emit(Kind.BEGIN)
        self._emit(Kind.STEP)

    _on_AsyncWith = _on_With

    def _on_Try(self, node: ast.Try | ast.TryStar) -> None:
        last = _Around("finally")
        catch = _Around("catch")
        self._around.append(last)
        self._around.append(catch)
        self._body(node.body)
        self._around.pop()
        self._body(node.orelse)
        done = self._here
        for handler in node.handlers:
            self._here = set(catch.raised)
            self._emit(Kind.BEGIN)
            self._handler(handler)
            done = done | self._here
        self._around.pop()
        self._here = done
        if node.finalbody:
            self._finally(last, node.finalbody)
        else:
            for kind, sources in last.jumps:
                self._jump(kind, sources)

    _on_TryStar = _on_Try

    def _handler(self, node: ast.ExceptHandler) -> None:
        self._emit(Kind.STEP)
        self._all([node.type])
        if node.name:
            self._touch(Kind.WRITE, node, node.name)
        self._body(node.body)
        if node.name and self._here:
            self._emit(Kind.BEGIN)
            self._touch(Kind.DELETE, node, node.name)

    def _finally(self, last: _Around, body: Sequence[ast.stmt]) -> None:
        falls = bool(self._here)
        jumped = {one for _, sources in last.jumps for one in sources}
        self._here = self._here | last.raised | jumped
        self._emit(Kind.BEGIN)
        self._body(body)
        self._emit(Kind.BEGIN)
        self._emit(Kind.STEP)
        for kind, _ in last.jumps:
            self._jump(kind, self._here)
        for one in self._around:
            one.raised |= self._here if one.kind != "loop" else set()
        if not falls:
            self._here = set()

    def _on_Match(self, node: ast.Match) -> None:
        self._expression(node.subject)
        self._emit(Kind.STEP)
        before, done = set(self._here), set[int]()
        for case in node.cases:
            self._here = set(before)
            self._pattern(case.pattern)
            before = before | self._here
            self._all([case.guard])
            before = before | self._here
            self._body(case.body)
            done |= self._here
            if _takes_all(case):
                before = set()
        self._here = done | before

    def _pattern(self, node: ast.AST) -> None:
        """Captures; each may happen though the case is not taken after all."""
        before = set(self._here)
        if isinstance(node, ast.expr):
            self._expression(node)
            return
        for child in ast.iter_child_nodes(node):
            self._pattern(child)
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(node, ast.MatchAs | ast.MatchStar | ast.MatchMapping) and name:
            self._touch(Kind.WRITE, node, name)
        if isinstance(node, ast.MatchOr):
            self._here = self._here | before

    def _on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._all([*node.decorator_list, node.args])
        self._captures(node)
        self._touch(Kind.WRITE, node, node.name)

    _on_AsyncFunctionDef = _on_FunctionDef

    def _on_ClassDef(self, node: ast.ClassDef) -> None:
        self._all([*node.decorator_list, *node.bases, *(one.value for one in node.keywords)])
        self._captures(node)
        self._emit(Kind.STEP)
        self._touch(Kind.WRITE, node, node.name)

    def _on_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for one in node.names:
            self._emit(Kind.STEP)
            self._touch(Kind.WRITE, one, (one.asname or one.name).partition(".")[0])

    _on_ImportFrom = _on_Import

    def _on_Global(self, _: ast.AST) -> None:
        """Declares, and does nothing."""

    _on_Nonlocal = _on_Global

    def _expression(self, node: ast.AST) -> None:
        first = len(self.graph.events)
        special = getattr(self, f"_in_{type(node).__name__}", None)
        if special is not None:
            special(node)
        else:
            self._children(node)
            if isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
                self._emit(Kind.STEP)
        if isinstance(node, ast.expr):
            self._spans[node] = first, len(self.graph.events)

    def _in_Name(self, node: ast.Name) -> None:
        kind = {ast.Store: Kind.WRITE, ast.Del: Kind.DELETE}.get(type(node.ctx), Kind.READ)
        self._touch(kind, node, node.id)

    def _in_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._expression(node.value)
        self._touch(Kind.WRITE, node.target, node.target.id)

    def _maybe(self, nodes: Iterable[ast.AST]) -> None:
        """What may not be worked out, each after the one before."""
        done = set(self._here)
        for node in nodes:
            self._expression(node)
            done |= self._here
        self._here = done

    def _in_BoolOp(self, node: ast.BoolOp) -> None:
        self._expression(node.values[0])
        self._emit(Kind.STEP)
        self._maybe(node.values[1:])

    def _in_Compare(self, node: ast.Compare) -> None:
        self._all([node.left, node.comparators[0]])
        self._emit(Kind.STEP)
        self._maybe(node.comparators[1:])

    def _in_IfExp(self, node: ast.IfExp) -> None:
        self._expression(node.test)
        self._emit(Kind.STEP)
        before = set(self._here)
        self._expression(node.body)
        after, self._here = self._here, before
        self._expression(node.orelse)
        self._here = self._here | after

    def _in_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            self._all([key, value])
        self._emit(Kind.STEP)

    def _in_Lambda(self, node: ast.Lambda) -> None:
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

    def _in_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._expression(node.generators[0].iter)
        self._captures(node)
        self._emit(Kind.AWAIT if is_async(node) else Kind.STEP)

    def _in_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> None:
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

    _in_SetComp = _in_ListComp
    _in_DictComp = _in_ListComp

    def _in_Await(self, node: ast.Await) -> None:
        self._expression(node.value)
        self._emit(Kind.AWAIT)

    def _in_Yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        self._all([node.value])
        self._emit(Kind.YIELD)

    _in_YieldFrom = _in_Yield


def is_async(node: ast.AST) -> bool:
    """Whether a comprehension awaits, which makes whoever runs it await."""
    inner = [one for one in ast.walk(node) if isinstance(one, COMPREHENSIONS)]
    return any(one.is_async for comp in inner for one in comp.generators) or any(
        isinstance(one, ast.Await) for one in ast.walk(node)
    )


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None

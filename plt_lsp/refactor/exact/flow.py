"""Builds the graph of one function's or module's control flow from its syntax tree.

It does not know what the graph is for. Whatever may raise may go on at every handler around it, and what is inside
`with` may go on behind it, since the context manager may take the exception.
"""

import ast
from collections.abc import Iterable, Sequence

from plt_lsp.refactor.exact.flow_expressions import Around, Expressions
from plt_lsp.refactor.exact.graph import Event, Kind, Region
from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scope, Scopes


class Flow(Expressions):
    """The graph of a scope, and which of its events are whose.

    Args:
        scopes: of the file.
        scope: of the function or the module.
    """

    def __init__(self, scopes: Scopes, scope: Scope) -> None:
        super().__init__(scopes, scope)
        self._falls: dict[ast.AST, frozenset[int]] = {}
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

    def _body(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        first = len(self.graph.events)
        self._emit(Kind.BEGIN)
        special = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if special is not None:
            special(node)
        else:
            self._children(node)
        if self._here:
            self._emit(Kind.BEGIN)
        self._spans[node] = first, len(self.graph.events)
        self._falls[node] = frozenset(self._here)

    def _on_assign(self, node: ast.Assign) -> None:
        self._all([node.value, *node.targets])

    def _on_annassign(self, node: ast.AnnAssign) -> None:
        self._all([node.value, node.annotation if self._scope.is_module else None])
        if node.value is not None or not isinstance(node.target, ast.Name):
            self._expression(node.target)

    def _on_augassign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._touch(Kind.READ, node.target, node.target.id)
        self._all([node.value, node.target])

    def _on_return(self, node: ast.Return) -> None:
        self._all([node.value])
        self._emit(Kind.RETURN)
        self._jump("return", self._here)
        self._here = set()

    def _on_raise(self, node: ast.Raise) -> None:
        self._all([node.exc, node.cause])
        self._emit(Kind.STEP)
        self._here = set()

    def _on_break(self, _: ast.Break) -> None:
        self._jump("break", self._here)
        self._here = set()

    def _on_continue(self, _: ast.Continue) -> None:
        self._jump("continue", self._here)
        self._here = set()

    def _on_assert(self, node: ast.Assert) -> None:
        self._expression(node.test)
        before = set(self._here)
        self._all([node.msg])
        self._emit(Kind.STEP)
        self._here = before

    def _on_if(self, node: ast.If) -> None:
        self._expression(node.test)
        before = set(self._here)
        self._body(node.body)
        after, self._here = self._here, before
        self._body(node.orelse)
        self._here = self._here | after

    def _on_while(self, node: ast.While) -> None:
        is_endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        head = self._head(Kind.STEP)
        self._expression(node.test)
        before = set() if is_endless else set(self._here)
        self._loop(head, node.body)
        self._after_loop(before, node.orelse)

    def _on_for(self, node: ast.For | ast.AsyncFor) -> None:
        self._expression(node.iter)
        head = self._head(Kind.AWAIT if isinstance(node, ast.AsyncFor) else Kind.STEP)
        before = set(self._here)
        self._expression(node.target)
        self._loop(head, node.body)
        self._after_loop(before, node.orelse)

    _on_asyncfor = _on_for

    def _loop(self, head: int, body: Sequence[ast.stmt]) -> None:
        self._around.append(Around("loop", head=head))
        self._body(body)
        self._link(self._here, head)

    def _after_loop(self, before: set[int], orelse: Sequence[ast.stmt]) -> None:
        loop = self._around.pop()
        self._here = before
        self._body(orelse)
        self._here = self._here | loop.breaks

    def _on_with(self, node: ast.With | ast.AsyncWith) -> None:
        catch = Around("catch")
        for item in node.items:
            self._expression(item.context_expr)
            self._emit(Kind.AWAIT if isinstance(node, ast.AsyncWith) else Kind.STEP)
            if catch not in self._around:
                self._around.append(catch)
            self._all([item.optional_vars])
        self._body(node.body)
        self._around.remove(catch)
        if not all(self._passes_errors_on(item.context_expr) for item in node.items):
            self._here = self._here | catch.raised
        self._emit(Kind.BEGIN)
        self._emit(Kind.STEP)

    _on_asyncwith = _on_with

    def _passes_errors_on(self, node: ast.expr) -> bool:
        """Whether a context manager is certain to take no exception: an opened file takes none."""
        func = node.func if isinstance(node, ast.Call) else None
        return isinstance(func, ast.Name) and func.id == "open" and self._scopes.owners.get(func) is None

    def _on_try(self, node: ast.Try | ast.TryStar) -> None:
        last = Around("finally")
        catch = Around("catch")
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

    _on_trystar = _on_try

    def _handler(self, node: ast.ExceptHandler) -> None:
        self._emit(Kind.STEP)
        self._all([node.type])
        if node.name:
            self._touch(Kind.WRITE, node, node.name)
        self._body(node.body)
        if node.name and self._here:
            self._emit(Kind.BEGIN)
            self._touch(Kind.DELETE, node, node.name)

    def _finally(self, last: Around, body: Sequence[ast.stmt]) -> None:
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

    def _on_match(self, node: ast.Match) -> None:
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

    def _on_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._all([*node.decorator_list, node.args])
        self._captures(node)
        self._touch(Kind.WRITE, node, node.name)

    _on_asyncfunctiondef = _on_functiondef

    def _on_classdef(self, node: ast.ClassDef) -> None:
        self._all([*node.decorator_list, *node.bases, *(one.value for one in node.keywords)])
        self._captures(node)
        self._emit(Kind.STEP)
        self._touch(Kind.WRITE, node, node.name)

    def _on_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for one in node.names:
            self._emit(Kind.STEP)
            self._touch(Kind.WRITE, one, (one.asname or one.name).partition(".")[0])

    _on_importfrom = _on_import

    def _on_global(self, _: ast.AST) -> None:
        """Declares, and does nothing."""

    _on_nonlocal = _on_global


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None

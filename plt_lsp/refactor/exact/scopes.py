"""Which scope each name of a file belongs to, by Python's own rules, worked out here and by nobody else.

It does not know what a name's value is, nor other files.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What is run later than where it stands, and may be run any number of times.
LAZY = (*FUNCTIONS, ast.Lambda, ast.GeneratorExp)


@dataclass(eq=False, slots=True)
class Scope:
    """A scope: a module, class, function, lambda or comprehension.

    Attributes:
        node: that opens it.
        parent: the scope around it.
        bound: the names that it binds.
        global_names: which it declares global.
        nonlocal_names: which it declares nonlocal.
    """

    node: ast.AST
    parent: "Scope | None"
    bound: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)

    @property
    def is_class(self) -> bool:
        """Whether it is a class's, which scopes inside do not see."""
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_module(self) -> bool:
        """Whether it is the file's."""
        return isinstance(self.node, ast.Module)

    def outward(self) -> "Iterator[Scope]":
        """The scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


@dataclass(frozen=True, slots=True)
class Use:
    """A name where it stands.

    Attributes:
        node: that has it: a Name, or what binds it otherwise.
        name: the name.
        scope: it stands in.
        binds: whether it gets a value there, or loses it.
    """

    node: ast.AST
    name: str
    scope: Scope
    binds: bool


class Scopes(ast.NodeVisitor):
    """All scopes and uses of names in a tree."""

    def __init__(self, tree: ast.AST) -> None:
        self.module = Scope(tree, None)
        self.all: list[Scope] = [self.module]
        self.uses: list[Use] = []
        self.of_node: dict[ast.AST, Scope] = {tree: self.module}
        self._scope = self.module
        self.generic_visit(tree)
        self.owners = {use.node: self.owner(use.scope, use.name) for use in self.uses}

    def owner(self, scope: Scope, name: str) -> Scope | None:
        """The scope whose variable a name is in a scope; None where the file does not bind it: a builtin."""
        if name in scope.global_names:
            return self.module
        if name in scope.bound and name not in scope.nonlocal_names:
            return scope
        for outer in scope.outward():
            if outer is scope or outer.is_class:
                continue
            if name in outer.global_names:
                return self.module
            if name in outer.bound and name not in outer.nonlocal_names:
                return outer
        return self.module if any(name in one.global_names for one in self.all) else None

    def uses_of(self, owner: Scope | None, name: str) -> list[Use]:
        """Every use of a variable."""
        return [use for use in self.uses if use.name == name and self.owners[use.node] is owner]

    def is_declared_elsewhere(self, owner: Scope, name: str) -> bool:
        """Whether another scope may rebind a variable, by `global` or `nonlocal`."""
        if owner.is_module:
            return any(name in scope.global_names for scope in self.all)
        return any(name in scope.nonlocal_names and self.owner(scope, name) is owner for scope in self.all)

    def _use(self, node: ast.AST, name: str, binds: bool, scope: Scope | None = None) -> None:
        scope = scope or self._scope
        self.uses.append(Use(node, name, scope, binds))
        if binds and name not in scope.global_names:
            scope.bound.add(name)

    def _inside(self, node: ast.AST) -> "Scope":
        scope = Scope(node, self._scope)
        self.all.append(scope)
        self.of_node[node] = scope
        return scope

    def _visit_all(self, nodes: "list[ast.expr] | list[ast.stmt] | list[ast.expr | None]") -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A variable."""
        self._use(node, node.id, not isinstance(node.ctx, ast.Load))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """A walrus in a comprehension binds outside it."""
        self.visit(node.value)
        scope = next(one for one in self._scope.outward() if not isinstance(one.node, COMPREHENSIONS))
        self._use(node.target, node.target.id, True, scope)

    def visit_Global(self, node: ast.Global) -> None:
        """Names that mean the module's."""
        self._scope.global_names.update(node.names)
        self._scope.bound.difference_update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """Names that mean an outer function's."""
        self._scope.nonlocal_names.update(node.names)

    def visit_alias(self, node: ast.alias) -> None:
        """A name that an import binds."""
        if node.name != "*":
            self._use(node, (node.asname or node.name).partition(".")[0], True)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """A handler binds its exception."""
        if node.name:
            self._use(node, node.name, True)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """A capture."""
        if node.name:
            self._use(node, node.name, True)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """A capture of several."""
        if node.name:
            self._use(node, node.name, True)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """A capture of the rest."""
        if node.rest:
            self._use(node, node.rest, True)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function: its head belongs outside."""
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """A function that awaits."""
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._use(node, node.name, True)
        self._visit_all(node.decorator_list)
        self._visit_all([node.returns])
        self._visit_arguments(node, node.args, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A lambda."""
        self._visit_arguments(node, node.args, [node.body])

    def _visit_arguments(self, node: ast.AST, args: ast.arguments, body: "list[ast.stmt] | list[ast.expr]") -> None:
        arguments = all_arguments(args)
        self._visit_all([*args.defaults, *args.kw_defaults, *(one.annotation for one in arguments)])
        outer, self._scope = self._scope, self._inside(node)
        for one in arguments:
            self._use(one, one.arg, True)
        self._visit_all(body)
        self._scope = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class: its head belongs outside."""
        self._use(node, node.name, True)
        self._visit_all([*node.decorator_list, *node.bases, *(one.value for one in node.keywords)])
        outer, self._scope = self._scope, self._inside(node)
        self._visit_all(node.body)
        self._scope = outer

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """A comprehension: its first iterable belongs outside."""
        self._visit_comprehension(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """As a list's."""
        self._visit_comprehension(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """As a list's."""
        self._visit_comprehension(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """As a list's."""
        self._visit_comprehension(node, [node.key, node.value])

    def _visit_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, results: list[ast.expr]
    ) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        outer, self._scope = self._scope, self._inside(node)
        self._visit_all([first.target, *first.ifs])
        for one in others:
            self._visit_all([one.iter, one.target, *one.ifs])
        self._visit_all(results)
        self._scope = outer


def all_arguments(args: ast.arguments) -> list[ast.arg]:
    """The arguments of a function, in their order."""
    found = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [one for one in found if one is not None]

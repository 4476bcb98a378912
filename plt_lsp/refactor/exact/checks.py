"""What is looked at once more when a change is ready: that it compiles, and that undoing it gives the old tree.

It trusts nothing that planned the change: it works on the new text alone, by `ast` and by Python's own symbol table.
"""

import ast
import builtins
import symtable
import warnings
from collections import Counter
from collections.abc import Sequence

from plt_lsp.refactor.exact.extraction import Extraction
from plt_lsp.refactor.exact.scopes import FUNCTIONS
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.proposal import RefusedError

FAILED = "The result did not pass the checks, so that nothing is proposed."


def compiled(text: str) -> ast.Module:
    """The tree of a text that compiles.

    Raises:
        RefusedError: where it does not.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(text, "<refactored>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RefusedError(FAILED) from error
    return tree


def check(holds: bool) -> None:
    """Refuse a result of which something does not hold.

    Raises:
        RefusedError: where it does not.
    """
    if not holds:
        raise RefusedError(FAILED)


def defined_names(tree: ast.Module) -> Counter[str]:
    """The functions and classes of a file."""
    return Counter(one.name for one in ast.walk(tree) if isinstance(one, (*FUNCTIONS, ast.ClassDef)))


class _Undo(ast.NodeTransformer):
    """Puts back what was extracted: takes the function out and its body in the place of its call."""

    def __init__(self, name: str, extraction: Extraction) -> None:
        self.name = name
        self.extraction = extraction
        self.functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        self.calls: list[ast.Call] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST | None:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST | None:
        if node.name == self.name:
            self.functions.append(node)
            return None
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt) and self.extraction.expression is None and self._call_in(node) is not None:
            return self._restored()  # type: ignore[return-value]
        return super().generic_visit(node)

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and self.extraction.expression is not None:
            call = node.value if isinstance(node, ast.Await) and self.extraction.is_async else node
            if self._is_call(call):
                self.calls.append(call)  # type: ignore[arg-type]
                return self.extraction.expression
        return super().visit(node)  # type: ignore[no-any-return]

    def _restored(self) -> list[ast.AST]:
        return list(self.extraction.nodes)

    def _call_in(self, node: ast.stmt) -> ast.Call | None:
        """The call, where a statement is one and does with its results what it should."""
        value = getattr(node, "value", None)
        call = value.value if isinstance(value, ast.Await) and self.extraction.is_async else value
        if not self._is_call(call):
            return None
        results = list(self.extraction.results)
        match node:
            case ast.Assign():
                check([one for target in node.targets for one in _target_names(target)] == results)
            case ast.Return():
                check(self.extraction.returns and not results)
            case _:
                check(isinstance(node, ast.Expr) and not self.extraction.returns and not results)
        assert isinstance(call, ast.Call)
        self.calls.append(call)
        return call

    def _is_call(self, node: ast.AST | None) -> bool:
        func = getattr(node, "func", None)
        return isinstance(node, ast.Call) and self.name in (getattr(func, "id", None), getattr(func, "attr", None))


def _target_names(node: ast.expr) -> list[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return [one.id for one in parts if isinstance(one, ast.Name)]


def check_extracted_function(source: Source, splices: Sequence[Splice], extraction: Extraction, name: str) -> None:
    """Look at an extracted function: undone it is the old file, and its free names mean what they meant.

    Raises:
        RefusedError: where it is not so.
    """
    text = source.spliced(splices)
    tree = compiled(text)
    check(defined_names(tree) == defined_names(source.tree) + Counter([name]))
    undo = _Undo(name, extraction)
    restored = undo.visit(tree)
    check(len(undo.functions) == 1 and len(undo.calls) == 1)
    check(ast.dump(restored) == ast.dump(source.tree))
    _check_body(undo.functions[0], extraction)
    _check_arguments(undo.functions[0], undo.calls[0], extraction)
    _check_symbols(source, text, extraction, name)


def _check_body(function: ast.FunctionDef | ast.AsyncFunctionDef, extraction: Extraction) -> None:
    body = [ast.dump(one) for one in function.body]
    if extraction.expression is not None:
        check(body == [ast.dump(ast.Return(value=extraction.expression))])
        return
    wanted = [ast.dump(one) for one in extraction.nodes]
    if extraction.results:
        last = function.body[-1]
        check(isinstance(last, ast.Return) and last.value is not None)
        check(_target_names(last.value) == list(extraction.results))  # type: ignore[attr-defined]
        body = body[:-1]
    check(body == wanted)


def _check_arguments(function: ast.AST, call: ast.Call, extraction: Extraction) -> None:
    params = [one.arg for one in function.args.args]  # type: ignore[attr-defined]
    passed = [one.id if isinstance(one, ast.Name) else None for one in call.args]
    if isinstance(call.func, ast.Attribute):
        check(isinstance(call.func.value, ast.Name) and call.func.value.id == params[0])
        params = params[1:]
    check(params == passed and not call.keywords)
    check(set(params) <= set(extraction.params))


def _check_symbols(source: Source, text: str, extraction: Extraction, name: str) -> None:
    """What Python's own symbol table says: no variable of the old function is looked up elsewhere in the new one."""
    new = _table(symtable.symtable(text, "<refactored>", "exec"), name, None)
    check(isinstance(new, symtable.Function))
    assert isinstance(new, symtable.Function)
    check(set(new.get_parameters()) >= set(extraction.params))
    check(set(extraction.results) <= {*new.get_locals()})
    function = extraction.function
    if isinstance(function, ast.Module):
        return
    line = function.lineno if not function.decorator_list else None  # type: ignore[attr-defined]
    old = _table(symtable.symtable(source.text, "<before>", "exec"), function.name, line)  # type: ignore[attr-defined]
    check(isinstance(old, symtable.Function))
    assert isinstance(old, symtable.Function)
    outside = {*new.get_globals(), *new.get_frees()} - frozenset(dir(builtins))
    check(not outside & {*old.get_locals()})


def _table(table: symtable.SymbolTable, name: str, line: int | None) -> symtable.SymbolTable | None:
    if table.get_name() == name and table.get_type() == "function" and line in (None, table.get_lineno()):
        return table
    found = (_table(child, name, line) for child in table.get_children())
    return next((one for one in found if one is not None), None)

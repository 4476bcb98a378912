"""Checks of the names in changed Python: what is bound stays bound, and what is used and called is what was.

They go by Python's own syntax tree and symbol table, and pass every other language. Each returns None or what is wrong,
as a sentence for the user.
"""

import ast
import builtins
import symtable
from collections.abc import Iterator

from plt_lsp.refactor.written.change import Compared
from plt_lsp.refactor.written.python_checks import FAILURES, SCOPES, rows_of, tree_of, trees_of
from plt_lsp.syntax.faults import faults

# Called in a text that is to be simpler, these need not have been called before, nor be called any longer.
HARMLESS = frozenset(
    {
        *("abs", "all", "any", "bool", "bytes", "callable", "chr", "dict", "divmod", "enumerate", "filter", "float"),
        *("frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass", "iter", "len"),
        *("list", "map", "max", "min", "next", "ord", "pow", "range", "repr", "reversed", "round", "set", "slice"),
        *("sorted", "str", "sum", "super", "tuple", "type", "vars", "zip", "get", "items", "keys", "values"),
        *("append", "extend", "update", "setdefault", "join", "split", "strip", "lstrip", "rstrip", "startswith"),
        *("endswith", "format", "replace", "lower", "upper", "add", "copy", "count", "index", "fromkeys"),
    }
)
_MODULE_NAMES = frozenset({"__name__", "__file__", "__doc__", "__builtins__", "__path__", "__spec__", "__class__"})


def keeps_bound_names(both: Compared) -> str | None:
    """Whether the names that were bound in the stretch and are used behind it are still bound."""
    trees = trees_of(both)
    if trees is None:
        return None
    before, after = (_bound(tree, *rows_of(side)) for tree, side in zip(trees, (both.before, both.after), strict=True))
    used = _used_behind(trees[0], rows_of(both.before)[1], rows_of(both.before)[0])
    lost = sorted((before - after) & used)
    return f"It would no longer define `{lost[0]}`." if lost else None


def uses_defined_names(both: Compared) -> str | None:
    """Whether no name is used that is not defined anywhere that the code can see."""
    if both.change.language_id != "python":
        return None
    added = sorted(_undefined(both.after.text) - _undefined(both.before.text))
    return f"It uses `{added[0]}`, which is not defined." if added else None


def is_mended(both: Compared, name: str) -> str | None:
    """Whether a name that was reported and not defined is no longer used so, and a syntax error is gone."""
    num_faults = len(faults(both.before.tree))
    is_left = num_faults > 0 and len(faults(both.after.tree)) >= num_faults
    if both.change.language_id == "python" and num_faults == 0:
        is_left = name in _undefined(both.before.text) & _undefined(both.after.text)
    return "The problem would still be there." if is_left else None


def still_uses_parameters(both: Compared) -> str | None:
    """Whether the parameters that were used are used still."""
    trees = trees_of(both)
    if trees is None:
        return None
    before, after = (_nodes(tree, *rows_of(side)) for tree, side in zip(trees, (both.before, both.after), strict=True))
    parameters = {node.arg for node in before if isinstance(node, ast.arg)}
    unused = sorted((parameters & _loads(before)) - _loads(after))
    return f"It would no longer use `{unused[0]}`." if unused else None


def still_does(both: Compared) -> str | None:
    """Whether it still calls, raises, returns and yields what it did, harmless calls apart, and calls nothing else."""
    trees = trees_of(both)
    if trees is None:
        return None
    before, after = (_nodes(tree, *rows_of(side)) for tree, side in zip(trees, (both.before, both.after), strict=True))
    old_calls, new_calls = _calls(before), _calls(after)
    lost, added = sorted(old_calls - new_calls - HARMLESS), sorted(new_calls - old_calls - HARMLESS)
    if lost or added:
        return f"It would no longer call `{lost[0]}`." if lost else f"It would call `{added[0]}`, which it did not."
    for kind, words in ((ast.Return, "return"), (ast.Raise, "raise"), (ast.Yield, "yield"), (ast.Await, "await")):
        if any(isinstance(node, kind) for node in before) and not any(isinstance(node, kind) for node in after):
            return f"It would no longer {words} anything."
    unused = sorted(_loads(before) - _loads(after) - set(dir(builtins)) - _stores(before))
    return f"It would no longer use `{unused[0]}`." if unused else None


def _nodes(tree: ast.Module, first: int, last: int) -> list[ast.AST]:
    """What lies in some rows."""
    return [
        node for node in ast.walk(tree)
        if isinstance(node, ast.stmt | ast.expr | ast.arg | ast.excepthandler)
        and first <= node.lineno and (node.end_lineno or node.lineno) <= last
    ]  # fmt: skip


def _bound(tree: ast.Module, first: int, last: int) -> set[str]:
    """The names that some rows bind in the scope around them, and those of the definitions in them."""
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        inner = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.stmt | ast.excepthandler | ast.expr) and first <= node.lineno <= last:
            if isinstance(node, SCOPES):
                names.add(node.name)
                continue  # what it binds is its own
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            if isinstance(node, ast.Import | ast.ImportFrom):
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                continue
        waiting += inner
    return names


def _used_behind(tree: ast.Module, last: int, first: int) -> set[str]:
    """The names that are used behind a row, in the function that holds the rows or, outside of any, anywhere."""
    around = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno < first and last <= (node.end_lineno or 0)
    ]  # fmt: skip
    if not around:
        return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | _all_of_module(tree)
    inner = max(around, key=lambda node: node.lineno)
    return {node.id for node in ast.walk(inner) if isinstance(node, ast.Name) and node.lineno > last}


def _all_of_module(tree: ast.Module) -> set[str]:
    """What a module or its classes bind: others may use it from outside."""
    return _bound(tree, 1, 1 << 30) | {
        name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for one in node.body
        for name in _bound(ast.Module([one], []), 1, 1 << 30)
    }  # fmt: skip


def _undefined(text: str) -> set[str]:
    """The names that are used and not bound anywhere that the code can see; none where anything may be bound."""
    tree = tree_of(text)
    if tree is None or any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
        return set()
    try:
        top = symtable.symtable(text, "<text>", "exec")
    except FAILURES:
        return set()
    known = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    known |= {child.get_name() for child in top.get_children()} | set(dir(builtins)) | _MODULE_NAMES
    return {name for table in _tables(top) for name in _free(table)} - known


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _free(table: symtable.SymbolTable) -> Iterator[str]:
    is_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or (is_top and not symbol.is_assigned())):
            yield symbol.get_name()


def _calls(nodes: list[ast.AST]) -> set[str]:
    return {_name_of(node) for node in nodes if isinstance(node, ast.Call)} - {""}


def _name_of(call: ast.Call) -> str:
    """The last name of what is called."""
    called = call.func
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _loads(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _stores(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}

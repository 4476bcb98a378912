"""Where a variable stands in its file, every time, by the scopes worked out here; strings that are formatted included.

It does not know attributes, keywords or other files.
"""

import ast
import keyword
import re
import tokenize
from collections.abc import Iterator

from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scope, Scopes, Use
from plt_lsp.refactor.exact.selecting import walk_placed
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.proposal import RefusedError


def places_of(source: Source, scopes: Scopes, owner: Scope | None, name: str) -> frozenset[int]:
    """Where a variable of a scope stands, in characters of the text."""
    placed = {id(node) for node in walk_placed(source.tree)}
    found = set(_declarations(source, scopes, owner, name))
    hidden = []
    for use in scopes.uses_of(owner, name):
        if id(use.node) in placed:
            found.add(_place(source, use))
        else:
            hidden.append(scopes.uses.index(use))
    if hidden:
        found |= _hidden_places(source, scopes, name, frozenset(hidden))
    return frozenset(found)


def _place(source: Source, use: Use) -> int:
    """Where a name stands in the node that has it."""
    node, start, end = use.node, source.start(use.node), source.end(use.node)
    if isinstance(node, ast.Name | ast.arg):
        return start
    names = [one for one in source.tokens_in(start, end) if one.type == tokenize.NAME and one.string == use.name]
    if isinstance(node, ast.ExceptHandler):
        end = source.start(node.body[0])
        pairs = zip(source.tokens, source.tokens[1:], strict=False)
        return next(b.start for a, b in pairs if start <= a.start < end and a.string == "as" and b.string == use.name)
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)) or (isinstance(node, ast.alias) and not node.asname):
        return names[0].start
    return names[-1].start


def _declarations(source: Source, scopes: Scopes, owner: Scope | None, name: str) -> Iterator[int]:
    """Where `global` and `nonlocal` name the variable."""
    for scope in scopes.all:
        if name not in scope.global_names | scope.nonlocal_names or scopes.owner(scope, name) is not owner:
            continue
        for node in _own_nodes(scope.node):
            if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
                tokens = source.tokens_in(source.start(node), source.end(node))
                yield from (token.start for token in tokens if token.string == name)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from _own_nodes(child)


def _hidden_places(source: Source, scopes: Scopes, name: str, wanted: frozenset[int]) -> set[int]:
    """Places in strings that are formatted: found by putting another name there and looking which use it changes."""
    other = next(one for one in (f"{name}_{i}" for i in range(1000)) if one not in source.names)
    found: dict[int, int] = {}
    for start in _candidates(source, name):
        changed = _changed_uses(source, scopes, Splice(start, start + len(name), other))
        if len(changed) == 1:
            found[changed[0]] = start
    if not wanted <= set(found):
        raise RefusedError(f"`{name}` stands in a formatted string where it could not be found for certain.")
    return {found[i] for i in wanted}


def _candidates(source: Source, name: str) -> Iterator[int]:
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    for node in walk_placed(source.tree):
        if isinstance(node, ast.JoinedStr):
            start, end = source.start(node), source.end(node)
            yield from (start + match.start() for match in pattern.finditer(source.text[start:end]))


def _changed_uses(source: Source, scopes: Scopes, splice: Splice) -> list[int]:
    try:
        after = Scopes(ast.parse(source.spliced([splice])))
    except SyntaxError:
        return []
    if len(after.uses) != len(scopes.uses):
        return []
    return [i for i, (a, b) in enumerate(zip(scopes.uses, after.uses, strict=True)) if a.name != b.name]


def check_valid_old(name: str) -> None:
    """Refuse what is no name, or one that Python gives a meaning.

    Raises:
        RefusedError: with the name.
    """
    if keyword.iskeyword(name):
        raise RefusedError(f"`{name}` is a keyword of Python.")
    if name.startswith("__"):
        raise RefusedError(f"`{name}` has a meaning of its own to Python.")

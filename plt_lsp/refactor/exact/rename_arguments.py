"""Where an argument of a function is passed by its name: in calls of that function, and nowhere in doubt.

It does not know how the function's own places were found. A function that is handed on may be called under any name, so
that no keyword elsewhere can be told from its own.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from plt_lsp.refactor.exact.scopes import FUNCTIONS
from plt_lsp.refactor.exact.selecting import walk_placed
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import RefusedError

_Call = tuple[str, Source, ast.Call]


def passes_by_name(sources: Mapping[str, Source], name: str) -> bool:
    """Whether anything in the files may pass an argument of a name."""
    return any(True for _ in _calls_passing(sources, name))


def _calls_passing(sources: Mapping[str, Source], name: str) -> Iterator[_Call]:
    for path, source in sources.items():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and any(_passes(one, name) for one in node.keywords):
                yield path, source, node


def _passes(node: ast.keyword, name: str) -> bool:
    """Whether a keyword is the name, or a dictionary that is unpacked may have it."""
    if node.arg is not None:
        return node.arg == name
    keys = node.value.keys if isinstance(node.value, ast.Dict) else []
    return not isinstance(node.value, ast.Dict) or any(getattr(key, "value", name) == name for key in keys)


def keyword_places(
    sources: Mapping[str, Source], name: str, function: str, places: Mapping[str, frozenset[int]]
) -> dict[str, frozenset[int]]:
    """Where calls of a function pass an argument by its name.

    Args:
        sources: of all files that have the argument's name or the function's.
        name: of the argument.
        function: its name.
        places: of the function's name.

    Raises:
        RefusedError: where a call may be one of the function, or pass the argument in another way.
    """
    _check_only_called(sources, function, places)
    found: dict[str, frozenset[int]] = {}
    for path, source, call in _calls_passing(sources, name):
        place = _callee_place(source, call)
        if place is None or place not in places.get(path, frozenset()):
            if place is None or function in (getattr(call.func, "id", ""), getattr(call.func, "attr", "")):
                raise _refusal(path, call, f"passes `{name}` to what may be `{function}`")
            continue
        for one in call.keywords:
            if one.arg is None and _passes(one, name):
                raise _refusal(path, call, f"may pass `{name}` to `{function}` without naming it")
            if one.arg == name:
                found[path] = found.get(path, frozenset()) | {source.start(one)}
    return found


def _callee_place(source: Source, call: ast.Call) -> int | None:
    """Where the last name of what is called stands; None where it has none, or in a formatted string."""
    func = call.func
    if any(isinstance(one, ast.JoinedStr) for one in source.above(call)):
        return None
    if isinstance(func, ast.Name):
        return source.start(func)
    return source.end(func) - len(func.attr) if isinstance(func, ast.Attribute) else None


def _check_only_called(sources: Mapping[str, Source], function: str, places: Mapping[str, frozenset[int]]) -> None:
    for path, source in sources.items():
        known = set(places.get(path, frozenset()))
        for node in walk_placed(source.tree):
            if isinstance(node, ast.Call):
                known.discard(_callee_place(source, node) or -1)
            elif isinstance(node, FUNCTIONS) and node.name == function:
                known -= set(range(source.start(node), source.start(node.body[0])))
            elif isinstance(node, ast.alias) and node.asname is None:
                known.discard(source.start(node))
        if known:
            line = source.cursor(min(known)).line + 1
            raise RefusedError(f"Line {line} of {Path(path).name} hands `{function}` on without calling it.")


def _refusal(path: str, node: ast.Call, why: str) -> RefusedError:
    return RefusedError(f"Line {node.lineno} of {Path(path).name} {why}.")

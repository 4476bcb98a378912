"""Rename: a name and everything in the workspace that means the same thing, or nothing.

rope says what means the same; it is believed only where the scopes worked out here agree, and where nothing in the
files that have the name is left in doubt.
"""

import ast
import os
import re
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plt_lsp.positions import Cursor
from plt_lsp.refactor.exact.checks import check, compiled
from plt_lsp.refactor.exact.naming import check_valid
from plt_lsp.refactor.exact.places import check_valid_old, places_of
from plt_lsp.refactor.exact.rename_arguments import keyword_places, passes_by_name
from plt_lsp.refactor.exact.rename_doubts import Rest, Target, check_rest, check_unnamed_uses
from plt_lsp.refactor.exact.scopes import FUNCTIONS, Scope, Scopes
from plt_lsp.refactor.exact.selecting import walk_placed
from plt_lsp.refactor.exact.source import Source, Splice, Token
from plt_lsp.refactor.exact.workspace import File, Workspace, files_with, others_with, own_file
from plt_lsp.refactor.proposal import DocumentChange, Offer, Proposal, RefusedError, Selection

if TYPE_CHECKING:
    from plt_lsp.refactor.exact.rope_project import Meaning

RENAME = Offer("rename", "Rename", "refactor")


def name_token(source: Source, selection: Selection) -> Token:
    """The name that a selection is, or that a cursor touches.

    Raises:
        RefusedError: where there is none.
    """
    start, end = source.offset(selection.start), source.offset(selection.end)
    for token in source.tokens:
        if token.type == tokenize.NAME and token.start <= start and end <= token.end:
            check_valid_old(token.string)
            return token
        if token.type == tokenize.STRING and token.start < start < token.end:
            raise RefusedError("A name in a string cannot be renamed from there; point at it outside the string.")
    raise RefusedError("There is no name here.")


def target_at(source: Source, selection: Selection) -> Target:
    """What a selection names.

    Raises:
        RefusedError: where that cannot be renamed.
    """
    token = name_token(source, selection)
    if token.string not in source.names:
        raise RefusedError(f"`{token.string}` is written in another way than Python reads it.")
    scopes = Scopes(source.tree)
    for node in walk_placed(source.tree):
        if isinstance(node, ast.Attribute) and source.end(node) == token.end:
            return Target(token, "member", scopes, None)
        if isinstance(node, ast.keyword) and node.arg == token.string and source.start(node) == token.start:
            return Target(token, "argument", scopes, None)
    owners = dict.fromkeys(scopes.owners[use.node] for use in scopes.uses if use.name == token.string)
    owner = next((one for one in owners if token.start in places_of(source, scopes, one, token.string)), None)
    if owner is None:
        raise RefusedError(f"`{token.string}` is not defined in this file.")
    return Target(token, _kind(source, scopes, owner, token), scopes, owner)


def _kind(source: Source, scopes: Scopes, owner: Scope, token: Token) -> str:
    bindings = [use.node for use in scopes.uses_of(owner, token.string) if use.binds]
    if any(isinstance(one, ast.alias) and isinstance(source.parents[one], ast.Import) for one in bindings):
        raise RefusedError(f"`{token.string}` is a module; its import says what it is called.")
    if any(isinstance(one, ast.alias) for one in bindings):
        return "module"
    if owner.is_module or owner.is_class:
        return "module" if owner.is_module else "member"
    return "argument" if any(isinstance(one, ast.arg) for one in bindings) else "local"


def rename_target(selection: Selection) -> tuple[Cursor, Cursor]:
    """The range of the name that would be renamed.

    Raises:
        RefusedError: where none can be.
    """
    source = Source(selection.snapshot.lines)
    token = target_at(source, selection).token
    return source.cursor(token.start), source.cursor(token.end)


def rename(selection: Selection, new_name: str, workspace: Workspace) -> Proposal:
    """The changes that rename what a selection names, in all files of the workspace.

    Raises:
        RefusedError: where it cannot be done for certain.
    """
    source = Source(selection.snapshot.lines)
    target = target_at(source, selection)
    check_valid(new_name)
    if new_name == target.name:
        raise RefusedError(f"It is called `{new_name}` already.")
    if target.kind != "local" and (selection.snapshot.lines_before or selection.snapshot.lines_after):
        raise RefusedError(f"Other cells of the notebook may use `{target.name}`.")
    is_local = target.kind == "local"
    files = [own_file(selection, workspace)] if is_local else files_with(target.name, selection, workspace)
    sources = {file.path: source if file is files[0] else file.source() for file in files}
    check_unnamed_uses(source, target)
    places = _places(files, sources, target, workspace)
    splices = {
        path: [Splice(start, start + len(target.name), new_name) for start in sorted(starts)]
        for path, starts in places.items()
        if starts
    }
    for path, changed in splices.items():
        _check_renamed(sources[path], changed, target.name, new_name)
    if target.kind == "member":
        _check_member_free(new_name, selection, workspace)
    changes = tuple(
        DocumentChange(file.uri, file.version, sources[file.path].changes(splices[file.path]))
        for file in files
        if file.path in splices
    )
    named_at = next(one.changes[0].start for one in changes if one.uri == selection.snapshot.uri)
    description = f"Renames `{target.name}` to `{new_name}`."
    return Proposal(RENAME, changes, description, new_name, named_at)


def _places(
    files: list[File], sources: Mapping[str, Source], target: Target, workspace: Workspace
) -> Mapping[str, frozenset[int]]:
    """Where the name stands in each file, and nothing is left in doubt."""
    own = files[0].path
    here = frozenset[int]()
    if target.scope is not None:
        here = places_of(sources[own], target.scopes, target.scope, target.name)
    if target.kind == "local":
        return {own: here}
    if target.kind == "argument":
        return _argument_places(files, sources, target, workspace, here)
    meaning = _meaning(own, sources, target, workspace, here)
    if not meaning.is_in_workspace:
        raise RefusedError(f"`{target.name}` is not defined in this workspace.")
    if target.kind == "member" and meaning.has_foreign_bases:
        raise RefusedError(f"A base of the class of `{target.name}` is outside this workspace.")
    places = {path: _kept(sources[path], meaning.places.get(path, frozenset()), target) for path in sources}
    if target.kind == "member":
        places[own] = meaning.places[own] | here
    else:
        places[own] = here | (places[own] - _variable_places(sources[own], target.name))
    modules = frozenset(part for path in sources for part in (Path(path).stem, Path(path).parent.name))
    for path, source in sources.items():
        unsure = meaning.unsure.get(path, frozenset())
        check_rest(Rest(Path(path).name, source, target, places[path], unsure, Path(own).stem, modules))
    return places


def _argument_places(
    files: list[File],
    sources: Mapping[str, Source],
    target: Target,
    workspace: Workspace,
    here: frozenset[int],
) -> dict[str, frozenset[int]]:
    """An argument in its function, and the keywords in calls of that function."""
    own = files[0].path
    if target.scope is None:
        raise RefusedError(f"Rename `{target.name}` where the function is defined.")
    if not passes_by_name(sources, target.name):
        return {own: here}
    function, source = target.scope.node, sources[own]
    if not isinstance(function, FUNCTIONS) or function.name.startswith("__"):
        raise RefusedError(f"Calls may pass `{target.name}` by its name; they cannot be followed for certain.")
    owner = target.scopes.owners[function]
    assert owner is not None
    start = min(one for one in places_of(source, target.scopes, owner, function.name) if one > source.start(function))
    token = next(one for one in source.tokens if one.start == start)
    kind = "module" if owner.is_module else "member" if owner.is_class else "local"
    others = files if kind == "local" else [files[0], *others_with(function.name, files[0], workspace)]
    every = {file.path: sources[file.path] if file.path in sources else file.source() for file in others}
    places = _places(others, every, Target(token, kind, target.scopes, owner), workspace)
    found = keyword_places(every, target.name, function.name, places)
    return {**found, own: here | found.get(own, frozenset())}


def _meaning(
    own: str, sources: Mapping[str, Source], target: Target, workspace: Workspace, here: frozenset[int]
) -> "Meaning":
    from plt_lsp.refactor.exact.rope_project import meaning_of

    root = os.path.realpath(workspace.root) if workspace.root is not None else os.path.dirname(own)
    if not Path(own).is_relative_to(root):
        root = os.path.dirname(own)
    texts = {path: source.text for path, source in sources.items() if Path(path).is_relative_to(root)}
    refusal = RefusedError(f"It could not be found out what `{target.name}` is.")
    for start in dict.fromkeys([target.token.start, *sorted(here)]):
        try:
            meaning = meaning_of(root, texts, own, start)
        except RefusedError as error:
            refusal = error
            continue
        if meaning.places[own] & (here | {target.token.start}):
            return meaning
    raise refusal


def _variable_places(source: Source, name: str) -> frozenset[int]:
    """Where any variable of a name stands."""
    scopes = Scopes(source.tree)
    owners = dict.fromkeys(scopes.owners[use.node] for use in scopes.uses if use.name == name)
    return frozenset(start for owner in owners for start in places_of(source, scopes, owner, name))


def _kept(source: Source, places: frozenset[int], target: Target) -> frozenset[int]:
    """The places of a file without variables that only have the same name: those that no import has brought."""
    scopes = Scopes(source.tree)
    dropped = set[int]()
    for owner in dict.fromkeys(scopes.owners[use.node] for use in scopes.uses if use.name == target.name):
        if owner is None:
            continue
        bound = [use.node for use in scopes.uses_of(owner, target.name) if use.binds]
        is_foreign = not any(isinstance(one, ast.alias) for one in bound)
        if is_foreign and not owner.is_module and not owner.is_class:
            dropped |= places_of(source, scopes, owner, target.name)
    return places - dropped


def _check_member_free(name: str, selection: Selection, workspace: Workspace) -> None:
    for file in files_with(name, selection, workspace):
        if name in file.source().names:
            raise RefusedError(f"`{name}` is already a name in {Path(file.path).name}; choose another one.")


def _check_renamed(source: Source, splices: list[Splice], old: str, new: str) -> None:
    """The trees differ in the name alone, and every variable is as different from the others as before."""
    for one in splices:
        check(source.text[one.start : one.end] == old)
    taken = RefusedError(f"`{new}` already means something else where `{old}` is used.")
    try:
        tree = compiled(source.spliced(splices))
    except RefusedError as error:
        raise taken from error
    before, after = Scopes(source.tree), Scopes(tree)
    check(len(before.uses) == len(after.uses) and len(before.all) == len(after.all))
    pairs = {(_meant(before, i), _meant(after, i)) for i in range(len(before.uses))}
    forward, backward = dict(pairs), {there: here for here, there in pairs}
    if not len(forward) == len(backward) == len(pairs):
        raise taken
    check(_masked(source.tree, old, new) == _masked(tree, old, new))


def _meant(scopes: Scopes, i: int) -> tuple[int, str]:
    use = scopes.uses[i]
    owner = scopes.owners[use.node]
    return (-1 if owner is None else scopes.all.index(owner)), use.name


def _masked(tree: ast.AST, old: str, new: str) -> str:
    """A tree as text in which both names look the same, but not in strings."""
    shown = ast.dump(tree)
    for field in ("id", "arg", "attr", "name", "asname", "rest"):
        for name in (old, new):
            shown = shown.replace(f"{field}='{name}'", f"{field}=''")
    for pattern in (r"names=\[[^\]()]*\]", r"kwd_attrs=\[[^\]()]*\]"):
        shown = re.sub(pattern, lambda match: re.sub(rf"'(?:{old}|{new})'", "''", match[0]), shown)
    return shown

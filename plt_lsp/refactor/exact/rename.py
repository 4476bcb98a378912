"""Rename: a name and everything in the workspace that means the same thing, or nothing.

rope says what means the same; it is believed only where the scopes worked out here agree, and where nothing in the
files that have the name is left in doubt.
"""

import ast
import keyword
import os
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

from plt_lsp.positions import Cursor
from plt_lsp.refactor.exact.checks import check, compiled
from plt_lsp.refactor.exact.naming import check_valid
from plt_lsp.refactor.exact.rename_doubts import Target, check_unnamed_uses
from plt_lsp.refactor.exact.scopes import Scopes, Use
from plt_lsp.refactor.exact.selecting import walk_placed
from plt_lsp.refactor.exact.source import Source, Splice, Token
from plt_lsp.refactor.exact.workspace import File, Workspace, files_with, own_file
from plt_lsp.refactor.proposal import DocumentChange, Offer, Proposal, RefusedError, Selection

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


def check_valid_old(name: str) -> None:
    """Refuse what is no name, or one that Python gives a meaning.

    Raises:
        RefusedError: with the name.
    """
    if keyword.iskeyword(name):
        raise RefusedError(f"`{name}` is a keyword of Python.")
    if name.startswith("__"):
        raise RefusedError(f"`{name}` has a meaning of its own to Python.")


def target_at(source: Source, selection: Selection) -> Target:
    """What a selection names.

    Raises:
        RefusedError: where that cannot be renamed.
    """
    token = name_token(source, selection)
    if not token.string.isascii() and token.string not in source.names:
        raise RefusedError(f"`{token.string}` is written in another way than Python reads it.")
    scopes = Scopes(source.tree)
    for node in walk_placed(source.tree):
        if isinstance(node, ast.Attribute) and source.end(node) == token.end:
            return Target(token, "member", None)
        if isinstance(node, ast.keyword) and node.arg == token.string and source.start(node) == token.start:
            return Target(token, "argument", None)
    owners = {id(scopes.owners[use.node]): scopes.owners[use.node] for use in _uses_at(source, scopes, token)}
    if len(owners) != 1:
        raise RefusedError(f"It is not clear what `{token.string}` is here.")
    (owner,) = owners.values()
    if owner is None:
        raise RefusedError(f"`{token.string}` is not defined in this file.")
    if owner.is_module:
        return Target(token, "module", owner)
    if owner.is_class:
        return Target(token, "member", owner)
    is_argument = any(isinstance(use.node, ast.arg) for use in scopes.uses_of(owner, token.string))
    return Target(token, "argument" if is_argument else "local", owner)


def _uses_at(source: Source, scopes: Scopes, token: Token) -> Iterator[Use]:
    """The uses of a name that a token may be: the innermost node that has both."""
    placed = {id(node) for node in walk_placed(source.tree)}
    around = [
        use
        for use in scopes.uses
        if use.name == token.string
        and id(use.node) in placed
        and source.start(use.node) <= token.start < source.end(use.node)
    ]
    if around:
        size = min(source.end(use.node) - source.start(use.node) for use in around)
        yield from (use for use in around if source.end(use.node) - source.start(use.node) == size)


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
    sources = {file.path: file.source() for file in files}
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
    from plt_lsp.refactor.exact.rope_project import meaning_of

    own = files[0].path
    root = os.path.realpath(workspace.root) if workspace.root is not None else os.path.dirname(own)
    if not Path(own).is_relative_to(root):
        root = os.path.dirname(own)
    texts = {path: source.text for path, source in sources.items() if Path(path).is_relative_to(root)}
    meaning = meaning_of(root, texts, own, target.token.start)
    if target.token.start not in meaning.places[own] or not meaning.is_in_workspace:
        raise RefusedError(f"`{target.name}` is not defined in this workspace, or it could not be found out where.")
    if target.kind == "member" and meaning.has_foreign_bases:
        raise RefusedError(f"A base of the class of `{target.name}` is outside this workspace.")
    for path, source in sources.items():
        found = meaning.places.get(path, frozenset())
        _check_rest(
            _Rest(Path(path).name, source, target, found, meaning.unsure.get(path, frozenset()), Path(own).stem)
        )
    return meaning.places


def _check_member_free(name: str, selection: Selection, workspace: Workspace) -> None:
    for file in files_with(name, selection, workspace):
        if name in file.source().names:
            raise RefusedError(f"`{name}` is already a name in {Path(file.path).name}; choose another one.")


def _check_renamed(source: Source, splices: list[Splice], old: str, new: str) -> None:
    """The trees differ in the name alone, and every variable is as different from the others as before."""
    for one in splices:
        check(source.text[one.start : one.end] == old)
    tree = compiled(source.spliced(splices))
    before, after = Scopes(source.tree), Scopes(tree)
    check(len(before.uses) == len(after.uses) and len(before.all) == len(after.all))
    pairs = {(_meant(before, i), _meant(after, i)) for i in range(len(before.uses))}
    forward, backward = dict(pairs), {there: here for here, there in pairs}
    if not len(forward) == len(backward) == len(pairs):
        raise RefusedError(f"`{new}` already means something else where `{old}` is used.")
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

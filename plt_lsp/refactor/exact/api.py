"""The exact refactorings of Python as the rest of the server asks for them.

It does not know the protocol. Offers are instant; `propose` and `rename` may take a second and are for a helper thread.
"""

import ast
import tokenize
from collections.abc import Sequence
from pathlib import Path

from plt_lsp.positions import Cursor
from plt_lsp.refactor.exact import rename as renaming
from plt_lsp.refactor.exact.extract_function import extract_function, plan_function
from plt_lsp.refactor.exact.extract_variable import extract_variable, plan_variable
from plt_lsp.refactor.exact.fstring_writing import convert_to_fstring
from plt_lsp.refactor.exact.fstrings import plan_conversion
from plt_lsp.refactor.exact.imports import organised
from plt_lsp.refactor.exact.inline_variable import inline_variable, plan_inline
from plt_lsp.refactor.exact.naming import check_elsewhere_free, free_name, taken_names
from plt_lsp.refactor.exact.offering import offers_for
from plt_lsp.refactor.exact.selecting import scope_node
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.exact.wanted import wanted_function, wanted_variable
from plt_lsp.refactor.exact.workspace import OpenDocument, Workspace
from plt_lsp.refactor.proposal import DocumentChange, NameWanted, Offer, Proposal, RefusedError, Selection

__all__ = ["OpenDocument", "Workspace", "name_wanted", "offers", "propose", "rename", "rename_target"]

_DESCRIPTIONS = {
    "extractFunction": "Moves the selection into the function `{name}` and calls it.",
    "extractMethod": "Moves the selection into the method `{name}` and calls it.",
    "extractVariable": "Gives the expression the name `{name}`.",
    "inlineVariable": "Puts the variable's value in the place of its uses.",
    "convertToFString": "Writes the string as an f-string.",
    "organizeImports": "Sorts the imports; modules may be loaded in another order.",
}
# A function is of no use to others until somebody says so: a public name would become a part of what a module offers.
_EXTRACTIONS = {"extractFunction": "_extracted", "extractMethod": "_extracted", "extractVariable": "value"}
_UNREADABLE = "The file is too deeply nested, or not readable."


def offers(selection: Selection) -> tuple[Offer, ...]:
    """The refactorings that a selection is offered; disabled ones say why."""
    return offers_for(selection)


def name_wanted(selection: Selection, offer: Offer) -> NameWanted | None:
    """The name that a refactoring needs, or None where it needs none or is refused."""
    if offer.name not in _EXTRACTIONS:
        return None
    try:
        source = Source(selection.snapshot.lines)
        default = _default_name(source, selection, offer)
        if offer.name == "extractVariable":
            return wanted_variable(source, plan_variable(source, selection), default)
        plan = plan_function(source, selection, is_method=offer.name == "extractMethod")
        return wanted_function(source, plan, default)
    except (RefusedError, RecursionError, tokenize.TokenError):
        return None


def _default_name(source: Source, selection: Selection, offer: Offer) -> str:
    """A plain name that is free."""
    default = _EXTRACTIONS[offer.name]
    if offer.name == "extractVariable":
        statement = plan_variable(source, selection).statement
        default = "_value" if isinstance(scope_node(source, statement), ast.Module) else default
    return free_name(default, taken_names(source))


def propose(selection: Selection, offer: Offer, name: str | None, workspace: Workspace) -> Proposal:
    """A refactoring, worked out and checked.

    Args:
        selection: what it is about.
        offer: which it is.
        name: for what is extracted, or None for a plain default.
        workspace: where methods of the same name are looked for, and what imports are the project's own.

    Raises:
        RefusedError: where it cannot be done exactly.
    """
    try:
        source = Source(selection.snapshot.lines)
        if offer.name in _EXTRACTIONS and name is None:
            name = _default_name(source, selection, offer)
        splices = _splices(source, selection, offer, name or "", workspace)
        return _proposal(source, selection, offer, splices, name if offer.name in _EXTRACTIONS else None)
    except (RecursionError, tokenize.TokenError) as error:
        raise RefusedError(_UNREADABLE) from error


def _splices(source: Source, selection: Selection, offer: Offer, name: str, workspace: Workspace) -> list[Splice]:
    match offer.name:
        case "extractFunction" | "extractMethod":
            is_method = offer.name == "extractMethod"
            if is_method:
                check_elsewhere_free(name, selection, workspace)
            return extract_function(source, plan_function(source, selection, is_method=is_method), name)
        case "extractVariable":
            return extract_variable(source, plan_variable(source, selection), name)
        case "inlineVariable":
            return inline_variable(source, plan_inline(source, selection))
        case "convertToFString":
            return convert_to_fstring(source, plan_conversion(source, selection))
        case "organizeImports":
            return organised(source, _own_packages(workspace.root))
        case _:
            raise RefusedError(f"There is no refactoring `{offer.name}`.")


def _own_packages(root: Path | None) -> frozenset[str]:
    """The modules and packages that begin in the workspace folder or in its `src`."""
    found: set[str] = set()
    for folder in (root, root / "src") if root is not None else ():
        if folder.is_dir():
            found |= {one.stem for one in folder.iterdir() if one.suffix == ".py"}
            found |= {one.name for one in folder.iterdir() if one.is_dir() and any(one.glob("*.py"))}
    return frozenset(found)


def _proposal(
    source: Source, selection: Selection, offer: Offer, splices: Sequence[Splice], name: str | None
) -> Proposal:
    snapshot = selection.snapshot
    change = DocumentChange(snapshot.uri, snapshot.version, source.changes(splices))
    description = _DESCRIPTIONS[offer.name].format(name=name)
    named_at = None if name is None else _named_at(source, splices, name)
    return Proposal(offer, (change,), description, name, named_at)


def _named_at(source: Source, splices: Sequence[Splice], name: str) -> Cursor:
    """Where a name stands first in the changed text: it was not in the old one, but in strings or comments perhaps."""
    new = Source([f"{line}\n" for line in source.spliced(splices).split("\n")])
    token = next(one for one in new.tokens if one.type == tokenize.NAME and one.string == name)
    cursor = new.cursor(token.start)
    has_mark = source.has_bom and cursor.line == 0
    return Cursor(cursor.line, cursor.column + 1) if has_mark else cursor


def rename_target(selection: Selection) -> tuple[Cursor, Cursor]:
    """The range of the name that would be renamed.

    Raises:
        RefusedError: where none can be.
    """
    try:
        return renaming.rename_target(selection)
    except (RecursionError, tokenize.TokenError) as error:
        raise RefusedError(_UNREADABLE) from error


def rename(selection: Selection, new_name: str, workspace: Workspace) -> Proposal:
    """The changes that rename what a selection names, in all Python files of the workspace.

    Raises:
        RefusedError: where it cannot be done for certain.
    """
    try:
        return renaming.rename(selection, new_name, workspace)
    except (RecursionError, tokenize.TokenError) as error:
        raise RefusedError(_UNREADABLE) from error

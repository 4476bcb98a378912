"""Names that are free: for what a refactoring makes.

It does not know who chooses a name.
"""

import builtins
import keyword
import unicodedata

from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.exact.workspace import Workspace, files_with
from plt_lsp.refactor.proposal import RefusedError, Selection


def taken_names(source: Source) -> frozenset[str]:
    """The names that mean something in a file or to Python."""
    return source.names | frozenset(dir(builtins))


def free_name(default: str, taken: frozenset[str]) -> str:
    """A name that is not taken: the default, or with a number behind it."""
    number, name = 2, default
    while name in taken:
        name, number = f"{default}_{number}", number + 1
    return name


def check_valid(name: str) -> None:
    """Refuse what is no name in Python.

    Raises:
        RefusedError: with the name.
    """
    is_plain = unicodedata.normalize("NFKC", name) == name
    if not name.isidentifier() or not is_plain or keyword.iskeyword(name):
        raise RefusedError(f"`{name}` is not a name in Python.")
    if name.startswith("__"):
        raise RefusedError(f"`{name}` begins with two underscores, which Python reads in ways of its own.")


def check_free(name: str, taken: frozenset[str]) -> None:
    """Refuse a name that is not valid or not free.

    Raises:
        RefusedError: with the name.
    """
    check_valid(name)
    if name in taken:
        raise RefusedError(f"`{name}` already means something in this file; choose another name.")


def check_elsewhere_free(name: str, selection: Selection, workspace: Workspace) -> None:
    """Refuse a name for a method that another file has: a class there may be one of this class's own.

    Raises:
        RefusedError: with the name.
    """
    for file in files_with(name, selection, workspace)[1:]:
        if name in file.source().names:
            raise RefusedError(f"`{name}` already means something in another file; choose another name.")

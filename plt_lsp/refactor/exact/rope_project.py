"""rope as it is asked here: over files that are given, without reading settings, writing, or running anything.

It does not know what is renamed. rope imports and configures itself by the folder it works in; each such way is closed:
no settings are read (they may be a program of the project's), no folder of its own is made, no module is imported to
look into it, and what would change a file raises.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rope.base import pynames, pyobjects
from rope.base.exceptions import RopeError
from rope.base.prefs import Prefs
from rope.base.project import Project
from rope.base.resources import File as RopeFile
from rope.base.resources import Folder as RopeFolder
from rope.refactor.occurrences import create_finder
from rope.refactor.rename import Rename

from plt_lsp.refactor.proposal import RefusedError

_PREFERENCES = {
    "automatic_soa": False,
    "save_objectdb": False,
    "save_history": False,
    "validate_objectdb": False,
    "soa_followed_calls": 0,
    "perform_doa": False,
    "import_dynload_stdmods": False,
    "ignore_syntax_errors": True,
    "ignore_bad_imports": True,
}


class _Files:
    """What rope reads files with; given texts come first, and nothing is written."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def read(self, path: str) -> bytes:
        text = self._texts.get(os.path.realpath(path))
        return Path(path).read_bytes() if text is None else text.encode()

    def _refuse(self, *_: object) -> NoReturn:
        raise RopeError("This project is only read.")

    create_file = create_folder = move = remove = write = _refuse


class _ReadOnlyProject(Project):  # type: ignore[misc]
    """A project without settings and without anything outside of its folder."""

    def __init__(self, root: str, texts: Mapping[str, str], folders: Sequence[str]) -> None:
        self._folders = folders
        super().__init__(root, fscommands=_Files(texts), ropefolder=None)

    def _init_prefs(self, prefs: Mapping[str, object]) -> None:
        self.prefs = Prefs()
        for key, value in {**_PREFERENCES, **prefs}.items():
            self.prefs.set(key, value)
        self._init_other_parts()

    def _init_source_folders(self) -> None:
        """Nothing: the folders are given."""

    def get_python_path_folders(self) -> list[RopeFolder]:
        return []

    def get_source_folders(self) -> list[RopeFolder]:
        return [self.get_folder(folder) for folder in self._folders]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What rope finds of one name.

    Attributes:
        places: where it stands, in characters of each text.
        unsure: where it may stand.
        is_in_workspace: whether it is defined in one of the files.
        has_foreign_bases: whether its class has bases that rope did not find.
    """

    places: Mapping[str, frozenset[int]]
    unsure: Mapping[str, frozenset[int]]
    is_in_workspace: bool
    has_foreign_bases: bool


def meaning_of(root: str, texts: Mapping[str, str], path: str, offset: int) -> Meaning:
    """Where a name has the same meaning in texts, by their absolute paths; the own one first.

    Raises:
        RefusedError: where rope does not know what the name is.
    """
    project = _ReadOnlyProject(root, texts, _source_folders(root, texts))
    try:
        return _meaning(project, root, texts, path, offset)
    except RopeError as error:
        raise RefusedError("It could not be found out what the name means; perhaps it comes from elsewhere.") from error
    except Exception as error:  # rope fails in many ways on code that it does not understand
        raise RefusedError(f"It could not be found out what the name means ({type(error).__name__}).") from error


def _meaning(project: Project, root: str, texts: Mapping[str, str], path: str, offset: int) -> Meaning:
    resource = project.get_file(os.path.relpath(path, root).replace(os.sep, "/"))
    rename = Rename(project, resource, offset)
    name, pyname = rename.get_old_name(), rename.old_pyname
    if isinstance(pyname, pynames.ImportedModule) or isinstance(pyname.get_object(), pyobjects.AbstractModule):
        raise RefusedError(f"`{name}` is a module; renaming one means to rename its file.")
    unsure: dict[str, set[int]] = {}
    places: dict[str, frozenset[int]] = {}
    for one in texts:
        file = project.get_file(os.path.relpath(one, root).replace(os.sep, "/"))
        found: set[int] = unsure.setdefault(one, set())
        finder = create_finder(
            project,
            name,
            pyname,
            unsure=_noting(found),
            instance=rename.old_instance,
            in_hierarchy=rename.is_method(),
        )
        places[one] = frozenset(here.get_word_range()[0] for here in finder.find_occurrences(resource=file))
    module, _ = pyname.get_definition_location()
    defined = module.get_resource() if module is not None else None
    is_inside = isinstance(defined, RopeFile) and os.path.realpath(defined.real_path) in texts
    sure = {one: frozenset(found) for one, found in unsure.items()}
    return Meaning(places, sure, is_inside, _has_foreign_bases(pyname))


def _noting(found: set[int]) -> Callable[[object], bool]:
    def note(occurrence: object) -> bool:
        found.add(occurrence.get_word_range()[0])  # type: ignore[attr-defined]
        return False

    return note


def _has_foreign_bases(pyname: object) -> bool:
    scope = _class_of(pyname)
    return scope is not None and any(map(_is_open, [scope, *_ancestors(scope)]))


def _class_of(pyname: object) -> object | None:
    if isinstance(pyname, pynames.DefinedName):
        parent = pyname.get_object().get_scope().parent
        return parent.pyobject if parent is not None and parent.get_kind() == "Class" else None
    return None


def _ancestors(pyclass: object) -> Iterator[object]:
    for base in pyclass.get_superclasses():  # type: ignore[attr-defined]
        yield base
        yield from _ancestors(base)


def _is_open(pyclass: object) -> bool:
    node = getattr(pyclass, "ast_node", None)
    bases = [one for one in getattr(node, "bases", []) if getattr(one, "id", "") != "object"]
    known = [one for one in pyclass.get_superclasses() if getattr(one, "ast_node", None) is not None]  # type: ignore[attr-defined]
    return node is None or len(known) < len(bases)


def _source_folders(root: str, texts: Mapping[str, str]) -> list[str]:
    """Where imports begin: the folder itself, `src`, and what holds the files' outermost packages."""
    found = [""] + (["src"] if os.path.isdir(os.path.join(root, "src")) else [])
    for path in texts:
        folder = os.path.dirname(path)
        while folder != root and os.path.exists(os.path.join(folder, "__init__.py")):
            folder = os.path.dirname(folder)
        found.append("" if folder == root else os.path.relpath(folder, root).replace(os.sep, "/"))
    return list(dict.fromkeys(found))

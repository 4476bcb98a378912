"""The files of a workspace as the rules of imports ask for them, each question put to the index once.

It knows paths and no language; one of these serves one request.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from plt_lsp.context.workspace import Index
from plt_lsp.index.reader import IndexedDefinition
from plt_lsp.syntax.outline_types import Outline

# Of so many files of a folder it is sure that what they define comes first.
MAX_NEAR = 400

TextOf = Callable[[str], Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class Target:
    """What an import brings.

    Attributes:
        path: of the file that it means.
        name: of a definition in it; None for the file as a whole.
        local: how the importing file calls it; None where all that the file defines is called by its own name.
    """

    path: str
    name: str | None = None
    local: str | None = None


class Files:
    """The files that the index holds.

    Args:
        index: of the workspace.
        text_of: the lines of a file by its path, for the few rules that are written down in files of their own.
    """

    def __init__(self, index: Index, text_of: TextOf) -> None:
        self.index = index
        self._text_of = text_of
        self._exists: dict[str, bool] = {}
        self._folders: dict[str, tuple[str, ...]] = {}
        self._modules: dict[str, tuple[str, ...]] = {}
        self._outlines: dict[str, Outline | None] = {}
        self._named: dict[tuple[str, str], list[IndexedDefinition]] = {}

    def exists(self, path: str) -> bool:
        """Whether the index holds a file."""
        if path not in self._exists:
            self._exists[path] = self.index.file(path) is not None
        return self._exists[path]

    def first(self, paths: Iterable[str]) -> str | None:
        """The first of some paths that there is."""
        return next(filter(self.exists, paths), None)

    def in_folder(self, folder: str) -> tuple[str, ...]:
        """The paths of the files directly in a folder."""
        if folder not in self._folders:
            self._folders[folder] = tuple(sorted(file.path for file in self.index.files_in(folder)))
        return self._folders[folder]

    def of_module(self, module: str) -> tuple[str, ...]:
        """The paths of the files whose path without suffix ends with this one, the shortest first."""
        if module not in self._modules:
            self._modules[module] = tuple(file.path for file in self.index.files_of_module(module))
        return self._modules[module]

    def outline(self, path: str) -> Outline | None:
        """What a file defines and imports."""
        if path not in self._outlines:
            self._outlines[path] = self.index.outline_of(path)
        return self._outlines[path]

    def named(self, name: str, folder: str) -> list[IndexedDefinition]:
        """What is defined under a name anywhere, that in a folder first."""
        key = (name, folder)
        if key not in self._named:
            self._named[key] = self.index.definitions_named(name, self.in_folder(folder)[:MAX_NEAR])
        return self._named[key]

    def text(self, path: str) -> str:
        """The text of a file; empty where there is none."""
        lines = self._text_of(path)
        return "" if lines is None else "".join(lines)


def folder_of(path: str) -> str:
    """The folder that a path is in; the workspace folder itself is the empty path."""
    return path.rpartition("/")[0]


def joined(folder: str, *parts: str) -> str:
    """A path below a folder."""
    return "/".join(part for part in (folder, *parts) if part)


def relative_to(folder: str, path: str) -> str | None:
    """A path that is written relative to a folder, with `.` and `..` resolved; None where it leads out."""
    parts = folder.split("/") if folder else []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def star_of(pattern: str, text: str) -> str | None:
    """What the star of a pattern stands for in a text, empty where it has none; None where the text is another."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if text == pattern else None
    is_it = text.startswith(before) and text.endswith(after)
    return text[len(before) : len(text) - len(after)] if is_it else None


def ancestors(folder: str) -> Iterator[str]:
    """A folder and those above it, up to the workspace folder."""
    while folder:
        yield folder
        folder = folder_of(folder)
    yield ""

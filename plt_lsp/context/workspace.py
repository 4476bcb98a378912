"""What a request sees of the files beside its own: the index, the texts that are known, what was edited last.

It is asked and never changed; where its answers come from, and how long they take, is not known here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from plt_lsp.index.reader import IndexedDefinition, IndexedFile
from plt_lsp.syntax.outline_types import Outline


class Index(Protocol):
    """The questions that are asked of an index; `plt_lsp.index.reader.IndexReader` answers them."""

    def definitions_named(self, name: str, near: Sequence[str] = (), limit: int = 20) -> list[IndexedDefinition]:
        """What is defined under a name."""

    def outline_of(self, path: str) -> Outline | None:
        """What a file defines and imports."""

    def identifiers_of(self, path: str) -> frozenset[str]:
        """The identifiers of a file."""

    def file(self, path: str) -> IndexedFile | None:
        """The file at a path."""

    def files_in(self, folder: str) -> list[IndexedFile]:
        """The files directly in a folder."""

    def files_of_module(self, module: str) -> list[IndexedFile]:
        """The files whose module path is this one or ends with it."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open in the editor.

    Attributes:
        path: relative to the workspace folder, with `/`.
        language_id: as the editor says.
        lines: with their line ends, as they are in the editor.
    """

    path: str
    language_id: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecentEdit:
    """What was lately changed in one place of a file.

    Attributes:
        path: of the file, relative to the workspace folder, with `/`.
        language_id: of the file.
        first: the row where it begins, as the rows were when it was last changed.
        before: the lines that stood there; none where lines were only added.
        after: the lines that stand there now; none where lines were only removed.
    """

    path: str
    language_id: str
    first: int
    before: tuple[str, ...]
    after: tuple[str, ...]


def no_text(_: str) -> tuple[str, ...] | None:
    """The text of no file."""
    return None


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """One workspace folder at one moment.

    Attributes:
        repo_name: what the folder is called, or None.
        index: of its source files, or None where there is none yet.
        text_of: the lines of one of its files that is not open, by path, without secrets; None where the file is not
            there, or is not to be shown.
        open_files: in the editor, the one that was opened or changed last first.
        edits: the newest first.
    """

    repo_name: str | None = None
    index: Index | None = None
    text_of: Callable[[str], Sequence[str] | None] = no_text
    open_files: tuple[OpenFile, ...] = ()
    edits: tuple[RecentEdit, ...] = ()

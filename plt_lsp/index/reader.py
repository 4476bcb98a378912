"""Questions to the index of a workspace, answered from its database, read-only and without waiting.

Where there is no database yet, or none that can be read, nothing is found; no question raises. It does not know how the
index is made, nor for whom it is asked.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

from plt_lsp.index.schema import VERSION, version_of
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Import, ImportedName, Outline, Rows

logger = logging.getLogger(__name__)

Found = TypeVar("Found")

MAX_PER_NAME = 20
_DEFINITION = "d.name, d.kind, d.signature, d.doc, d.header_first, d.header_last, d.body_first, d.body_last, d.parent"


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of the index.

    Attributes:
        path: relative to the workspace folder, with `/`.
        language_id: of the file.
        module: the path by which imports name it.
        num_lines: of the file.
    """

    path: str
    language_id: str
    module: str
    num_lines: int


@dataclass(frozen=True, slots=True)
class IndexedDefinition:
    """A definition somewhere in the workspace.

    Attributes:
        path: of its file, relative to the workspace folder, with `/`.
        definition: what is defined; its parent counts in the file's outline.
        parent: the name of what it stands in, or None.
    """

    path: str
    definition: Definition
    parent: str | None


class IndexReader:
    """One workspace's index, as one thread asks it."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None

    def definitions_named(
        self, name: str, near: Sequence[str] = (), limit: int = MAX_PER_NAME
    ) -> list[IndexedDefinition]:
        """What is defined under a name, or under it as the last part of a longer one.

        Args:
            name: to look for.
            near: paths of files whose definitions come first, in this order, such as those that are imported.
            limit: the most definitions.
        """
        query = (
            f"SELECT f.path, {_DEFINITION}, p.name FROM definitions d JOIN files f ON f.id = d.file_id "
            "LEFT JOIN definitions p ON p.file_id = d.file_id AND p.position = d.parent WHERE d.last_name = ?"
        )
        places = ", ".join("?" * len(near))
        first = self._rows(f"{query} AND f.path IN ({places}) LIMIT ?", (name, *near, limit), _found) if near else []
        rest = self._rows(f"{query} ORDER BY d.file_id, d.position LIMIT ?", (name, limit + len(first)), _found)
        order = {path: i for i, path in enumerate(near)}
        ranked = sorted(dict.fromkeys([*first, *rest]), key=lambda found: order.get(found.path, len(order)))
        return ranked[:limit]

    def outline_of(self, path: str) -> Outline | None:
        """What a file defines and imports, or None where the index does not hold it."""
        file = self.file(path)
        if file is None:
            return None
        select = "FROM files f JOIN {0} d ON d.file_id = f.id WHERE f.path = ? ORDER BY d.position"
        definitions = self._rows(f"SELECT {_DEFINITION} {select.format('definitions')}", (path,), _definition)
        columns = "d.module, d.names, d.first_row, d.last_row"
        imports = self._rows(f"SELECT {columns} {select.format('imports')}", (path,), _import)
        return Outline(file.language_id, tuple(definitions), tuple(imports))

    def identifiers_of(self, path: str) -> frozenset[str]:
        """The identifiers of a file."""
        query = "SELECT words FROM files f JOIN identifiers i ON i.file_id = f.id WHERE f.path = ?"
        return frozenset(word for words in self._rows(query, (path,), _first) for word in str(words).split())

    def file(self, path: str) -> IndexedFile | None:
        """The file at a path, or None where the index holds none."""
        return next(iter(self._files("path = ?", path)), None)

    def files_in(self, folder: str) -> list[IndexedFile]:
        """The files directly in a folder, by name; the workspace folder itself is the empty path."""
        return self._files("folder = ?", folder)

    def files_of_module(self, module: str) -> list[IndexedFile]:
        """The files that an import could mean: those whose module path is this one or ends with it, shortest first.

        Args:
            module: with `/`, without a suffix, for example `package/module` for `package.module` in Python.
        """
        found = self._files("stem = ? AND (module = ? OR module LIKE ? ESCAPE '!')", *_module_words(module))
        return sorted(found, key=lambda file: (len(file.module), file.path))

    def num_files(self) -> int:
        """How many files it holds."""
        return next(iter(self._rows("SELECT count(*) FROM files WHERE not_read = ''", (), lambda row: int(row[0]))), 0)

    def version(self) -> tuple[int | None, int]:
        """What is another one once the index has changed; of one that is not there, always the same."""
        found = self._rows("PRAGMA data_version", (), lambda row: int(row[0]))
        return (self._inode, found[0]) if found else (None, 0)

    def close(self) -> None:
        """Give the database up; the next question opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _files(self, condition: str, *words: str) -> list[IndexedFile]:
        query = "SELECT path, language, module, num_lines FROM files"
        return self._rows(f"{query} WHERE not_read = '' AND {condition}", words, lambda row: IndexedFile(*row))

    def _rows(self, query: str, words: Iterable[object], make: Callable[[Sequence[Any]], Found]) -> list[Found]:
        """What is made of each row that a query finds; none where the database or a row of it is broken."""
        try:
            connection = self._connected()
            return [] if connection is None else [make(row) for row in connection.execute(query, tuple(words))]
        except (sqlite3.Error, ValueError, TypeError, OverflowError, MemoryError) as error:
            # A broken row may claim to be larger than any memory.
            logger.info("the index %s does not answer: %s", self._database, error)
            self.close()
            return []

    def _connected(self) -> sqlite3.Connection | None:
        """The connection to the database that is there now; it may have been made anew meanwhile."""
        inode = self._current_inode()
        if self._connection is not None and inode == self._inode:
            return self._connection
        self.close()
        if inode is None:
            return None
        uri = f"{self._database.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            if version_of(connection) != VERSION:
                return None
            undo.pop_all()
        self._connection, self._inode = connection, inode
        return connection

    def _current_inode(self) -> int | None:
        try:
            return os.stat(self._database).st_ino
        except OSError:
            return None


def _module_words(module: str) -> tuple[str, str, str]:
    escaped = module.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return module.rpartition("/")[2], module, f"%/{escaped}"


def _first(row: Sequence[Any]) -> object:
    return row[0]


def _found(row: Sequence[Any]) -> IndexedDefinition:
    return IndexedDefinition(row[0], _definition(row[1:-1]), row[-1])


def _definition(row: Sequence[Any]) -> Definition:
    name, kind, signature, doc, header_first, header_last, body_first, body_last, parent = row
    body = None if body_first is None else Rows(body_first, body_last)
    return Definition(name, DefinitionKind(kind), signature, doc, Rows(header_first, header_last), body, parent)


def _import(row: Sequence[Any]) -> Import:
    module, names, first, last = row
    return Import(module, tuple(ImportedName(*name) for name in orjson.loads(names)), Rows(first, last))

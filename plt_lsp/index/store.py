"""Writes the index of a workspace: files with what they define, import and name.

It does not read source files, and it does not know which of them belong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import orjson

from plt_lsp.index.belonging import SourceFile
from plt_lsp.index.languages import language_of, module_of
from plt_lsp.index.reading import Contents, NotRead
from plt_lsp.index.schema import open_database
from plt_lsp.syntax.outline_types import Definition, Import, Outline

# A file that was written this shortly before it was read may have been written again without another time.
RACY_NS = 2_000_000_000
_COPIED = {
    "definitions": "position, name, last_name, kind, signature, doc, header_first, header_last, body_first, body_last, "
    "parent",
    "imports": "position, module, names, first_row, last_row",
    "identifiers": "words",
}


class Known(NamedTuple):
    """What the index knows of a file's state: when it was written, how large it was, when it was read, in ns."""

    mtime_ns: int
    size: int
    seen_ns: int

    def is_of(self, file: SourceFile) -> bool:
        """Whether a file is surely as it was."""
        is_same = (self.mtime_ns, self.size) == (file.mtime_ns, file.size)
        return is_same and self.mtime_ns + RACY_NS < self.seen_ns


@dataclass(frozen=True, slots=True)
class Reading:
    """One file's state and what was found in it.

    Attributes:
        file: as it was when it was read.
        hash: of its bytes; empty where they were not read.
        seen_ns: when it was read.
    """

    file: SourceFile
    hash: bytes
    seen_ns: int


class Store:
    """The one connection that writes; every change belongs to a transaction until `commit`.

    Its methods raise sqlite3.DatabaseError where the database is broken, and its subclass OperationalError where the
    system refuses.
    """

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path)

    def known(self, under: str = "") -> dict[str, Known]:
        """Every file below a folder, or all of them, with the state in which it was read."""
        query = "SELECT path, mtime_ns, size, seen_ns FROM files"
        if under:
            # "0" follows "/" in the order of characters.
            query += " WHERE path = ?1 UNION ALL " + query + " WHERE path > ?1 || '/' AND path < ?1 || '0'"
        rows = self._connection.execute(query, (under,) if under else ())
        return {path: Known(*state) for path, *state in rows}

    def num_files(self) -> int:
        """How many files it holds, those left out that it only knows to hold nothing."""
        (number,) = self._connection.execute("SELECT count(*) FROM files WHERE not_read = ''").fetchone()
        return int(number)

    def num_known(self) -> int:
        """How many files it knows of, with those that it holds nothing of."""
        (number,) = self._connection.execute("SELECT count(*) FROM files").fetchone()
        return int(number)

    def put(self, reading: Reading, contents: Contents | NotRead) -> None:
        """Keep what was found in a file, in the place of what was known of it."""
        not_read = contents.value if isinstance(contents, NotRead) else ""
        num_lines = 0 if isinstance(contents, NotRead) else contents.num_lines
        file_id = self._put_file(reading, not_read, num_lines)
        if isinstance(contents, NotRead):
            return
        self._put_outline(file_id, contents.outline)
        words = " ".join(contents.identifiers)
        self._connection.execute("INSERT INTO identifiers (file_id, words) VALUES (?, ?)", (file_id, words))

    def adopt(self, reading: Reading) -> bool:
        """Keep of a file what is known of another with the same bytes and language; False where there is none.

        So a file that was renamed, or is back from another branch, is not parsed again.
        """
        language = language_of(reading.file.path)
        query = "SELECT id, not_read, num_lines, path FROM files WHERE hash = ? AND language = ? LIMIT 1"
        found = self._connection.execute(query, (reading.hash, language)).fetchone()
        if found is None:
            return False
        other_id, not_read, num_lines, path = found
        if path == reading.file.path:
            self._touch(reading)
            return True
        file_id = self._put_file(reading, not_read, num_lines)
        for table, columns in _COPIED.items():
            self._connection.execute(
                f"INSERT INTO {table} (file_id, {columns}) SELECT ?, {columns} FROM {table} WHERE file_id = ?",
                (file_id, other_id),
            )
        return True

    def remove(self, paths: Iterable[str]) -> None:
        """Forget files."""
        self._begin()
        for path in paths:
            found = self._connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
            if found is not None:
                self._forget(found[0])
                self._connection.execute("DELETE FROM files WHERE id = ?", found)

    def commit(self) -> None:
        """Let readers see what was changed."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Give the database up; what was not committed is lost."""
        self._connection.close()

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _touch(self, reading: Reading) -> None:
        self._begin()
        file = reading.file
        self._connection.execute(
            "UPDATE files SET mtime_ns = ?, size = ?, seen_ns = ? WHERE path = ?",
            (file.mtime_ns, file.size, reading.seen_ns, file.path),
        )

    def _put_file(self, reading: Reading, not_read: str, num_lines: int) -> int:
        self.remove([reading.file.path])
        file, path = reading.file, PurePosixPath(reading.file.path)
        module = module_of(file.path)
        folder = "" if path.parent == PurePosixPath() else path.parent.as_posix()
        state = (file.mtime_ns, file.size, reading.seen_ns, reading.hash, not_read, num_lines)
        cursor = self._connection.execute(
            "INSERT INTO files (path, folder, module, stem, language, mtime_ns, size, seen_ns, hash, not_read, "
            "num_lines) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (file.path, folder, module, module.rpartition("/")[2], language_of(file.path), *state),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _put_outline(self, file_id: int, outline: Outline) -> None:
        self._connection.executemany(
            "INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((file_id, i, *_definition_row(found)) for i, found in enumerate(outline.definitions)),
        )
        self._connection.executemany(
            "INSERT INTO imports VALUES (?, ?, ?, ?, ?, ?)",
            ((file_id, i, *_import_row(found)) for i, found in enumerate(outline.imports)),
        )

    def _forget(self, file_id: int) -> None:
        for table in _COPIED:
            self._connection.execute(f"DELETE FROM {table} WHERE file_id = ?", (file_id,))


def last_name(name: str) -> str:
    """The last part of a name such as `A::b` or `M.f`, by which it is called."""
    return name.replace("::", ".").replace(":", ".").replace("#", ".").rpartition(".")[2] or name


def _definition_row(found: Definition) -> tuple[object, ...]:
    body = (None, None) if found.body is None else (found.body.first, found.body.last)
    texts = (found.name, last_name(found.name), found.kind.value, found.signature, found.doc)
    return (*texts, found.header.first, found.header.last, *body, found.parent)


def _import_row(found: Import) -> tuple[object, ...]:
    names = orjson.dumps([[name.name, name.alias] for name in found.names]).decode()
    return (found.module, names, found.rows.first, found.rows.last)

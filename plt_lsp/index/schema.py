"""The tables of an index, and how its database is opened for writing: anew where it is broken or of another version.

It does not know what a row says.
"""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from plt_lsp.index.reading import CONTENTS_VERSION

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
# One number for both, as SQLite keeps one.
VERSION = SCHEMA_VERSION * 1000 + CONTENTS_VERSION
BUSY_TIMEOUT_S = 10.0
# The parts of a database: the file, what was written last, and where in that it stands.
PARTS = ("", "-wal", "-shm")

_TABLES = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL,
    module TEXT NOT NULL,
    stem TEXT NOT NULL,
    language TEXT NOT NULL,
    mtime_ns INTEGER NOT NULL,
    size INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL,
    hash BLOB NOT NULL,
    not_read TEXT NOT NULL,
    num_lines INTEGER NOT NULL
);
CREATE INDEX files_by_folder ON files (folder);
CREATE INDEX files_by_stem ON files (stem);
CREATE INDEX files_by_hash ON files (hash);
CREATE TABLE definitions (
    file_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    signature TEXT NOT NULL,
    doc TEXT NOT NULL,
    header_first INTEGER NOT NULL,
    header_last INTEGER NOT NULL,
    body_first INTEGER,
    body_last INTEGER,
    parent INTEGER,
    PRIMARY KEY (file_id, position)
) WITHOUT ROWID;
CREATE INDEX definitions_by_name ON definitions (last_name);
CREATE TABLE imports (
    file_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    module TEXT NOT NULL,
    names TEXT NOT NULL,
    first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    PRIMARY KEY (file_id, position)
) WITHOUT ROWID;
CREATE TABLE identifiers (
    file_id INTEGER PRIMARY KEY,
    words TEXT NOT NULL
);
"""


def open_database(path: Path) -> sqlite3.Connection:
    """A connection to a sound database of this version, with whatever it holds; else to an empty one in its place.

    Raises:
        OSError, sqlite3.OperationalError: the place cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        try:
            return _open_existing(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            logger.warning("the index %s is made anew: %s", path, error)
            remove_database(path)
    connection = _connect(path)
    connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    return connection


def remove_database(path: Path) -> None:
    """Remove a database with all its parts; whoever reads it at the moment reads the old one to the end."""
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{path}{part}")


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a database's contents; raises sqlite3.DatabaseError where it is none."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _open_existing(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    os.utime(path)  # so that it counts as used
    try:
        version = version_of(connection)
        if version != VERSION:
            raise sqlite3.DatabaseError(f"it is of version {version}, this is {VERSION}")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    """In write-ahead mode readers wait for no writer, and after a crash what was committed is whole."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection

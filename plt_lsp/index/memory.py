"""Answers of an index that are kept as long as it does not change, since one place asks much the same again and again.

It has the questions of `IndexReader`, and belongs to one thread as that does.
"""

from collections.abc import Sequence
from functools import lru_cache

from plt_lsp.index.reader import MAX_PER_NAME, IndexedDefinition, IndexedFile, IndexReader
from plt_lsp.syntax.outline_types import Outline

MAX_OUTLINES = 256
MAX_ANSWERS = 4096


class RememberedIndex:
    """An index as it was at the last `refresh`, or later."""

    def __init__(self, reader: IndexReader) -> None:
        self._reader = reader
        self._version: object = None
        self._definitions_named = lru_cache(maxsize=MAX_ANSWERS)(reader.definitions_named)
        self._outline_of = lru_cache(maxsize=MAX_OUTLINES)(reader.outline_of)
        self._identifiers_of = lru_cache(maxsize=MAX_OUTLINES)(reader.identifiers_of)
        self._file = lru_cache(maxsize=MAX_ANSWERS)(reader.file)
        self._files_in = lru_cache(maxsize=MAX_OUTLINES)(reader.files_in)
        self._files_of_module = lru_cache(maxsize=MAX_ANSWERS)(reader.files_of_module)

    def refresh(self) -> None:
        """Forget everything if the index has changed."""
        version = self._reader.version()
        if version != self._version:
            self._version = version
            self._definitions_named.cache_clear()
            self._outline_of.cache_clear()
            self._identifiers_of.cache_clear()
            self._file.cache_clear()
            self._files_in.cache_clear()
            self._files_of_module.cache_clear()

    def definitions_named(
        self, name: str, near: Sequence[str] = (), limit: int = MAX_PER_NAME
    ) -> list[IndexedDefinition]:
        """As `IndexReader.definitions_named`."""
        return self._definitions_named(name, tuple(near), limit)

    def outline_of(self, path: str) -> Outline | None:
        """As `IndexReader.outline_of`."""
        return self._outline_of(path)

    def identifiers_of(self, path: str) -> frozenset[str]:
        """As `IndexReader.identifiers_of`."""
        return self._identifiers_of(path)

    def file(self, path: str) -> IndexedFile | None:
        """As `IndexReader.file`."""
        return self._file(path)

    def files_in(self, folder: str) -> list[IndexedFile]:
        """As `IndexReader.files_in`."""
        return self._files_in(folder)

    def files_of_module(self, module: str) -> list[IndexedFile]:
        """As `IndexReader.files_of_module`."""
        return self._files_of_module(module)

    def close(self) -> None:
        """Give the database up."""
        self._reader.close()

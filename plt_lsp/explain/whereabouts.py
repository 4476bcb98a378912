"""Where in the workspace something that a file imports is defined, by the index, and only where that is certain.

It does not know how the index is made; without one, nothing is known.
"""

import posixpath
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from plt_lsp.index.reader import IndexedFile
from plt_lsp.syntax.facts.types import Call, Origin
from plt_lsp.syntax.outline_types import Outline

SCRIPTS = ("javascript", "javascriptreact", "typescript", "typescriptreact")


class Index(Protocol):
    """What is asked of an index; `plt_lsp.index.reader.IndexReader` is the real one."""

    def files_of_module(self, module: str) -> list[IndexedFile]:
        """The files that an import could mean."""

    def outline_of(self, path: str) -> Outline | None:
        """What a file defines and imports."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where something is defined: a file of the workspace folder, and a row of it."""

    path: str
    row: int


def whereabouts(call: Call, language_id: str, path: str | None, index: Index | None) -> Whereabouts | None:
    """Where what is called is defined, or None where that is not certain.

    Args:
        call: of something that a file imports.
        language_id: of that file.
        path: of that file, relative to the workspace folder.
        index: of the folder, or None.
    """
    name = call.imported_name
    if index is None or path is None or call.origin is not Origin.IMPORTED or not call.module or not name:
        return None
    for module in _modules(call.module, language_id, path):
        found = [file for file in index.files_of_module(module) if file.module == module]
        outline = index.outline_of(found[0].path) if len(found) == 1 else None
        rows = [] if outline is None else _rows_of(outline, name)
        if len(found) == 1 and len(rows) == 1:
            return Whereabouts(found[0].path, rows[0])
    return None


def _modules(module: str, language_id: str, path: str) -> Iterator[str]:
    """The module paths from the folder on that an import can mean by itself, without any configuration."""
    folder = posixpath.dirname(path)
    if language_id == "python":
        level = len(module) - len(module.lstrip("."))
        inner = module[level:].replace(".", "/")
        if level:
            base = folder
            for _ in range(level - 1):
                base = posixpath.dirname(base)
            yield "/".join(filter(None, (base, inner)))
        elif inner.partition("/")[0] not in sys.stdlib_module_names:
            yield inner
    elif language_id in SCRIPTS and module.startswith("."):
        stem, suffix = posixpath.splitext(module)
        inner = stem if suffix in (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx") else module
        joined = posixpath.normpath(posixpath.join(folder, inner))
        if not joined.startswith(".."):
            yield joined


def _rows_of(outline: Outline, name: str) -> list[int]:
    return [one.header.first for one in outline.definitions if one.parent is None and one.name == name]

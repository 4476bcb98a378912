"""The lines of a file that use a name which another file of the same workspace defines.

It goes by the index and the syntax tree, and does not know how a prompt is made.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from plt_lsp.documents import content_of
from plt_lsp.index.reader import IndexReader
from plt_lsp.positions import Cursor
from plt_lsp.syntax.outline_types import DefinitionKind, Import, Outline
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.syntax.uses import is_use

MIN_EXPECTED, MAX_EXPECTED = 8, 100
MIN_NAME_CHARS = 3
# A member of so many definitions in other files is anybody's.
MAX_DEFINITIONS = 3

_NAME = re.compile(rf"[^\W\d]\w{{{MIN_NAME_CHARS - 1},}}")
# What stands around the words of a module: relative places, quotes, and the suffix of a file that is named as such.
_MARKS = re.compile(r"^[./\"<]+|[\">]+$|\.(?:js|ts|mjs|jsx|tsx|h|hpp|rb|sh|php)[\">]*$")
_MEMBERS = (DefinitionKind.METHOD, DefinitionKind.PROPERTY)


class TargetKind(StrEnum):
    """How a line's name comes from another file."""

    IMPORTED = "imported name"
    MEMBER = "member"  # of something that other files define


@dataclass(frozen=True, slots=True)
class Target:
    """A line to be completed.

    Attributes:
        row: of the line.
        name: of what another file defines.
        kind: how it comes from there.
        is_first: whether no other line uses the name, those that import it apart.
    """

    row: int
    name: str
    kind: TargetKind
    is_first: bool


def targets_of(path: str, tree: SyntaxTree, index: IndexReader) -> list[Target]:
    """Every such line of a file, in order, with the first name of it that is defined elsewhere.

    Args:
        path: of the file, in the workspace.
        tree: of the file.
        index: of the workspace.
    """
    outline = index.outline_of(path)
    if outline is None:
        return []
    elsewhere = _Elsewhere(path, outline, index)
    bringing = {row for one in outline.imports for row in range(one.rows.first, one.rows.last + 1)}
    uses = Counter(name for row, line in enumerate(tree.lines) if row not in bringing for name in _names_on(line))
    found = []
    for row, line in enumerate(tree.lines):
        if row not in bringing and MIN_EXPECTED <= len(line.strip()) <= MAX_EXPECTED:
            named = next(_from_elsewhere(tree, row, elsewhere), None)
            if named is not None:
                found.append(Target(row, *named, is_first=uses[named[0]] == 1))
    return found


def _names_on(line: str) -> set[str]:
    return set(_NAME.findall(line))


def _from_elsewhere(tree: SyntaxTree, row: int, elsewhere: "_Elsewhere") -> Iterator[tuple[str, TargetKind]]:
    line = content_of(tree.lines[row])
    for match in _NAME.finditer(line):
        kind = elsewhere.kind_of(match.group(), is_member=line[: match.start()].endswith((".", "->", "::")))
        if kind is not None and is_use(tree, Cursor(row, match.start())):
            yield match.group(), kind


class _Elsewhere:
    """What other files define, as one file sees it through what it imports."""

    def __init__(self, path: str, outline: Outline, index: IndexReader) -> None:
        self._path = path
        self._index = index
        self._own = {one.name.rpartition(".")[2] for one in outline.definitions}
        inside = {one: files for one in outline.imports if (files := _files_of(one, index))}
        self._files = frozenset(file for files in inside.values() for file in files) - {path}
        self._imported = {name.local: name.name for one in inside for name in one.names}
        self._kinds: dict[tuple[str, bool], TargetKind | None] = {}

    def kind_of(self, name: str, *, is_member: bool) -> TargetKind | None:
        """How a name comes from another file, or None where it does not."""
        if (name, is_member) not in self._kinds:
            self._kinds[name, is_member] = self._find(name, is_member=is_member)
        return self._kinds[name, is_member]

    def _find(self, name: str, *, is_member: bool) -> TargetKind | None:
        if name in self._own:
            return None
        if not is_member:
            imported = self._imported.get(name)
            is_there = imported is not None and self._is_defined_elsewhere(imported)
            return TargetKind.IMPORTED if is_there else None
        return TargetKind.MEMBER if self._is_member(name) else None

    def _is_defined_elsewhere(self, name: str) -> bool:
        return any(one.path != self._path for one in self._index.definitions_named(name))

    def _is_member(self, name: str) -> bool:
        """Whether few types have such a member, and one of them is imported or stands in a file that is."""
        found = self._index.definitions_named(name, limit=MAX_DEFINITIONS + 1)
        types = set(self._imported.values())
        return len(found) <= MAX_DEFINITIONS and any(
            one.definition.kind in _MEMBERS and (one.path in self._files or one.parent in types) for one in found
        )


def _files_of(one: Import, index: IndexReader) -> frozenset[str]:
    """The files of the workspace that an import may mean: the module's, or those of what it brings."""
    stripped = _MARKS.sub("", one.module)
    words = stripped if "/" in stripped else re.sub(r"::|[.\\]", "/", stripped)
    modules = (words, *(f"{words}/{name.name}".lstrip("/") for name in one.names))
    return frozenset(file.path for module in modules if module for file in index.files_of_module(module))

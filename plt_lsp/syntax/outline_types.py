"""What an outline says of a file: its definitions and its imports, as plain data that can be stored.

It does not know trees or languages; rows are those of the file's lines, from 0.
"""

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum


class DefinitionKind(StrEnum):
    """What is defined."""

    MODULE = "module"  # a namespace or module inside a file
    CLASS = "class"
    INTERFACE = "interface"  # also a trait
    STRUCT = "struct"  # also a union or record
    ENUM = "enum"
    IMPL = "impl"  # what is added to a type that is defined elsewhere; its name is the type's
    TYPE = "type"  # another name for a type
    FUNCTION = "function"
    METHOD = "method"  # a function inside of a type
    PROPERTY = "property"  # a value inside of a type
    VARIABLE = "variable"  # a value of a file or module
    MACRO = "macro"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a file, both ends included."""

    first: int
    last: int

    def __contains__(self, row: int) -> bool:
        return self.first <= row <= self.last


@dataclass(frozen=True, slots=True)
class Definition:
    """Something that a file defines.

    Attributes:
        name: as written; a name such as `A::b` or `M.f` keeps what stands before it.
        kind: what it is.
        signature: what stands before its body, on one line, without decorators; cut where it is very long.
        doc: the first line of its documentation, without marks; empty where it has none.
        header: from its first decorator to the row where its body begins, or where it ends, if it has none.
        body: the rows of its body, brackets included; None where it has none.
        parent: the index of the definition that it stands in, which is always a smaller one; None for the file.
    """

    name: str
    kind: DefinitionKind
    signature: str
    doc: str
    header: Rows
    body: Rows | None
    parent: int | None

    @property
    def last_row(self) -> int:
        """Where it ends."""
        return (self.header if self.body is None else self.body).last

    @property
    def rows(self) -> Rows:
        """All of it."""
        return Rows(self.header.first, self.last_row)


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that an import brings.

    Attributes:
        name: as the module calls it; `*` is all of it, `default` what a JavaScript module exports without a name.
        alias: as the file calls it, where that differs; `*` with an alias is the module itself under that name.
    """

    name: str
    alias: str | None = None

    @property
    def local(self) -> str:
        """The name that the file uses."""
        return self.alias or self.name


@dataclass(frozen=True, slots=True)
class Import:
    """What a file takes from one module.

    Attributes:
        module: as written, without quotes, but with the marks of `"a.h"` and `<a.h>`. Ruby's `require_relative "a"` is
            `./a`, and Rust's `mod a;` is `self::a`.
        names: that it brings; none where the module itself comes under its own name or nothing is named.
        rows: of the statement; several imports may stand in one.
    """

    module: str
    names: tuple[ImportedName, ...]
    rows: Rows


@dataclass(frozen=True, slots=True)
class Outline:
    """What a file defines and imports, each in order of appearance.

    Attributes:
        language_id: as the editor says.
        definitions: in order of their first rows, outer ones before those inside them.
        imports: of the file.
    """

    language_id: str
    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()

    def children(self, parent: int | None) -> tuple[int, ...]:
        """The indices of the definitions directly inside of one, or at the top of the file."""
        return tuple(i for i, found in enumerate(self.definitions) if found.parent == parent)

    def first_after(self, row: int) -> int:
        """The index of the first definition whose header begins behind a row, or how many definitions there are."""
        return bisect_right(self.definitions, row, key=lambda one: one.header.first)

    def enclosing(self, row: int) -> tuple[int, ...]:
        """The indices of the definitions that a row lies in, outermost first; of several on one row, the last."""
        found: list[int] = []
        i: int | None = self.first_after(row) - 1
        while i is not None and i >= 0:
            if row <= self.definitions[i].last_row:
                found.append(i)
            i = self.definitions[i].parent
        return tuple(reversed(found))

"""The facts about a piece of code as plain data; rows count from 0.

It does not know trees, and says nothing of how facts are found or worded.
"""

from dataclasses import dataclass
from enum import StrEnum

from plt_lsp.syntax.outline_types import Definition, Rows


class Origin(StrEnum):
    """Where something that is called comes from, as far as the file alone shows."""

    HERE = "here"  # the file defines it, and nothing else in the file has that name
    IMPORTED = "imported"
    BUILTIN = "builtin"  # the language brings it, and nothing in the file has that name
    UNKNOWN = "unknown"


class Effect(StrEnum):
    """What a call reaches outside of the program's own values."""

    FILES = "files"
    NETWORK = "network"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True)
class Named:
    """Something that stands in the code.

    Attributes:
        text: as written, on one line, cut where it is long.
        row: where it stands first.
        is_guarded: of a raise: whether it stands in a block whose errors are caught.
    """

    text: str
    row: int
    is_guarded: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """What is called, however often.

    Attributes:
        name: as written, for example `os.path.join`; what is called on another expression begins with a dot.
        row: of the first call.
        origin: where it comes from.
        defined_at: the row where the file defines it, for HERE.
        owner: the class that defines it, for a method of the object itself.
        module: that it is imported from, as written, for IMPORTED.
        imported_name: its name in that module, or None where the module itself is what is imported.
        effect: what the call reaches, where the tree shows that.
    """

    name: str
    row: int
    origin: Origin = Origin.UNKNOWN
    defined_at: int | None = None
    owner: str | None = None
    module: str | None = None
    imported_name: str | None = None
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the tree shows of a piece of code.

    Attributes:
        rows: of the code.
        definition: that the code is, or None where it is something else.
        owner: the name of the type that the definition stands in, or None.
        inside: the definition around code that is none itself, or around it, innermost; None for the file.
        defines: what is defined directly in it.
        is_async: whether it is an asynchronous function.
        calls: in order of appearance.
        raises: the errors that it raises itself.
        catches: the errors that it catches.
        returns: what it returns itself.
        yields: whether it yields values itself.
        num_branches: of its text.
        num_loops: of its text.
        globals: names of the file's own, outside of any function, that it assigns.
        has_errors: whether the tree is unsure of its syntax.
    """

    rows: Rows
    definition: Definition | None = None
    owner: str | None = None
    inside: Definition | None = None
    defines: tuple[Definition, ...] = ()
    is_async: bool = False
    calls: tuple[Call, ...] = ()
    raises: tuple[Named, ...] = ()
    catches: tuple[Named, ...] = ()
    returns: tuple[Named, ...] = ()
    yields: bool = False
    num_branches: int = 0
    num_loops: int = 0
    globals: tuple[Named, ...] = ()
    has_errors: bool = False

"""How each language would write that something is left out: a body, or rows between others.

It does not know what is left out or why.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marks:
    r"""The marks of one language.

    Attributes:
        body: what stands for a body behind its signature; each \n in it is followed by the definition's indentation.
        opens: what stands between a signature and a body that is shown.
        rows: what stands for rows.
        comment: what begins a comment that ends with its line.
        docstring: the quotes of documentation that stands first in a body; nothing where it stands above as a comment.
    """

    body: str
    opens: str
    rows: str
    comment: str
    docstring: str = ""


_BRACES = Marks(" { /* ... */ }", " {", "// ...", "//")
_SHELL = Marks(" {\n  # ...\n}", " {", "# ...", "#")
MARKS: Mapping[str, Marks] = {
    "bash": _SHELL,
    "lua": Marks(" --[[ ... ]] end", "", "-- ...", "--"),
    "python": Marks(": ...", ":", "...", "#", docstring='"""'),
    "ruby": Marks("\n  # ...\nend", "", "# ...", "#"),
    "sh": _SHELL,
    "shellscript": _SHELL,
}


def marks_of(language_id: str) -> Marks:
    """The marks of a language that has an outline; braces where it has no others."""
    return MARKS.get(language_id, _BRACES)

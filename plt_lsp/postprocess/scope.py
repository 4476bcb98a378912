"""Ends a block with the scope that the cursor is in, by indentation.

It knows of languages only which words go on with a statement; the syntax tree has its say in another filter.
"""

import re

from plt_engine.types import StopUnit, indent_columns
from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View

TAB_COLUMNS = 8  # as `indent_columns` counts them

_GOES_ON = re.compile(
    r"\s*(?:[)\]}]|(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case|default|end|fi|done|esac"
    r"|until|then|while|and|or)\b|[.?:&|])"
)


def within_scope(text: str, view: View) -> Cut:
    """End before the first line that leaves the scope.

    On a blank line the scope is all that is indented at least as the cursor is. Behind text it is, where a body
    follows, what is indented deeper than that line, with the lines that go on with its statement.
    """
    if view.unit is StopUnit.LINE:
        return Cut(text)
    columns = indent_columns(view.line_before + "x")
    lines = text.split("\n")
    is_run = not view.line_before.strip()
    has_body = False
    for i, line in enumerate(lines[1:], 1):
        if not line.strip():
            continue
        width = _columns(line, view.line_before)
        has_body = has_body or (not is_run and width > columns)
        leaves = width < columns or (has_body and width == columns and not _GOES_ON.match(line))
        if leaves and not _is_closer(line):
            return Cut("\n".join(lines[:i]), Reason.SCOPE_END, is_final=i < len(lines) - 1)
    return Cut(text)


def _columns(line: str, line_before: str) -> int:
    """How deep a line is, in columns; spaces of a model that does not write the file's tabs stand for tabs."""
    num_spaces = len(line) - len(line.lstrip(" "))
    if not line_before.startswith("\t") or num_spaces < 2:
        return indent_columns(line)
    return num_spaces // (4 if num_spaces % 4 == 0 else 2) * TAB_COLUMNS


def _is_closer(line: str) -> bool:
    """Whether a line begins with a bracket that closes, of which the filter for brackets decides."""
    return line.lstrip().startswith((")", "]", "}"))

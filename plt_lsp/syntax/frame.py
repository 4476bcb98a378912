"""A text as it would be without what is being typed on one of its lines.

A half-typed line can break a syntax tree far around it; this knows what to leave of the line so that the others still
hold together, and nothing of what their tree is for.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.syntax.brackets import closers_of, surroundings, unmatched

MAX_BLANK_ROWS = 50

# Marks that both begin and end a string that may go on in other rows, and what begins one with an end of its own.
_QUOTES = ('"""', "'''", "`")
_HEREDOC = re.compile(r"<<[-~]?[\'\"\\]?[A-Z_]")
_HEREDOC_LANGUAGES = frozenset({"bash", "php", "ruby", "sh", "shellscript"})
_COMMENT = re.compile(r"/\*|\*/|--\[\[|\]\]")
_COMMENT_ENDS = ("*/", "]]")
# What opens a block where a line with a deeper one below it is taken away, and what stands in a block of its own.
_OPENERS: Mapping[str, str] = MappingProxyType({"lua": "do", "python": "if 0:", "ruby": "begin"})
_ALONE: Mapping[str, str] = MappingProxyType({"python": "..."})


def frame_lines(lines: Sequence[str], row: int, language_id: str) -> tuple[str, ...]:
    """The lines with one of them emptied but for what holds the others together.

    That is the braces and blocks that it opens and closes for them, the closing brackets that are still to be typed,
    or the whole line where a string or comment of several lines begins or ends on it.
    """
    line = lines[row]
    content = content_of(line)
    if _holds_text(lines, row, language_id, content):
        return tuple(lines)
    kept = _kept(lines, row, language_id, content)
    emptied = (*lines[:row], kept + line[len(content) :], *lines[row + 1 :])
    missing = closers_of(surroundings(emptied, Cursor(row, len(kept)), language_id).unclosed)
    if not missing:
        return emptied
    return (*lines[:row], f"{kept} {missing}".strip() + line[len(content) :], *lines[row + 1 :])


def _kept(lines: Sequence[str], row: int, language_id: str, content: str) -> str:
    """What holds the rows below a row together, in place of its content."""
    indent = _indent(content)
    if language_id not in _OPENERS:
        opened, closers = unmatched(content, language_id)
        braces = " ".join(bracket.text for bracket in (*closers, *opened) if bracket.text in "{}")
        return indent + braces if braces else ""
    below = _text_in(lines[row + 1 : row + MAX_BLANK_ROWS])
    if content.strip() and len(_indent(below)) > len(indent):
        return indent + _OPENERS[language_id]
    above = _text_in(lines[max(0, row - MAX_BLANK_ROWS) : row][::-1])
    is_alone = above.rstrip().endswith(":") and len(_indent(below)) <= len(_indent(above))
    return f"{_indent(above)}    {_ALONE[language_id]}" if is_alone and language_id in _ALONE else ""


def _text_in(lines: Sequence[str]) -> str:
    """The first of some lines that is not blank, or an empty text."""
    return next((line for line in lines if line.strip()), "")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _holds_text(lines: Sequence[str], row: int, language_id: str, content: str) -> bool:
    """Whether a string or comment that the other rows know of begins or ends on a row."""
    if language_id in _HEREDOC_LANGUAGES and _HEREDOC.search(content):
        return True
    for quote in _QUOTES:
        if content.count(quote) % 2 and _has_odd(quote, lines[:row], lines[row + 1 :]):
            return True
    marks = _COMMENT.findall(content)
    if marks and marks[0] in _COMMENT_ENDS:
        return True
    return bool(marks) and marks[-1] not in _COMMENT_ENDS and _ends_below(lines[row + 1 :])


def _has_odd(quote: str, *texts: Sequence[str]) -> bool:
    return any("".join(text).count(quote) % 2 for text in texts)


def _ends_below(lines: Sequence[str]) -> bool:
    match = _COMMENT.search("".join(lines))
    return match is not None and match.group() in _COMMENT_ENDS

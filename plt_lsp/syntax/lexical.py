"""Brackets, strings and comments of a stretch of text, found without a tree, in unfinished code as well.

It knows how languages write strings and comments, and nothing else of them; the text may begin and end anywhere.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

OPENERS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}

_C_LIKE = frozenset({"c", "cpp", "cs", "csharp", "go", "java", "rust"})
_SCRIPT = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})
_SHELL = frozenset({"bash", "sh", "shellscript"})
_JSON = frozenset({"json", "jsonc"})
_LINE_COMMENTS = {
    r"//": _C_LIKE | _SCRIPT | _JSON | {"php"},
    r"(?<!\S)\#": _SHELL,  # elsewhere it counts what it stands before
    r"\#": frozenset({"php", "python", "ruby", "toml"}),
    r"--": frozenset({"lua"}),
}
_BLOCK_COMMENTS = _C_LIKE | _SCRIPT | _JSON | {"css", "php"}
# Marks between which a string may go on in the next line, and those between which it may not.
_LONG_MARKS = {
    **dict.fromkeys(("python", "toml"), ('"""', "'''")),
    **dict.fromkeys(("java", "csharp", "cs"), ('"""',)),
    **dict.fromkeys(_SCRIPT | {"go"}, ("`",)),
    **dict.fromkeys(_SHELL | {"php", "ruby"}, ('"', "'")),
    "rust": ('"',),
}
_SHORT_MARKS = {
    **dict.fromkeys((_C_LIKE - {"rust"}) | _JSON, ('"',)),
    **dict.fromkeys(_SCRIPT | {"css", "lua", "python", "toml"}, ('"', "'")),
}


class Kind(Enum):
    """What a piece of text is."""

    OPENER = auto()
    CLOSER = auto()
    STRING = auto()
    COMMENT = auto()


class Token(NamedTuple):
    """A bracket, a string or a comment.

    Attributes:
        kind: what it is.
        text: the bracket, or the mark that the string or comment begins with.
        start: where it begins.
        end: where it ends.
        is_open: for a string or comment: whether the text ends inside it.
    """

    kind: Kind
    text: str
    start: int
    end: int
    is_open: bool = False


def tokens(text: str, language_id: str, inside: str = "") -> Iterator[Token]:
    """The brackets, strings and comments of a text, in order.

    Args:
        text: to look at.
        language_id: says how strings and comments are written; of an unknown one only brackets are seen.
        inside: the mark of the string or comment in which the text begins.
    """
    for match in _pattern(language_id).finditer(inside + text):
        start, end = max(0, match.start() - len(inside)), match.end() - len(inside)
        yield _token(match, start, end, is_at_end=end == len(text))


def place_at_end(text: str, language_id: str, inside: str = "") -> Token | None:
    """The string or comment in which a text ends, or None where it ends in code."""
    last = None
    for token in tokens(text, language_id, inside):
        last = token
    return last if last is not None and last.is_open else None


def _token(match: re.Match[str], start: int, end: int, *, is_at_end: bool) -> Token:
    found, group = match.group(), match.lastgroup
    if group == "opener":
        return Token(Kind.OPENER, found, start, end)
    if group == "closer":
        return Token(Kind.CLOSER, found, start, end)
    if group == "line":
        return Token(Kind.COMMENT, found[:2] if found[0] != "#" else "#", start, end, is_at_end)
    if group == "block":
        return Token(Kind.COMMENT, "/*", start, end, is_at_end and match["block_end"] is None)
    mark = match[f"{group}_mark"]
    return Token(Kind.STRING, mark, start, end, is_at_end and match[f"{group}_end"] is None)


@cache
def _pattern(language_id: str) -> re.Pattern[str]:
    """One expression for a language; what it does not match is code without brackets."""
    marks = [mark for mark, ids in _LINE_COMMENTS.items() if language_id in ids]
    parts = [rf"(?P<line>(?:{'|'.join(marks)})[^\n]*)"] if marks else []
    if language_id in _BLOCK_COMMENTS:
        parts.append(r"(?P<block>/\*[\s\S]*?(?:(?P<block_end>\*/)|\Z))")
    if language_id in _C_LIKE:  # a single quote there holds one character, or names a lifetime, which does not end
        parts.append(r"(?P<char>(?P<char_mark>')(?:\\[^\n]{1,9}?|[^'\\\n])(?P<char_end>'))")
    parts += [_string(f"long{i}", mark, "") for i, mark in enumerate(_LONG_MARKS.get(language_id, ()))]
    parts += [_string(f"short{i}", mark, r"\n") for i, mark in enumerate(_SHORT_MARKS.get(language_id, ()))]
    return re.compile("|".join([*parts, r"(?P<opener>[(\[{])", r"(?P<closer>[)\]}])"]))


def _string(group: str, mark: str, end: str) -> str:
    """A string between two marks, or from a mark to a character of `end` or the text's end."""
    plain = rf"[^{mark[0]}\\{end}]"
    quote = rf"|{mark[0]}(?!{mark[1:]})" if len(mark) > 1 else ""
    escaped = "." if end else r"[\s\S]"
    inner = rf"{plain}*(?:(?:\\(?:{escaped}|\Z){quote}){plain}*)*"
    return rf"(?P<{group}>(?P<{group}_mark>{mark}){inner}(?P<{group}_end>{mark})?)"

"""The string literals of a text as they are written: prefix, quotes, and a body that is cut at its fields.

It does not know what the fields are filled with.
"""

import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import RefusedError

_LITERAL = re.compile(r"""(?s)([a-zA-Z]*)('''|\"\"\"|'|\")(.*)\2\Z""")
_ESCAPE = r"\\N\{[^}]*\}|\\(?:\r\n|.)"
PERCENT = re.compile(
    r"(?s)%(?:\((?P<key>[^()]*)\))?(?P<flags>[-+ #0]*)(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*))?(?P<type>.)"
)
BRACES = re.compile(r"(?P<name>[^!:{}]*)(?:!(?P<conversion>[rsa]))?(?::(?P<spec>[^{}]*))?\Z")
UNREADABLE = "The string's fields are not written plainly."


@dataclass(frozen=True, slots=True)
class Literal:
    """A string as it is written.

    Attributes:
        start: where it begins in the text.
        end: where it ends.
        prefix: `r`, or nothing.
        quote: one or three of its quotes.
        body: what is between them.
    """

    start: int
    end: int
    prefix: str
    quote: str
    body: str


@dataclass(frozen=True, slots=True)
class Field:
    """A stretch of a body that is filled in: what the pattern found."""

    match: re.Match[str]


def literals_in(source: Source, start: int, end: int) -> list[Literal]:
    """The strings in a stretch that has nothing else but brackets and comments.

    Raises:
        RefusedError: where one is of bytes or formatted already.
    """
    found = []
    for token in source.tokens_in(start, end):
        if token.type == tokenize.STRING:
            match = _LITERAL.match(token.string)
            if match is None or match[1].lower() not in ("", "r", "u"):
                raise RefusedError("The string is of bytes, or formatted already.")
            prefix = match[1] if match[1].lower() == "r" else ""
            found.append(Literal(token.start, token.end, prefix, match[2], match[3]))
        elif token.type != tokenize.COMMENT and token.string not in "()":
            raise RefusedError("The string is formatted already.")
    return found


def percent_parts(body: str, is_raw: bool) -> Iterator[str | Field]:
    """A body with `%` fields: the text of an f-string between them, and them."""
    yield from _parts(body, is_raw, "%", lambda at: PERCENT.match(body, at))


def brace_parts(body: str, is_raw: bool) -> Iterator[str | Field]:
    """A body with fields in braces: the text of an f-string between them, and them."""
    yield from _parts(body, is_raw, "{", lambda at: _braces(body, at))


def plain_parts(body: str, is_raw: bool) -> Iterator[str | Field]:
    """A body without fields, as the text of an f-string."""
    yield from _parts(body, is_raw, "", lambda _: None)


def _braces(body: str, at: int) -> re.Match[str] | None:
    end = body.find("}", at)
    return None if end < 0 else BRACES.match(body[at + 1 : end])


def _parts(
    body: str, is_raw: bool, opener: str, field_at: Callable[[int], re.Match[str] | None]
) -> Iterator[str | Field]:
    at = 0
    while at < len(body):
        escape = None if is_raw else re.compile(_ESCAPE, re.DOTALL).match(body, at)
        if escape is not None:
            yield escape[0]
            at = escape.end()
        elif body.startswith(("{{", "}}"), at) and opener == "{":
            yield body[at : at + 2]
            at += 2
        elif body.startswith("%%", at) and opener == "%":
            yield "%"
            at += 2
        elif opener and body[at] == opener:
            match = field_at(at)
            if match is None:
                raise RefusedError(UNREADABLE)
            yield Field(match)
            at = match.end() if opener == "%" else at + match.end() + 2
        elif opener == "{" and body[at] == "}":
            raise RefusedError(UNREADABLE)
        else:
            yield body[at] * (2 if body[at] in "{}" else 1)
            at += 1

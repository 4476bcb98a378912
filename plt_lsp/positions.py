"""Positions: the one place that counts code units, in UTF-8, UTF-16 and UTF-32.

It does not know documents; it works on single lines, given without their line ends.
"""

from enum import StrEnum
from typing import NamedTuple


class PositionEncoding(StrEnum):
    """What a `character` of the protocol counts (LSP 3.17, PositionEncodingKind)."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


class Position(NamedTuple):
    """A place as the protocol names it: a line, and code units of the agreed encoding into it."""

    line: int
    character: int


class Cursor(NamedTuple):
    """A place inside a document as Python counts it: a line, and characters of `str` into it."""

    line: int
    column: int


def column_of(line: str, character: int, encoding: PositionEncoding) -> int:
    """The column, in `str` characters, that lies `character` code units into a line.

    A position past the end is the end (LSP 3.17, Position); one inside a character is that character's start.
    """
    if encoding is PositionEncoding.UTF32 or line.isascii():
        return min(character, len(line))
    if encoding is PositionEncoding.UTF8:
        return _column_of_utf8(line, character)
    return _column_of_utf16(line, character)


def character_of(line: str, column: int, encoding: PositionEncoding) -> int:
    """How many code units the first `column` characters of a line take; the inverse of `column_of`."""
    before = line[:column]
    if encoding is PositionEncoding.UTF32 or before.isascii():
        return len(before)
    if encoding is PositionEncoding.UTF8:
        return len(before.encode("utf-8", "surrogatepass"))
    return len(before.encode("utf-16-le", "surrogatepass")) // 2


def split_at(line: str, character: int, encoding: PositionEncoding) -> tuple[str, str]:
    """The parts of a line before and after a position.

    In UTF-16 a position inside a surrogate pair yields its two halves, since editors do replace one of them alone when
    one emoji becomes another; the half that is missing then comes with the inserted text.
    """
    if encoding is PositionEncoding.UTF16 and not line.isascii():
        data = line.encode("utf-16-le", "surrogatepass")
        cut = 2 * character
        return data[:cut].decode("utf-16-le", "surrogatepass"), data[cut:].decode("utf-16-le", "surrogatepass")
    column = column_of(line, character, encoding)
    return line[:column], line[column:]


def _column_of_utf8(line: str, character: int) -> int:
    data = line.encode("utf-8", "surrogatepass")
    end = min(character, len(data))
    while end < len(data) and data[end] & 0xC0 == 0x80:  # a continuation byte: step back to the character's start
        end -= 1
    return len(data[:end].decode("utf-8", "surrogatepass"))


def _column_of_utf16(line: str, character: int) -> int:
    data = line.encode("utf-16-le", "surrogatepass")
    end = 2 * min(character, len(data) // 2)
    if 0 < end < len(data) and _is_high(data, end - 2) and _is_low(data, end):
        end -= 2
    return len(data[:end].decode("utf-16-le", "surrogatepass"))


def _is_high(data: bytes, i: int) -> bool:
    return 0xD8 <= data[i + 1] <= 0xDB


def _is_low(data: bytes, i: int) -> bool:
    return 0xDC <= data[i + 1] <= 0xDF

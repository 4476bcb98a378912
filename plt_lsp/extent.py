"""Whether a single line or a block is to be proposed at a cursor: a pure rule over the text and its syntax tree.

It knows nothing of models, limits or editors; the user's own choice comes first, and each answer says why.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from plt_engine.types import StopUnit
from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.syntax.brackets import Surroundings, surroundings
from plt_lsp.syntax.places import Place, place_of
from plt_lsp.syntax.tree import SyntaxTree

MAX_ROWS_BACK = 50

_COLON_OPENS = frozenset({"python"})
_COLON_HEADER = re.compile(r"\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b")
_WORD_OPENS = re.compile(r"\b(?:do|then|else|begin|repeat|ensure|rescue)(?:\s*\|[^|]*\|)?$")
_WORD_LANGUAGES = frozenset({"bash", "lua", "ruby", "sh", "shellscript"})
_DEFINITION = re.compile(
    r"\s*(?:(?:export|default|declare|abstract|public|private|protected|internal|static|final|sealed|partial|local|pub"
    r"(?:\([^)]*\))?|async|unsafe|const|extern)\s+)*"
    r"(?:def|class|function\*?|func|fn|interface|struct|enum|union|trait|impl|module|mod|namespace|record)\b[^=;{}]*$"
)
_PROSE = frozenset({"markdown", "plaintext", "html"})
_CASE = re.compile(r"\s*(?:case\b.*|default\s*):$")
_END_OF_HEADER = re.compile(r"\s*[)\]}].*:$")
_GOES_ON = re.compile(r"(?:(?<!\+)\+|(?<!-)-|[*/%&|^=.\\?]|\b(?:and|or|not|in|is|return|await|new))$")
_COMMENT_LINE = re.compile(r"\s*(?:#|//|--|/?\*)")


class Why(StrEnum):
    """What decided."""

    FORCED = "forced"  # the user wants it so
    TEXT_AFTER = "text_after"  # text follows on the line
    COMMENT = "comment"
    STRING = "string"
    PROSE = "prose"  # a language without statements
    ARGUMENTS = "arguments"  # inside round or square brackets
    OPENS_BLOCK = "opens_block"  # behind a colon, a brace or a word that opens one
    EMPTY_BODY = "empty_body"
    DEFINITION = "definition"  # in the head of a definition, whose body is still to come
    STATEMENT = "statement"  # where a statement begins
    EXPRESSION = "expression"  # in the middle of one


@dataclass(frozen=True, slots=True)
class Extent:
    """How much to propose, and why.

    Attributes:
        unit: a line or a block.
        why: what decided.
        place: what the cursor is in.
    """

    unit: StopUnit
    why: Why
    place: Place = Place.CODE


def extent_at(
    lines: Sequence[str],
    cursor: Cursor,
    language_id: str,
    tree: SyntaxTree | None = None,
    forced: StopUnit | None = None,
) -> Extent:
    """Whether to propose a line or a block.

    Args:
        lines: every line with its line end.
        cursor: where the completion begins.
        language_id: as the editor says.
        tree: of these lines, or None where there is none.
        forced: what the user wants in every case, or None.
    """
    around = surroundings(lines, cursor, language_id)
    place = place_of(cursor, around, tree)
    if forced is not None:
        return Extent(forced, Why.FORCED, place)
    before = lines[cursor.line][: cursor.column]
    after = content_of(lines[cursor.line])[cursor.column :].strip()
    if after and not (_is_in_braces(before, after) and language_id not in _COLON_OPENS):
        return Extent(StopUnit.LINE, Why.TEXT_AFTER, place)
    if place is not Place.CODE:
        return Extent(StopUnit.LINE, Why.COMMENT if place is Place.COMMENT else Why.STRING, place)
    if around.innermost in ("(", "["):
        return Extent(StopUnit.LINE, Why.ARGUMENTS)
    if before.strip():
        return _within_line(before.rstrip(), around, language_id)
    return _on_blank_line(lines, cursor, around, language_id)


def _is_in_braces(before: str, after: str) -> bool:
    """Whether the cursor is between a brace and its partner, which editors put there of themselves."""
    return before.rstrip().endswith("{") and after[0] == "}" and not after.strip("})];, ")


def _within_line(before: str, around: Surroundings, language_id: str) -> Extent:
    if _opens_block(before, around, language_id):
        return Extent(StopUnit.BLOCK, Why.OPENS_BLOCK)
    if language_id in _PROSE:
        return Extent(StopUnit.LINE, Why.PROSE)
    if _DEFINITION.match(before):
        return Extent(StopUnit.BLOCK, Why.DEFINITION)
    return Extent(StopUnit.LINE, Why.EXPRESSION)


def _opens_block(line: str, around: Surroundings, language_id: str) -> bool:
    """Whether a line, without white space at its end, opens a block."""
    if language_id in _COLON_OPENS:
        is_header = _COLON_HEADER.match(line) or _END_OF_HEADER.match(line)
        return line.endswith(":") and not around.open and is_header is not None
    if language_id in _WORD_LANGUAGES and _WORD_OPENS.search(line):
        return True
    return line.endswith("{") or _CASE.match(line) is not None


def _on_blank_line(lines: Sequence[str], cursor: Cursor, around: Surroundings, language_id: str) -> Extent:
    above = _text_above(lines, cursor.line)
    if _opens_block(above, around, language_id):
        return Extent(StopUnit.BLOCK, Why.EMPTY_BODY)
    if language_id not in _PROSE and _GOES_ON.search(above):
        return Extent(StopUnit.LINE, Why.EXPRESSION)
    return Extent(StopUnit.BLOCK, Why.PROSE if language_id in _PROSE else Why.STATEMENT)


def _text_above(lines: Sequence[str], row: int) -> str:
    """The nearest line above with text that is not a comment, without white space at its end, or an empty text."""
    above = (lines[i].rstrip() for i in range(row - 1, max(-1, row - 1 - MAX_ROWS_BACK), -1))
    return next((line for line in above if line and not _COMMENT_LINE.match(line)), "")

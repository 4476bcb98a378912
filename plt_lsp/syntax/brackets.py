"""Which brackets are open at a place, and which of them nothing behind it closes.

It sees brackets, strings, comments and indentation, and no grammar, so that unfinished code does not confuse it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from plt_lsp.positions import Cursor
from plt_lsp.syntax.lexical import CLOSERS, OPENERS, Kind, Token, place_at_end, tokens
from plt_lsp.syntax.window import window_at

_PROLOGUES = {"php": "<?php\n"}  # without it the text is not PHP


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket whose partner is not there.

    Attributes:
        text: the bracket.
        indent: of the line that it stands on.
    """

    text: str
    indent: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is open at a cursor.

    Attributes:
        open: the brackets that are open, outermost first.
        unclosed: those of them that no text behind the cursor closes, outermost first.
        inside: the mark of the string or comment that the cursor is in, or empty.
        is_string: whether it is a string.
        is_ended: whether that string ends behind the cursor on its line.
        before: the text before the cursor, from where the piece of code around it begins.
        after: the text behind it, to where that piece ends.
        is_whole: whether both ends of the piece were found.
    """

    open: tuple[Bracket, ...]
    unclosed: tuple[Bracket, ...]
    inside: str = ""
    is_string: bool = False
    is_ended: bool = False
    before: str = ""
    after: str = ""
    is_whole: bool = True

    @property
    def innermost(self) -> str:
        """The innermost open bracket, or empty."""
        return self.open[-1].text if self.open else ""


def surroundings(lines: Sequence[str], cursor: Cursor, language_id: str) -> Surroundings:
    """What is open at a cursor, going by the rows that show where it is."""
    window = window_at(lines, *cursor)
    prologue = _PROLOGUES.get(language_id, "") if 0 not in window.above else ""
    before = "".join([prologue, *(lines[i] for i in window.above), lines[cursor.line][: cursor.column]])
    after = "".join([lines[cursor.line][cursor.column :], *(lines[i] for i in window.below)])
    place = place_at_end(before, language_id)
    mark = place.text if place else ""
    opened, _ = unmatched(before, language_id)
    _, closers = unmatched(after, language_id, mark)
    return Surroundings(
        opened,
        _without_closed(opened, closers, sees_all=window.is_whole),
        mark,
        place is not None and place.kind is Kind.STRING,
        bool(mark) and _ends_on_line(after, language_id, mark),
        before,
        after,
        window.is_whole,
    )


def unmatched(text: str, language_id: str, inside: str = "") -> tuple[tuple[Bracket, ...], tuple[Bracket, ...]]:
    """The brackets of a text that are opened and not closed, and those that are closed and not opened, in order."""
    opened: list[Bracket] = []
    closers: list[Bracket] = []
    for token in tokens(text, language_id, inside):
        if token.kind is Kind.OPENER:
            opened.append(_bracket(text, token))
        elif token.kind is Kind.CLOSER and not _close(opened, CLOSERS[token.text]):
            closers.append(_bracket(text, token))
    return tuple(opened), tuple(closers)


def closers_of(brackets: Sequence[Bracket]) -> str:
    """What closes these brackets, innermost first."""
    return "".join(OPENERS[bracket.text] for bracket in reversed(brackets))


def _close(opened: list[Bracket], opener: str) -> bool:
    """Close the innermost open bracket of a kind, and with it what was left open inside it."""
    for i in range(len(opened) - 1, -1, -1):
        if opened[i].text == opener:
            del opened[i:]
            return True
    return False


def _without_closed(opened: Sequence[Bracket], closers: Sequence[Bracket], *, sees_all: bool) -> tuple[Bracket, ...]:
    """The open brackets that none of these closers, which follow, close.

    A closer takes the innermost open bracket of its kind whose line is indented as its own is, or else the innermost
    of its kind. What is inside that one stays unclosed; what is left over is too, where all that follows is known.
    """
    unclosed: list[Bracket] = []
    rest = list(opened)
    for closer in closers:
        kin = [i for i, bracket in enumerate(rest) if OPENERS[bracket.text] == closer.text]
        if not kin:
            continue
        partner = max((i for i in kin if rest[i].indent == closer.indent), default=kin[-1])
        unclosed = rest[partner + 1 :] + unclosed
        del rest[partner:]
    return tuple(rest + unclosed if sees_all else unclosed)


def _bracket(text: str, token: Token) -> Bracket:
    start = text.rfind("\n", 0, token.start) + 1
    line = text[start : token.start]
    return Bracket(token.text, len(line) - len(line.lstrip(" \t")))


def _ends_on_line(after: str, language_id: str, mark: str) -> bool:
    line = after.split("\n", 1)[0]
    first = next(tokens(line, language_id, mark), None)
    return first is not None and not first.is_open

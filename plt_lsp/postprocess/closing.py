"""Lets a text close only what is open: brackets and quotes that it opens itself, or that nothing after it closes.

It sees brackets, strings and comments, and no grammar. Pairs that editors put in of themselves are closed already.
"""

from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View
from plt_lsp.syntax.brackets import Bracket
from plt_lsp.syntax.lexical import CLOSERS, OPENERS, Kind, Token, tokens
from plt_lsp.syntax.places import Place


def closed_once(text: str, view: View) -> Cut:
    """End before a quote or bracket that is closed already, and with the line that closes the cursor's own block."""
    around = view.around
    if view.place is not Place.CODE and not around.inside:  # only the tree sees where this string or comment began
        return Cut(text)
    outer, own = list(around.open), list[str]()
    end_of_block: int | None = None
    for token in tokens(text, view.language_id, around.inside):
        if end_of_block is not None and token.start > end_of_block:
            if not own:
                break
            end_of_block = None
        if _is_the_cursors_string(token, view):
            if around.is_ended and not token.is_open:
                # At the end of the text so far, the quote may become the first of three.
                is_final = token.end < len(text)
                return Cut(text[: token.end - len(token.text)], Reason.REPEATS_SUFFIX, is_final)
        elif token.kind is Kind.OPENER:
            own.append(token.text)
        elif token.kind is Kind.CLOSER:
            if own and OPENERS[own[-1]] == token.text:
                own.pop()
            elif own or not _may_close(token, outer, around.unclosed):
                return _before(token, text, outer)
            elif outer.pop().text == "{" and "\n" in text[: token.start]:
                end_of_block = text.find("\n", token.end) if "\n" in text[token.end :] else len(text)
    return _until(text, end_of_block if not own else None)


def _is_the_cursors_string(token: Token, view: View) -> bool:
    return token.kind is Kind.STRING and token.start == 0 and view.around.is_string


def _may_close(token: Token, outer: list[Bracket], unclosed: tuple[Bracket, ...]) -> bool:
    """Whether a bracket closes the innermost open one, and nothing after the cursor does."""
    if not outer or outer[-1].text != CLOSERS[token.text]:
        return False
    return any(bracket is outer[-1] for bracket in unclosed)


def _before(token: Token, text: str, outer: list[Bracket]) -> Cut:
    is_there = bool(outer) and outer[-1].text == CLOSERS[token.text]
    # A single quote before it may make it a character, which only the next character tells.
    is_final = token.end < len(text) or text[token.start - 1 : token.start] != "'"
    return Cut(text[: token.start], Reason.REPEATS_SUFFIX if is_there else Reason.UNOPENED, is_final)


def _until(text: str, end: int | None) -> Cut:
    if end is None or end == len(text):
        return Cut(text)
    return Cut(text[:end], Reason.SCOPE_END if text[end:].strip() else None, is_final=True)

"""Cuts a completion where the text that stands behind the cursor begins to repeat.

It does not know languages; brackets and quotes are left to the filter for them.
"""

from collections.abc import Sequence

from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View
from plt_lsp.syntax.lexical import CLOSERS

NUM_PARTIAL_CHARS = 3
NUM_TELLING_CHARS = 8


def before_what_follows(text: str, view: View) -> Cut:
    """Cut where the rest of the cursor's line begins to repeat, or where it is empty, the lines below."""
    rest = view.line_after.strip()
    if not rest:
        return _before_lines(text, view.line_before, view.below)
    is_closed = rest[0] in CLOSERS or (view.around.is_string and rest.startswith(view.around.inside))
    return Cut(text) if is_closed else _before_rest(text, rest)


def _before_rest(text: str, rest: str) -> Cut:
    end = text.find(rest) if len(rest) >= NUM_PARTIAL_CHARS else -1
    if end >= 0:
        return Cut(text[:end], Reason.REPEATS_SUFFIX, is_final=True)
    size = _overlap(text, rest)
    return Cut(text[: len(text) - size], Reason.REPEATS_SUFFIX if size else None)


def _overlap(text: str, rest: str) -> int:
    """How many characters at the text's end are the rest's beginning."""
    longest = min(len(text), len(rest))
    return next((size for size in range(longest, 0, -1) if text.endswith(rest[:size])), 0)


def _before_lines(text: str, line_before: str, following: Sequence[str]) -> Cut:
    """Cut before the line that repeats the first line with text below the cursor's."""
    target = next((line.rstrip() for line in following if line.strip()), "")
    if not target or not target.strip(")]}; \t"):
        return Cut(text)
    lines = text.split("\n")
    for i, line in enumerate(lines):
        full = (line_before + line if i == 0 else line).rstrip()
        is_last = i == len(lines) - 1
        if _repeats(full, target):
            return Cut("\n".join(lines[:i]), Reason.REPEATS_SUFFIX, is_final=not is_last)
        if is_last and i > 0 and _begins(full, target):
            return Cut("\n".join(lines[:i]), Reason.REPEATS_SUFFIX)
    return Cut(text)


def _repeats(line: str, target: str) -> bool:
    """Whether a line is the target; one that tells enough is recognised at another indentation too."""
    is_telling = len(target.strip()) >= NUM_TELLING_CHARS
    return line == target or (is_telling and line.strip() == target.strip())


def _begins(line: str, target: str) -> bool:
    """Whether a last, perhaps unfinished line is on its way to become the target."""
    return len(line.strip()) >= NUM_PARTIAL_CHARS and target.startswith(line)

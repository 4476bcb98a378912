"""Finds what the model only says again: the lines above the cursor, or its own.

It compares lines as text and knows no language.
"""

from collections.abc import Sequence

from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View

NUM_ROWS_ABOVE = 60
NUM_TELLING_CHARS = 8
MIN_RUN_LINES = 3
MIN_RUN_CHARS = 40
MIN_SAME_LINES = 3


def before_own_repeat(text: str, _: View) -> Cut:
    """End before lines that the text has said just before: one line three times, or several twice, in a row."""
    lines = text.split("\n")
    for i in range(1, len(lines)):
        for period in range(1, i + 1):
            num_same = MIN_SAME_LINES if period == 1 else 2
            end = i + period * (num_same - 1)
            if end <= len(lines) and _is_periodic(lines[i - period : end], period):
                return Cut("\n".join(lines[:i]), Reason.REPEATS_ITSELF, is_final=end < len(lines))
    return Cut(text)


def _is_periodic(lines: Sequence[str], period: int) -> bool:
    is_telling = sum(len(line.strip()) for line in lines[:period]) >= NUM_TELLING_CHARS
    return is_telling and bool(lines[0].strip()) and all(a == b for a, b in zip(lines, lines[period:], strict=False))


def before_lines_above(text: str, view: View) -> Cut:
    """End before lines that stand above the cursor in the same order, or the one line right above it."""
    above = [line.rstrip() for line in view.above[-NUM_ROWS_ABOVE:] if line.strip()]
    lines = [(view.line_before + text.split("\n")[0]).rstrip(), *map(str.rstrip, text.split("\n")[1:])]
    if above and lines[0] == above[-1] and len(lines[0].strip()) >= NUM_TELLING_CHARS:
        return Cut("", Reason.REPEATS_ABOVE)
    for i in range(len(lines)):
        if _echoes([line for line in lines[i:] if line], above):
            return Cut("\n".join(text.split("\n")[:i]), Reason.REPEATS_ABOVE)
    return Cut(text)


def _echoes(lines: Sequence[str], above: Sequence[str]) -> bool:
    """Whether lines begin with a run that stands above, long enough to tell."""
    head = list(lines[:MIN_RUN_LINES])
    if len(head) < MIN_RUN_LINES or sum(len(line.strip()) for line in head) < MIN_RUN_CHARS:
        return False
    return any(list(above[i : i + len(head)]) == head for i in range(len(above)))

"""The prompt for a snapshot: the text around the cursor, within a budget of characters.

It does not know tokens; the engine shortens further where the model's context is smaller.
"""

from collections.abc import Sequence
from itertools import accumulate

from plt_engine.types import Prompt
from plt_lsp.snapshot import Snapshot

WINDOW_STEPS = 4


def build_prompt(snapshot: Snapshot) -> Prompt:
    """What the model is shown for a snapshot, with line feeds as line ends, in whole characters."""
    line, column = snapshot.cursor
    before = (*snapshot.lines_before, *snapshot.lines[:line], snapshot.lines[line][:column])
    after = (snapshot.lines[line][column:], *snapshot.lines[line + 1 :], *snapshot.lines_after)
    return Prompt(
        prefix=plain(prefix_window(before, snapshot.settings.context.max_prefix_chars)),
        suffix=plain(suffix_window(after, snapshot.settings.context.max_suffix_chars)),
        path=snapshot.path,
    )


def prefix_window(lines: Sequence[str], max_chars: int) -> str:
    """The end of the text, at most `max_chars` long, beginning with a line where it can.

    The window's start moves in steps of a part of its size, not with every character, so that the engine finds the
    same prompt again while the user types.
    """
    total = sum(map(len, lines))
    surplus = total - max_chars
    if surplus <= 0:
        return "".join(lines)
    step = max(1, max_chars // WINDOW_STEPS)
    start = -(-surplus // step) * step
    return _from_next_line(lines, start)


def _from_next_line(lines: Sequence[str], start: int) -> str:
    for i, end in enumerate(accumulate(map(len, lines))):
        if end >= start and i + 1 < len(lines):
            return "".join(lines[i + 1 :])
    return "".join(lines)[start:]  # one line alone fills the window


def suffix_window(lines: Sequence[str], max_chars: int) -> str:
    """The beginning of the text, at most `max_chars` long, ending with a line where it can."""
    kept: list[str] = []
    room = max_chars
    for line in lines:
        if len(line) > room:
            break
        kept.append(line)
        room -= len(line)
    return "".join(kept) if kept or not lines else lines[0][:max_chars]


def plain(text: str) -> str:
    """The text with line feeds as its only line ends and half surrogate pairs replaced, as a tokenizer can take it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

"""Cuts a completion where the text that stands behind the cursor begins to repeat.

It does not know languages beyond brackets, quotes and lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

OPENERS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(OPENERS.values())
QUOTES = frozenset("\"'`")
NUM_PARTIAL_CHARS = 3
NUM_TELLING_CHARS = 8


@dataclass(frozen=True, slots=True)
class Cut:
    """A text, and whether it was cut at a place that no further text can undo."""

    text: str
    is_final: bool = False


def cut_before_rest(text: str, rest: str) -> Cut:
    """Cut a single line where it begins to repeat the rest of the cursor's line.

    Args:
        text: what the model adds at the cursor.
        rest: what stands behind the cursor on its line.
    """
    rest = rest.strip()
    if not rest:
        return Cut(text)
    if rest[0] in CLOSERS:
        end = _unmatched_closer(text, rest[0])
    elif rest[0] in QUOTES:
        end = _unescaped(text, rest[0])
    else:
        end = text.find(rest) if len(rest) >= NUM_PARTIAL_CHARS else -1
    if end >= 0:
        return Cut(text[:end], is_final=True)
    return Cut(text[: len(text) - _overlap(text, rest)])


def _unmatched_closer(text: str, closer: str) -> int:
    """Where the text closes this bracket without having opened it, or -1; quoted text is passed over."""
    stack: list[str] = []
    quote = ""
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[i - 1] != "\\" else quote
        elif char in QUOTES:
            quote = char
        elif char in OPENERS:
            stack.append(OPENERS[char])
        elif char in CLOSERS:
            if not stack:
                return i if char == closer else -1
            stack.pop()
    return -1


def _unescaped(text: str, quote: str) -> int:
    return next((i for i, char in enumerate(text) if char == quote and text[i - 1 : i] != "\\"), -1)


def _overlap(text: str, rest: str) -> int:
    """How many characters at the text's end are the rest's beginning."""
    longest = min(len(text), len(rest))
    return next((size for size in range(longest, 0, -1) if text.endswith(rest[:size])), 0)


def cut_before_following(text: str, line_before: str, following: Sequence[str]) -> Cut:
    """Cut a block before the line that repeats the first line with text below the cursor.

    Args:
        text: what the model adds at the cursor, after which its line is empty.
        line_before: the cursor's line up to the cursor.
        following: the lines below the cursor's.
    """
    target = next((line.rstrip() for line in following if line.strip()), "")
    if not target:
        return Cut(text)
    lines = text.split("\n")
    for i, line in enumerate(lines):
        full = (line_before + line if i == 0 else line).rstrip()
        is_last = i == len(lines) - 1
        if _repeats(full, target):
            return Cut("\n".join(lines[:i]), is_final=not is_last)
        if is_last and i > 0 and _begins(full, target):
            return Cut("\n".join(lines[:i]))
    return Cut(text)


def _repeats(line: str, target: str) -> bool:
    """Whether a line is the target; one that tells enough is recognised at another indentation too."""
    is_telling = len(target.strip()) >= NUM_TELLING_CHARS
    return line == target or (is_telling and line.strip() == target.strip())


def _begins(line: str, target: str) -> bool:
    """Whether a last, perhaps unfinished line is on its way to become the target."""
    return len(line.strip()) >= NUM_PARTIAL_CHARS and target.startswith(line)

"""Where generated text ends: stop strings, the end of the line, the end of the block; and what may be shown meanwhile.

Pure functions of text; it knows neither tokens nor models. Columns count a tab as the way to the next multiple of 8.
"""

from collections.abc import Callable
from dataclasses import dataclass

from plt_engine.types import FinishReason, StopSpec, StopUnit, indent_columns

CLOSERS = (")", "]", "}")


@dataclass(frozen=True, slots=True)
class Cut:
    """A verdict on the text so far.

    Attributes:
        end: the text up to here is certain to stay.
        reason: why the text ends at `end`, or None where it goes on.
    """

    end: int
    reason: FinishReason | None = None


def first_stop_string(text: str, strings: tuple[str, ...]) -> Cut:
    """End before the earliest stop string; hold back an end that may be the beginning of one."""
    found = [i for i in (text.find(s) for s in strings if s) if i >= 0]
    if found:
        return Cut(min(found), FinishReason.STOP_STRING)
    held = max((_overlap(text, s) for s in strings), default=0)
    return Cut(len(text) - held)


def _overlap(text: str, string: str) -> int:
    """Length of the longest end of `text` with which `string` begins, short of all of it."""
    for n in range(min(len(string) - 1, len(text)), 0, -1):
        if text.endswith(string[:n]):
            return n
    return 0


def end_of_line(text: str) -> Cut:
    """End before the first line end."""
    ends = [i for i in (text.find("\n"), text.find("\r")) if i >= 0]
    return Cut(min(ends), FinishReason.END_OF_LINE) if ends else Cut(len(text))


def end_of_block(text: str, cursor_columns: int) -> Cut:
    """End before the first line that leaves the block in which the text begins.

    The first line with text after the cursor's own tells which block it is. Where it is indented deeper than the
    cursor's line, it is a body, which ends at a line that is no deeper than the cursor's line; a line there that
    closes a bracket still belongs to it and is the last. Where it is as deep, it is a run of statements, which ends at
    a blank line or a line that is less deep. Two blank lines always end it.
    """
    lines = text.split("\n")
    body: bool | None = None
    end, num_blank = len(lines[0]), 0
    for i, line in enumerate(lines[1:], 1):
        is_whole = i < len(lines) - 1
        if not line.strip():
            num_blank += is_whole
            if num_blank == 2 or (num_blank == 1 and body is False):
                return Cut(end, FinishReason.END_OF_BLOCK)
            continue
        width = indent_columns(line)
        if body is None:
            body = width > cursor_columns
        if width < cursor_columns or (body and width == cursor_columns):
            return _closing(text, lines, i, end, width == cursor_columns)
        end, num_blank = sum(map(len, lines[: i + 1])) + i, 0
    return Cut(end)


def _closing(text: str, lines: list[str], i: int, end: int, same_depth: bool) -> Cut:
    """The verdict on line i, which is where the block ends: after it if it closes a bracket, else before it."""
    if not (same_depth and lines[i].lstrip().startswith(CLOSERS)):
        return Cut(end, FinishReason.END_OF_BLOCK)
    after = sum(map(len, lines[: i + 1])) + i
    return Cut(after, FinishReason.END_OF_BLOCK if i < len(lines) - 1 else None)


class TextStopper:
    """Follows a growing text and says which part of it is certain; the rules are those of a `StopSpec`."""

    def __init__(self, spec: StopSpec) -> None:
        self.text = ""
        self._shown = 0
        self._strings = spec.strings
        self._end_of_unit: Callable[[str], Cut] | None = None
        if spec.unit is StopUnit.LINE:
            self._end_of_unit = end_of_line
        elif spec.unit is StopUnit.BLOCK:
            self._end_of_unit = lambda text: end_of_block(text, spec.indent_columns)

    def push(self, piece: str) -> tuple[str, FinishReason | None]:
        """Add text; returns what has become certain since the last call, and the reason if the text ends here.

        On an end `text` is the final text.
        """
        self.text += piece
        cut = self._verdict()
        if cut.reason is not None:
            self.text = self.text[: cut.end]
        return self._newly(cut.end), cut.reason

    def flush(self) -> str:
        """What was held back, where the generation ends for another reason; white space at the end is dropped."""
        self.text = self.text[: max(self._shown, len(self.text.rstrip()))]
        return self._newly(len(self.text))

    def _verdict(self) -> Cut:
        cuts = [first_stop_string(self.text, self._strings)]
        if self._end_of_unit is not None:
            cuts.append(self._end_of_unit(self.text))
        ended = [cut for cut in cuts if cut.reason is not None]
        return min(ended or cuts, key=lambda cut: cut.end)

    def _newly(self, end: int) -> str:
        new = self.text[self._shown : end]
        self._shown = max(self._shown, end)
        return new

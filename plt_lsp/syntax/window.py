"""The rows around a place that hold one whole top-level piece of a text, so that little has to be looked at.

It goes by indentation alone and knows no language; where a piece is too large, it takes the rows next to the place.
"""

import re
from collections.abc import Sequence

MAX_ROWS = 120

# Rows at the margin that go on with the piece above: brackets, preprocessor lines, labels, a statement's later parts.
_GOES_ON = re.compile(
    r"[)\]}{#]|\w+:\s*$|(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|end|then|fi|done|esac|until)\b"
)


def rows_around(lines: Sequence[str], row: int, max_rows: int = MAX_ROWS) -> range:
    """The rows of the top-level piece in which a row lies, at most `max_rows` on either side of it."""
    first = row
    while first > max(0, row - max_rows) and not _begins_piece(lines[first]):
        first -= 1
    last = row + 1
    while last < min(len(lines), row + 1 + max_rows) and not _begins_piece(lines[last]):
        last += 1
    return range(first, last)


def _begins_piece(line: str) -> bool:
    return line[:1].strip() != "" and _GOES_ON.match(line) is None

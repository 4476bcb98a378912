"""Where the demo completes: places in the standard library of the running Python.

Plain data and the function that finds a place; nothing here speaks to a server.
"""

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor


@dataclass(frozen=True, slots=True)
class DemoCursor:
    """A place in a real file, from which a piece is taken out as if it were still to be typed.

    Attributes:
        title: what stands there.
        file: the source file's path inside the standard library.
        before: the text before the cursor; the file has it once.
        hole: the text behind the cursor that is taken out.
    """

    title: str
    file: tuple[str, ...]
    before: str
    hole: str


@dataclass(frozen=True, slots=True)
class Place:
    """A DemoCursor found in its file.

    Attributes:
        path: the file.
        text: all of it.
        cursor: where the hole begins.
        end: where it ends.
    """

    path: Path
    text: str
    cursor: Cursor
    end: Cursor


CURSORS = (
    DemoCursor(
        "a function's body, from its name and docstring",
        ("heapq.py",),
        'def heappush(heap, item):\n    """Push item onto heap, maintaining the heap invariant."""\n    ',
        "heap.append(item)\n    _siftdown(heap, 0, len(heap)-1)",
    ),
    DemoCursor(
        "in the middle of a function, where a pattern goes on",
        ("collections", "__init__.py"),
        "            link = root.next\n            link_next = link.next\n            ",
        "root.next = link_next\n            link_next.prev = root",
    ),
    DemoCursor(
        "in the middle of a line, inside brackets that are closed behind the cursor",
        ("statistics.py",),
        "        return data[n // 2]\n    else:\n        i = n // 2\n        return (",
        "data[i - 1] + data[i]",
    ),
    DemoCursor(
        "an argument, with the rest of the line behind the cursor",
        ("inspect.py",),
        "    for neglen, suffix in suffixes:\n        if fname.endswith(",
        "suffix",
    ),
    DemoCursor(
        "a loop's body, with the function's end below",
        ("genericpath.py",),
        "    s1 = min(m)\n    s2 = max(m)\n    for i, c in enumerate(s1):\n        ",
        "if c != s2[i]:\n            return s1[:i]",
    ),
    DemoCursor(
        "an exception's handler",
        ("tarfile.py",),
        "        t.close()\n        return True\n    except TarError:\n        ",
        "return False",
    ),
)


def find_place(cursor: DemoCursor) -> Place:
    """The place in this Python's standard library.

    Raises:
        LookupError: the file is not there, or does not have the text exactly once.
    """
    # Some modules are frozen into the interpreter, whose import system then does not say where their source lies.
    path = Path(sysconfig.get_path("stdlib")).joinpath(*cursor.file)
    if not path.is_file():
        raise LookupError(f"this Python has no source file {path}")
    text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    if text.count(cursor.before + cursor.hole) != 1:
        raise LookupError(f"{path} has changed: {cursor.hole!r} is not where the demo expects it")
    start = text.index(cursor.before + cursor.hole) + len(cursor.before)
    return Place(path, text, _cursor(text[:start]), _cursor(text[: start + len(cursor.hole)]))


def _cursor(before: str) -> Cursor:
    lines = split_lines(before)
    return Cursor(len(lines) - 1, len(lines[-1]))

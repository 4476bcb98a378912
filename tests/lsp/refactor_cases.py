"""Cases of refactorings as files: what is selected in a text, and the text afterwards or why it is refused."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from plt_lsp.documents import content_of, split_lines
from plt_lsp.positions import Cursor
from plt_lsp.refactor.exact.workspace import OpenDocument, Workspace
from plt_lsp.refactor.proposal import DocumentChange, Selection
from plt_lsp.settings import Settings
from plt_lsp.snapshot import Snapshot

CASES = Path(__file__).parent / "samples" / "refactor"
MAIN = "main.py"
MARKS = "«»‸"


@dataclass
class Case:
    """One file of the samples: options (`name: new`), then parts that begin with `=== WHAT FILE`."""

    kind: str
    title: str
    options: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    unsaved: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    refused: str | None = None

    @property
    def line_end(self) -> str:
        return "\r\n" if self.options.get("line ends") == "crlf" else "\n"


def read_case(path: Path) -> Case:
    case = Case(path.parent.name, path.stem)
    head, *parts = path.read_text(encoding="utf-8").split("=== ")
    for line in head.splitlines():
        key, _, value = line.partition(": ")
        case.options[key] = value
    for part in parts:
        heading, _, text = part.partition("\n")
        what, _, name = heading.partition(" ")
        if what == "refused":
            case.refused = text.strip()
        else:
            {"before": case.files, "unsaved": case.unsaved, "after": case.after}[what][name or MAIN] = text
    return case


def all_cases() -> list[Case]:
    return [read_case(path) for path in sorted(CASES.glob("*/*.case"))]


def selection_in(marked: str, root: Path, line_end: str = "\n", path: str = MAIN) -> Selection:
    """A selection of what stands between `«` and `»`, or a cursor where `‸` stands, at the text's end without one."""
    start = next((marked.index(mark) for mark in "«‸" if mark in marked), len(marked))
    end = marked.index("»") - 1 if "»" in marked else start
    return selection_at(without_marks(marked), start, end, root / path, line_end)


def selection_at(text: str, start: int, end: int, path: Path, line_end: str = "\n") -> Selection:
    """A selection from one place to another, both in characters."""
    snapshot = Snapshot(
        uri=path.as_uri(),
        version=7,
        language_id="python",
        session_id="buffer-1",
        path=path.name,
        lines=tuple(split_lines(text.replace("\n", line_end))),
        cursor=cursor_at(text, end),
        settings=Settings(),
    )
    return Selection(snapshot, cursor_at(text, start), cursor_at(text, end))


def without_marks(marked: str) -> str:
    return marked.translate({ord(mark): None for mark in MARKS})


def cursor_at(text: str, offset: int) -> Cursor:
    before = split_lines(text[:offset])
    return Cursor(len(before) - 1, len(before[-1]))


def workspace_of(case: Case, root: Path) -> Workspace:
    """The case's files on the disk, and what of them is open and not saved."""
    for name, text in case.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(without_marks(text), encoding="utf-8", newline=case.line_end)
    opened = {
        os.fspath(root / name): OpenDocument((root / name).as_uri(), 3, text) for name, text in case.unsaved.items()
    }
    return Workspace(root, opened)


def applied(text: str, change: DocumentChange) -> str:
    """The text after a change, applied the way an editor does: by lines and columns, from the last to the first."""
    lines = split_lines(text)
    for one in reversed(change.changes):
        head = lines[one.start.line][: one.start.column]
        tail = lines[one.end.line][one.end.column :]
        assert one.start.column <= len(content_of(lines[one.start.line]))
        assert one.end.column <= len(content_of(lines[one.end.line]))
        lines[one.start.line : one.end.line + 1] = (
            split_lines(head + one.text + tail) if not tail else _rejoined(head + one.text + tail)
        )
    return "".join(lines)


def _rejoined(text: str) -> list[str]:
    lines = split_lines(text)
    return lines[:-1] if not lines[-1] else lines

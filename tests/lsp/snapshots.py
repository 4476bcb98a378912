"""Snapshots for tests, written as a text with the cursor in it."""

from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.settings import Settings
from plt_lsp.snapshot import Snapshot

CURSOR = "‸"


def snapshot_at(
    document: str, settings: Settings | None = None, language_id: str = "python", session_id: str = "buffer-1"
) -> Snapshot:
    """The snapshot of a document whose cursor is where `‸` stands."""
    before, _, after = document.partition(CURSOR)
    lines = split_lines(before)
    return Snapshot(
        uri="file:///a.py",
        version=1,
        language_id=language_id,
        session_id=session_id,
        path="a.py",
        lines=tuple(split_lines(before + after)),
        cursor=Cursor(len(lines) - 1, len(lines[-1])),
        settings=settings or Settings(),
    )

"""What was edited last, as it is shown: the lines that were there, as a comment, and those that are there now.

It does not know how edits are followed.
"""

from collections.abc import Iterator, Sequence

from plt_lsp.context.candidates import MAX_CHUNK_CHARS, MAX_LINE_CHARS, Candidate
from plt_lsp.context.elision import marks_of
from plt_lsp.context.report import Source
from plt_lsp.context.workspace import RecentEdit
from plt_lsp.documents import content_of
from plt_lsp.syntax.outline_types import Rows

# The newest edit counts so much, each older one so much less.
NEWEST = 0.6
OLDER = 0.05
LEAST = 0.35
MAX_LINES_BEFORE = 8
MAX_LINES_AFTER = 16


def edit_candidates(edits: Sequence[RecentEdit], path: str | None, shown: Rows) -> Iterator[Candidate]:
    """A candidate for each edit that the prompt does not show anyway, the newest scored highest.

    Args:
        edits: the newest first.
        path: of the cursor's file.
        shown: the rows of it that are shown anyway.
    """
    for i, edit in enumerate(edits):
        if edit.path == path and edit.first <= shown.last and edit.first + len(edit.after) >= shown.first:
            continue
        text = edit_text(edit)
        if text:
            score = max(LEAST, NEWEST - OLDER * i)
            yield Candidate(Source.EDIT, edit.path, edit.first, text, text, score, "it was edited lately")


def edit_text(edit: RecentEdit) -> str:
    """The lines before as a comment and the lines after as code; empty where nothing would be learned of them."""
    before = [line for line in map(content_of, edit.before) if line.strip()]
    after = [content_of(line) for line in edit.after]
    if len(before) > MAX_LINES_BEFORE or len(after) > MAX_LINES_AFTER or not (before or any(map(str.strip, after))):
        return ""
    if [line.strip() for line in before] == [line.strip() for line in after if line.strip()]:
        return ""
    mark = marks_of(edit.language_id).comment
    rows = [*([f"{mark} before:", *(f"{mark} {line}" for line in before), f"{mark} now:"] if before else []), *after]
    text = "".join(f"{row}\n" for row in rows)
    is_short = len(text) <= MAX_CHUNK_CHARS and all(len(row) <= MAX_LINE_CHARS for row in rows)
    return text if is_short else ""

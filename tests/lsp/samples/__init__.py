"""A small file in each language with a cursor in it (`‸`), and what is expected of it.

`python -m tests.lsp.samples` writes the expectations anew, to be read before they are believed.
"""

from pathlib import Path

from plt_lsp.context.prompt import context_of
from plt_lsp.settings import ContextSettings, Settings
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import Outline, Rows
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp.snapshots import CURSOR, snapshot_at

FOLDER = Path(__file__).parent
ALL = sorted(path.stem for path in FOLDER.glob("*.txt") if "." not in path.stem)
# These define nothing that an outline could tell of.
WITHOUT_OUTLINE = ("css", "html", "json", "markdown", "toml", "yaml")
LANGUAGES = [language_id for language_id in ALL if language_id not in WITHOUT_OUTLINE]


def sample(language_id: str) -> str:
    """The sample with its cursor."""
    return (FOLDER / f"{language_id}.txt").read_text(encoding="utf-8")


def expected(language_id: str, what: str) -> str:
    """What is expected of a sample."""
    return (FOLDER / f"{language_id}.{what}.txt").read_text(encoding="utf-8")


def outline_text(language_id: str) -> str:
    """The outline of a sample, for people to read."""
    tree = SyntaxTree.parse(language_id, sample(language_id).replace(CURSOR, "ready"))
    assert isinstance(tree, SyntaxTree)
    assert not tree.root.has_error
    return told(outline(tree))


def prompt_text(language_id: str) -> str:
    """What is shown of a sample with a small budget, and the table of its parts."""
    limits = Settings(context=ContextSettings(max_prefix_chars=600, max_suffix_chars=200))
    snapshot = snapshot_at(sample(language_id), limits, language_id)
    found = FrameCache().outline_of("buffer", language_id, snapshot.lines, snapshot.cursor.line, lambda: None)
    context = context_of(snapshot, found)
    return f"{context.prompt.prefix}{CURSOR}{context.prompt.suffix}\n--------\n{context.report.table()}\n"


def told(found: Outline) -> str:
    """An outline, a line for each import and definition; rows count from 1."""
    lines = []
    for one in found.imports:
        names = ", ".join(name.name + (f" as {name.alias}" if name.alias else "") for name in one.names)
        lines.append(f"{_rows(one.rows)} import {one.module}" + (f" ({names})" if names else ""))
    depths: list[int] = []
    for one in found.definitions:
        depths.append(0 if one.parent is None else depths[one.parent] + 1)
        place = _rows(one.header) + (f" {{{_rows(one.body)}}}" if one.body else "")
        doc = f" «{one.doc}»" if one.doc else ""
        lines.append("  " * depths[-1] + f"{place} {one.kind} {one.name}: {one.signature}{doc}")
    return "\n".join(lines) + "\n"


def _rows(rows: Rows) -> str:
    return f"{rows.first + 1}" if rows.first == rows.last else f"{rows.first + 1}-{rows.last + 1}"

"""Workspaces with their index, for tests of what is shown of other files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from plt_lsp.context.workspace import WorkspaceView
from plt_lsp.documents import split_lines
from plt_lsp.index.belonging import Rules
from plt_lsp.index.indexer import Indexer
from plt_lsp.index.languages import language_of
from plt_lsp.index.memory import RememberedIndex
from plt_lsp.index.reader import IndexReader
from plt_lsp.index.store import Store
from plt_lsp.index.suspect import Suspect
from plt_lsp.settings import Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp.snapshots import snapshot_at
from tests.lsp.workspaces import write


def indexed(folder: Path, files: Mapping[str, str]) -> WorkspaceView:
    """A workspace of these files, and what a request would see of it with none of them open."""
    root = write(folder / "root", files)
    database = folder / "cache" / "index.sqlite3"
    keep_index(root, database)

    def text_of(path: str) -> tuple[str, ...] | None:
        file = root / path
        return tuple(split_lines(file.read_text(encoding="utf-8"))) if file.is_file() else None

    return WorkspaceView("root", RememberedIndex(IndexReader(database)), text_of)


def keep_index(root: Path, database: Path) -> None:
    """Bring the index of a folder in line with its files."""
    store = Store(database)
    indexer = Indexer(root, Rules(), store, Suspect(database.parent))
    indexer.rescan()
    while indexer.is_busy:
        indexer.step()
    store.commit()
    store.close()


def cursor_in(path: str, document: str, settings: Settings | None = None) -> tuple[Snapshot, Outline]:
    """The snapshot of a file with the cursor where `‸` stands, and its outline."""
    language_id = language_of(path)
    assert language_id is not None
    snapshot = replace(snapshot_at(document, settings, language_id), path=path)
    tree = SyntaxTree.parse(language_id, snapshot.lines)
    assert isinstance(tree, SyntaxTree)
    return snapshot, outline(tree)

"""Answers what is to be shown of other files, from a workspace's index, its files and its open documents.

Its objects belong to one thread. It does not know for whom it answers, nor how long it may take.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from plt_lsp.context.cross_file import Selection, select_chunks
from plt_lsp.context.secrets import redacted
from plt_lsp.context.stores import is_credentials_store
from plt_lsp.context.workspace import OpenFile, RecentEdit, WorkspaceView
from plt_lsp.documents import split_lines
from plt_lsp.index.belonging import Rules
from plt_lsp.index.folders import rules_of
from plt_lsp.index.memory import RememberedIndex
from plt_lsp.index.places import database_of
from plt_lsp.index.reader import IndexReader
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.syntax.tree_cache import TreeCache
from plt_lsp.workspace_files import WorkspaceFiles

MAX_WORKSPACES = 8
MAX_OPEN_TEXTS = 32


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be shown of other files at a place.

    Attributes:
        root: the workspace folder.
        snapshot: the place.
        outline: of its file, where one is at hand.
        open_files: of the folder, the last one first.
        edits: in the folder, the newest first.
        before: what was shown in this document before.
    """

    root: Path
    snapshot: Snapshot
    outline: Outline | None
    open_files: tuple[OpenFile, ...] = ()
    edits: tuple[RecentEdit, ...] = ()
    before: Selection = field(default_factory=Selection)


class WorkspaceReader:
    """The indexes and files of the workspaces that were asked about last."""

    def __init__(self) -> None:
        self._frames = FrameCache()
        self._trees = TreeCache()
        self._known: OrderedDict[tuple[Path, Rules], tuple[RememberedIndex, WorkspaceFiles]] = OrderedDict()

    def answer(self, question: Question) -> Selection:
        """The selection for a place."""
        settings = question.snapshot.settings
        index, files = self._of(question.root, rules_of(settings))
        index.refresh()
        kept_back = {one.path for one in question.open_files if is_credentials_store(one.lines)}

        def may_show(path: str) -> bool:
            return path not in kept_back and files.admits(path)

        view = WorkspaceView(
            repo_name=question.root.name or None,
            index=index if settings.index.enable else None,
            text_of=files.text_of,
            open_files=tuple(_without_secrets(file) for file in question.open_files if may_show(file.path)),
            edits=tuple(edit for edit in question.edits if may_show(edit.path)),
        )
        outline = question.outline or self._outline_of(question.snapshot)
        return select_chunks(question.snapshot, outline, view, question.before)

    def forget(self, session_id: str) -> None:
        """A document was closed."""
        self._frames.forget(session_id)
        self._trees.forget(session_id)

    def _outline_of(self, snapshot: Snapshot) -> Outline | None:
        session_id, language_id, lines = snapshot.session_id, snapshot.language_id, snapshot.lines

        def whole() -> SyntaxTree | None:
            tree = self._trees.tree_of(session_id, language_id, lines)
            return tree if isinstance(tree, SyntaxTree) else None

        return self._frames.outline_of(session_id, language_id, lines, snapshot.cursor.line, whole)

    def _of(self, root: Path, rules: Rules) -> tuple[RememberedIndex, WorkspaceFiles]:
        key = (root, rules)
        if key not in self._known:
            resolved = root.resolve()
            index = RememberedIndex(IndexReader(database_of(resolved)))
            self._known[key] = index, WorkspaceFiles(resolved, rules)
        self._known.move_to_end(key)
        if len(self._known) > MAX_WORKSPACES:
            _, (index, _) = self._known.popitem(last=False)
            index.close()
        return self._known[key]


def _without_secrets(file: OpenFile) -> OpenFile:
    return replace(file, lines=_redacted(file.lines))


@lru_cache(maxsize=MAX_OPEN_TEXTS)
def _redacted(lines: tuple[str, ...]) -> tuple[str, ...]:
    text = "".join(lines)
    shown = redacted(text)
    return lines if shown == text else tuple(split_lines(shown))

"""Cases drawn by a seed: a cursor before a line that uses another file's name, with the prompts that the server makes.

It does not know which chunks of other files are chosen, and no model answers anything here.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from plt_engine.types import FileChunk, Prompt, RepositoryCase
from plt_lsp.context.prompt import build_prompt
from plt_lsp.context.secrets import is_secret_file
from plt_lsp.documents import content_of, split_lines
from plt_lsp.evaluation.targets import Target, targets_of
from plt_lsp.evaluation.workspaces import Workspace
from plt_lsp.index.languages import language_of
from plt_lsp.positions import Cursor
from plt_lsp.settings import Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.trigger import refusal

# The prompt with other files, from what the server knows when it is asked for a completion.
WithOthers = Callable[[Snapshot, Outline | None, Workspace], Prompt]


def draw(
    workspace: Workspace, count: int, seed: int, with_others: WithOthers, settings: Settings
) -> Iterator[RepositoryCase]:
    """At most this many cases of a workspace, one of each file before any has two.

    Args:
        workspace: to draw from.
        count: the most cases.
        seed: draws files, lines and columns.
        with_others: makes the prompt with other files.
        settings: that the prompts are made with.
    """
    rng = Random(f"repository:{seed}:{workspace.name}")
    paths = list(workspace.paths)
    rng.shuffle(paths)
    waiting = deque(_targets(workspace, path, rng) for path in paths)
    while waiting and count > 0:
        file = waiting.popleft()
        drawn = next(file, None)
        if drawn is None:
            continue
        waiting.append(file)
        case = _case(workspace, drawn, rng, with_others, settings)
        if case is not None:
            count -= 1
            yield case


@dataclass(frozen=True, slots=True)
class _Drawn:
    path: str
    tree: SyntaxTree
    target: Target


def _targets(workspace: Workspace, path: str, rng: Random) -> Iterator[_Drawn]:
    """A file's targets in a drawn order; it is read when the first one is asked for."""
    language_id = language_of(path)
    assert language_id is not None, "an index holds source files alone"
    tree = SyntaxTree.parse(language_id, (workspace.root / path).read_bytes().decode("utf-8", "replace"))
    if isinstance(tree, SyntaxTree):
        targets = targets_of(path, tree, workspace.index)
        rng.shuffle(targets)
        yield from (_Drawn(path, tree, target) for target in targets)


def _case(
    workspace: Workspace, drawn: _Drawn, rng: Random, with_others: WithOthers, settings: Settings
) -> RepositoryCase | None:
    """The case at a target, or None where the server would complete nothing there."""
    lines, target = drawn.tree.lines, drawn.target
    line = content_of(lines[target.row])
    column = rng.choice((0, len(line) - len(line.lstrip())))
    snapshot = _before_writing(workspace.root, drawn, column, settings)
    if is_secret_file(drawn.path) or refusal(snapshot, is_automatic=False) is not None:
        return None
    outline = _outline_of(snapshot)
    alone = build_prompt(snapshot, outline)
    shown = with_others(snapshot, outline, workspace)
    return RepositoryCase(
        package=workspace.name,
        path=drawn.path,
        row=target.row,
        name=target.name,
        groups=tuple(_groups(drawn, column, shown.chunks)),
        expected=line[column:].rstrip(),
        alone=alone,
        with_others=shown,
    )


def _groups(drawn: _Drawn, column: int, chunks: Sequence[FileChunk]) -> Iterator[str]:
    target = drawn.target
    name = re.compile(rf"\b{re.escape(target.name)}\b")
    yield drawn.tree.language_id
    yield target.kind.value
    yield "name used on this line alone" if target.is_first else "name used on other lines"
    yield "cursor at the line's start" if column == 0 else "cursor behind the indentation"
    yield "name shown" if any(name.search(chunk.text) for chunk in chunks) else "name not shown"


def _before_writing(root: Path, drawn: _Drawn, column: int, settings: Settings) -> Snapshot:
    """The file as it was before the line was written, the cursor where the line begins."""
    lines, row = drawn.tree.lines, drawn.target.row
    end = lines[row][len(content_of(lines[row])) :]
    kept = (*lines[:row], lines[row][:column] + end, *lines[row + 1 :])
    assert len(split_lines("".join(kept))) == len(lines), "a line that loses its text stays a line"
    return Snapshot(
        uri=(root / drawn.path).as_uri(),
        version=1,
        language_id=drawn.tree.language_id,
        session_id=drawn.path,
        path=drawn.path,
        lines=kept,
        cursor=Cursor(row, column),
        settings=settings,
        num_chars=sum(map(len, kept)),
    )


def _outline_of(snapshot: Snapshot) -> Outline | None:
    """The outline of the whole file, by which imports are followed as well."""

    def tree() -> SyntaxTree | None:
        found = SyntaxTree.parse(snapshot.language_id, snapshot.lines)
        return found if isinstance(found, SyntaxTree) else None

    row, language_id = snapshot.cursor.line, snapshot.language_id
    return FrameCache().outline_of(snapshot.session_id, language_id, snapshot.lines, row, tree)

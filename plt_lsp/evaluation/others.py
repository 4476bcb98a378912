"""The prompt with other files of a workspace, from what the server knows once its index is made and nothing is open.

It does not choose what is shown; `plt_lsp.context.cross_file` does.
"""

from collections.abc import Sequence
from dataclasses import replace

from plt_engine.types import Prompt
from plt_lsp.context.cross_file import select_chunks
from plt_lsp.context.prompt import build_prompt
from plt_lsp.context.secrets import redacted
from plt_lsp.context.workspace import WorkspaceView
from plt_lsp.documents import split_lines
from plt_lsp.evaluation.workspaces import Workspace
from plt_lsp.index.belonging import Rules
from plt_lsp.index.reading import NotRead, read_source
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline_types import Outline


def prompt_with_others(snapshot: Snapshot, outline: Outline | None, workspace: Workspace) -> Prompt:
    """The prompt of the file, with the pieces of others before it."""

    def text_of(path: str) -> Sequence[str] | None:
        if workspace.index.file(path) is None:
            return None
        data = read_source(workspace.root / path, Rules().max_file_bytes)
        return None if isinstance(data, NotRead) else tuple(split_lines(redacted(data.decode("utf-8", "replace"))))

    view = WorkspaceView(repo_name=workspace.name, index=workspace.index, text_of=text_of)
    found = select_chunks(snapshot, outline, view)
    return replace(build_prompt(snapshot, outline), chunks=found.chunks, repo_name=found.repo_name)

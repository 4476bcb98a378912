"""The prompt with other files of a workspace, from what the server knows once its index is made and nothing is open.

It does not choose what is shown; `plt_lsp.context.cross_file` does.
"""

from plt_engine.types import Prompt
from plt_lsp.context.cross_file import select_chunks
from plt_lsp.context.prompt import build_prompt
from plt_lsp.context.workspace import WorkspaceView
from plt_lsp.evaluation.workspaces import Workspace
from plt_lsp.index.belonging import Rules
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.workspace_files import WorkspaceFiles


def prompt_with_others(snapshot: Snapshot, outline: Outline | None, workspace: Workspace) -> Prompt:
    """The prompt of the file, with the pieces of others before it."""
    files = WorkspaceFiles(workspace.root, Rules())
    view = WorkspaceView(repo_name=workspace.name, index=workspace.index, text_of=files.text_of)
    return build_prompt(snapshot, outline, select_chunks(snapshot, outline, view))

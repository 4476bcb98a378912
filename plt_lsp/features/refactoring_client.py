"""What a client can do with refactorings, read once from its capabilities.

It does not know what it is offered.
"""

from dataclasses import dataclass

from lsprotocol import types

from plt_lsp.features.loading import is_shown as shows_progress
from plt_lsp.settings_parser import ClientFeatures


@dataclass(frozen=True, slots=True)
class Abilities:
    """A client's abilities; by default it has none.

    Attributes:
        takes_actions: code actions, and not commands alone.
        resolves: asks for a code action's edit once the user has chosen it.
        shows_disabled: shows code actions that cannot be run, with the reason.
        shows_tags: marks code actions that a model writes.
        takes_versions: edits of documents at a version.
        confirms_actions: asks the user to confirm the parts of a code action's edit that need it.
        confirms_renames: the same for renaming.
        confirms_edits: the same for edits that the server asks it to apply.
        applies_edits: applies edits that the server asks it to.
        takes_metadata: knows of an edit whether it is a refactoring.
        registers_rename: takes renaming by registration, for some languages.
        shows_progress: shows progress that the server begins.
        previews: shows a refactoring as it grows and applies it itself.
        renames_at: has the user rename what a refactoring has named.
    """

    takes_actions: bool = False
    resolves: bool = False
    shows_disabled: bool = False
    shows_tags: bool = False
    takes_versions: bool = False
    confirms_actions: bool = False
    confirms_renames: bool = False
    confirms_edits: bool = False
    applies_edits: bool = False
    takes_metadata: bool = False
    registers_rename: bool = False
    shows_progress: bool = False
    previews: bool = False
    renames_at: bool = False

    @property
    def shows_written(self) -> bool:
        """Whether there is a way from a code action that the model writes to an edit that the user has chosen."""
        return self.previews or self.confirms_edits or (self.takes_actions and self.resolves)


def abilities_of(capabilities: types.ClientCapabilities, features: ClientFeatures) -> Abilities:
    """The abilities of a client that has said what it can do."""
    document = capabilities.text_document or types.TextDocumentClientCapabilities()
    workspace = capabilities.workspace or types.WorkspaceClientCapabilities()
    action = document.code_action or types.CodeActionClientCapabilities()
    rename = document.rename or types.RenameClientCapabilities()
    edit = workspace.workspace_edit or types.WorkspaceEditClientCapabilities()
    resolved = action.resolve_support.properties if action.resolve_support is not None else ()
    tags = action.tag_support.value_set if action.tag_support is not None else ()
    confirms = bool(edit.document_changes) and edit.change_annotation_support is not None
    return Abilities(
        takes_actions=action.code_action_literal_support is not None,
        resolves=bool(action.data_support) and "edit" in resolved,
        shows_disabled=bool(action.disabled_support),
        shows_tags=types.CodeActionTag.LlmGenerated in tags,
        takes_versions=bool(edit.document_changes),
        confirms_actions=confirms and bool(action.honors_change_annotations),
        confirms_renames=confirms and bool(rename.honors_change_annotations),
        confirms_edits=confirms,
        applies_edits=bool(workspace.apply_edit),
        takes_metadata=bool(edit.metadata_support),
        registers_rename=bool(rename.dynamic_registration),
        shows_progress=shows_progress(capabilities),
        previews=features.refactoring_progress,
        renames_at=features.rename_at,
    )

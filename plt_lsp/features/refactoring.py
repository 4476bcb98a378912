"""Refactorings over the protocol: offered as code actions, worked out once chosen, and applied by nobody but the user.

It does not know how a refactoring is done; `plt_lsp.refactor` does.
"""

import logging

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from plt_lsp.convert import position_to_lsp
from plt_lsp.features.refactoring_client import Abilities
from plt_lsp.features.refactoring_edits import edit_to_json, workspace_edit
from plt_lsp.features.written import Writer, Written
from plt_lsp.json_fields import range_of
from plt_lsp.messages import Refactoring as RefactoringJson
from plt_lsp.refactor.ask import COMMAND, Ask, arguments_of, ask_from_arguments, ask_from_data, data_of, fault_of
from plt_lsp.refactor.edits import position_after
from plt_lsp.refactor.proposal import Offer, RefusedError, Selection
from plt_lsp.refactor.workshop import Placed, Workshop
from plt_lsp.refactor.written.kinds import INSTRUCT
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)

CANCEL_COMMAND = "plt.cancelRefactoring"
RENAME_AT_COMMAND = "plt.renameAt"
OPTIONS = types.CodeActionOptions(
    code_action_kinds=[
        types.CodeActionKind.RefactorExtract,
        types.CodeActionKind.RefactorInline,
        types.CodeActionKind.RefactorRewrite,
        types.CodeActionKind.SourceOrganizeImports,
        types.CodeActionKind.QuickFix,
    ],
    resolve_provider=True,
)


class Refactoring:
    """The refactorings of one server, as its client meets them."""

    def __init__(self, server: LanguageServer, session: ServerSession, workshop: Workshop) -> None:
        self._server = server
        self._session = session
        self._workshop = workshop
        self._writer = Writer(server, session)
        self._client = Abilities()

    def choose(self, client: Abilities) -> None:
        """Take what the client can do."""
        self._client = self._writer.client = client

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        """textDocument/codeAction: everything that could be done there, none of it worked out."""
        document, context = self._session.documents.get(params.text_document.uri), params.context
        if document is None or _is_idle_look(params):
            return []
        ask = _ask_from_params(params, document.version)
        try:
            selection = self._workshop.selection(ask)
        except RefusedError:
            return []
        offers = await self._workshop.offers(ask, selection)
        wanted = [offer for offer in offers if self._is_wanted(offer, context, selection)]
        return [self._action(offer, ask.with_offer(offer.name), context) for offer in wanted]

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """codeAction/resolve: the action with its edit, or without one where it is refused, which the user is told.

        Raises:
            JsonRpcInvalidParams: the action is none of this server's.
        """
        try:
            ask = ask_from_data(action.data)
        except ValueError as error:
            raise JsonRpcInvalidParams(str(error)) from None
        if action.command is not None:
            return action  # what the model writes is begun by the command, not by looking at the list
        try:
            selection = self._workshop.selection(ask)
            offer = await self._workshop.offer(ask, selection)
            proposal, edits = await self._work_out(ask, selection, offer)
        except RefusedError as error:
            logger.info("%s is refused: %s", ask.what, error)
            if not ask.is_routine:
                self._session.editor.show_warning(str(error))
            return action
        is_annotated, asks = self._client.confirms_actions, proposal.offer.is_written
        takes_versions = self._client.takes_versions
        action.edit = workspace_edit(
            proposal, edits, takes_versions=takes_versions, is_annotated=is_annotated, asks=asks
        )
        action.command = self._rename_command((proposal, edits), ask.uri)
        return action

    async def refactor(self, *arguments: object) -> RefactoringJson:
        """plt.refactorSelection: a document's URI, a range in it, and an instruction or an offer's name.

        Raises:
            ValueError: the arguments are something else, which the message names.
        """
        ask = ask_from_arguments(arguments)
        try:
            selection = self._workshop.selection(ask)
            offer = await self._workshop.offer_or_instruction(ask, selection)
            if offer.is_written:
                return await self._write(ask, selection, offer)
            return await self._hand_over(ask, offer, await self._workshop.propose(selection, offer))
        except RefusedError as error:
            self._session.editor.show_warning(str(error))
            return _result(ask, ask.what, refusal=str(error))

    def cancel(self) -> None:
        """End the refactoring that is being written, if one is."""
        self._writer.cancel()

    def note_edit(self, uri: str) -> None:
        """A document has changed or was closed."""
        self._writer.note_edit(uri)

    def _is_wanted(self, offer: Offer, context: types.CodeActionContext, selection: Selection) -> bool:
        """Whether the client asks for such an offer now; one that needs an instruction is for the command.

        An editor that looks by itself, for its light bulb, is offered what there is for a selection, and at a cursor
        only what mends something: other refactorings are everywhere, and the bulb would never go out.
        """
        is_automatic = _is_automatic(context)
        if offer.name == INSTRUCT or (offer.is_written and not self._client.shows_written):
            return False
        if offer.disabled is not None and (is_automatic or not self._client.shows_disabled):
            return False
        if context.only is not None:
            return any(_is_kind(offer.kind, str(getattr(kind, "value", kind))) for kind in context.only)
        if not is_automatic or _is_kind(offer.kind, "quickfix"):
            return True
        return not selection.is_empty and not _is_kind(offer.kind, "source")

    def _action(self, offer: Offer, ask: Ask, context: types.CodeActionContext) -> types.CodeAction | types.Command:
        command = types.Command(offer.title, COMMAND, arguments=arguments_of(ask))
        if not self._client.takes_actions:
            return command
        is_commanded = not self._client.resolves or (offer.is_written and self._client.previews)
        is_tagged = offer.is_written and self._client.shows_tags
        return types.CodeAction(
            offer.title,
            kind=offer.kind,
            diagnostics=context.diagnostics if _is_kind(offer.kind, "quickfix") else None,
            disabled=None if offer.disabled is None else types.CodeActionDisabled(offer.disabled),
            command=command if is_commanded and offer.disabled is None else None,
            data=data_of(ask),
            tags=[types.CodeActionTag.LlmGenerated] if is_tagged else None,
        )

    async def _work_out(self, ask: Ask, selection: Selection, offer: Offer) -> Placed:
        if not offer.is_written:
            return await self._workshop.propose(selection, offer)
        written = await self._have_written(ask, selection, offer)
        if written.proposal is None:
            raise RefusedError(written.refusal or f"{offer.title}: it was cancelled.")
        return written.proposal, written.edits

    async def _have_written(self, ask: Ask, selection: Selection, offer: Offer) -> Written:
        instruction = "" if ask.what == offer.name else ask.what
        problem = next(iter(self._workshop.problems(ask, selection)), None)
        return await self._writer.write(selection, offer, instruction, problem)

    async def _write(self, ask: Ask, selection: Selection, offer: Offer) -> RefactoringJson:
        written = await self._have_written(ask, selection, offer)
        if written.proposal is not None:
            return await self._hand_over(ask, offer, (written.proposal, written.edits), written.number)
        if written.refusal is not None and not self._client.previews:
            self._session.editor.show_warning(written.refusal)
        return _result(ask, offer.title, written.number, refusal=written.refusal, is_cancelled=written.is_cancelled)

    async def _hand_over(self, ask: Ask, offer: Offer, placed: Placed, number: int | None = None) -> RefactoringJson:
        """The edit to the client, which is asked to apply it where the user has seen or is to confirm what it does."""
        client = self._client
        takes_versions, is_annotated = client.takes_versions, client.confirms_edits and not client.previews
        edit = workspace_edit(*placed, takes_versions=takes_versions, is_annotated=is_annotated, asks=offer.is_written)
        is_applied = False
        if client.applies_edits and (is_annotated or not offer.is_written):
            is_applied = await self._apply(edit, offer.title)
        result = _result(ask, offer.title, number)
        return {**result, "applied": is_applied, "edit": edit_to_json(edit, self._server)}

    async def _apply(self, edit: types.WorkspaceEdit, title: str) -> bool:
        metadata = types.WorkspaceEditMetadata(is_refactoring=True) if self._client.takes_metadata else None
        try:
            answer = await self._server.workspace_apply_edit_async(
                types.ApplyWorkspaceEditParams(edit, label=title, metadata=metadata)
            )
        except Exception as error:  # whatever the client answers, the server goes on
            logger.warning("the client does not apply an edit: %s", error)
            return False
        return answer.applied

    def _rename_command(self, placed: Placed, uri: str) -> types.Command | None:
        """What has the user name what was named for them, once the edit is applied."""
        if not self._client.renames_at:
            return None
        place = position_after(placed[0], uri, self._session.documents)
        if place is None:
            return None
        return types.Command("Rename it", RENAME_AT_COMMAND, arguments=[uri, position_to_lsp(place)])


def _ask_from_params(params: types.CodeActionParams, version: int) -> Ask:
    place = range_of(params.range)
    assert place is not None
    faults = tuple(fault for fault in map(fault_of, params.context.diagnostics) if fault is not None)
    is_routine = params.context.only is not None and _is_automatic(params.context)
    return Ask(params.text_document.uri, *place, "", version, faults, is_routine)


def _is_idle_look(params: types.CodeActionParams) -> bool:
    """Whether an editor looks by itself where it is offered nothing anyway; it does with each move of the cursor."""
    context, is_cursor = params.context, params.range.start == params.range.end
    return _is_automatic(context) and is_cursor and context.only is None and not context.diagnostics


def _is_automatic(context: types.CodeActionContext) -> bool:
    return context.trigger_kind is types.CodeActionTriggerKind.Automatic


def _is_kind(kind: str, wanted: str) -> bool:
    """Whether a kind is the wanted one or below it (LSP 3.18, CodeActionKind)."""
    return wanted in ("", kind) or kind.startswith(f"{wanted}.")


def _result(
    ask: Ask, title: str, number: int | None = None, *, refusal: str | None = None, is_cancelled: bool = False
) -> RefactoringJson:
    return {
        "id": number,
        "uri": ask.uri,
        "title": title,
        "cancelled": is_cancelled,
        "refusal": refusal,
        "applied": False,
        "edit": None,
    }

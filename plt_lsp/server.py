"""The language server: one session, one list of features, and the streams that they are served on.

It does not know what a feature does. The model is neither loaded nor its process started before a request needs it.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from plt_lsp import __version__, logs
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from plt_lsp.explain.kinds import Kind
from plt_lsp.features import (
    accepted,
    completion,
    configuration,
    context,
    doctor,
    explain,
    indexing,
    inline_completion,
    loading,
    loops,
    notebook_sync,
    refactoring,
    registration,
    renaming,
    status,
    text_sync,
)
from plt_lsp.features.refactoring_client import Abilities, abilities_of
from plt_lsp.foresight import Foresight
from plt_lsp.messages import DID_DISMISS, STATUS, Explanation, Refactoring, Status
from plt_lsp.positions import PositionEncoding
from plt_lsp.protocol import PltProtocol, RawMessage, own_converter
from plt_lsp.refactor.ask import COMMAND as REFACTOR_COMMAND
from plt_lsp.refactor.workshop import Workshop
from plt_lsp.session import ServerSession
from plt_lsp.stdio import StdioTransport

logger = logging.getLogger(__name__)

Handler = Callable[..., Any]

# So long one thread may go on while another has something to do.
SWITCH_INTERVAL_S = 0.001


@dataclass(frozen=True, slots=True)
class Feature:
    """A method of the protocol and its handler.

    A plain function changes the session and returns at once; everything that waits is a coroutine function, since pygls
    answers nothing else while a plain function runs.
    """

    method: str
    handler: Handler
    options: object = None


class PltServer(LanguageServer):
    """pygls' server with the project's protocol and session."""

    protocol: PltProtocol

    def __init__(self, engine: EngineClient) -> None:
        super().__init__(
            "plt-lsp",
            __version__,
            notebook_document_sync=notebook_sync.SYNC_OPTIONS,
            protocol_cls=PltProtocol,
            converter_factory=own_converter,
        )
        self.editor = PyglsEditor(self)
        self.session = ServerSession(self.editor, engine)
        self.foresight = Foresight(self.session)
        self.registration = registration.Registration(self, self.session)
        self.loading = loading.LoadingProgress(self, self.session)
        self.indexing = indexing.IndexingProgress(self, self.session.indexes)
        self._teller = status.StatusTeller(self.session)
        self.explaining = explain.Explaining(self, self.session)
        self.workshop = Workshop(self.session)
        self.refactoring = refactoring.Refactoring(self, self.session, self.workshop)
        self.abilities = Abilities()
        self.client = doctor.Client()
        self.protocol.on_unreadable = self._lose_change
        for feature in FEATURES:
            self.feature(feature.method, feature.options)(feature.handler)
        for name, handler in COMMANDS.items():
            self.command(name)(handler)

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ANN401  (pygls' own signature)
        """Log an error; pygls would show it to the user, who can do nothing about it."""
        logger.error("%s: %s", getattr(source, "__name__", source), error)

    async def serve(self, transport: StdioTransport) -> int:
        """Serve until the client says `exit` or its stream ends; returns the process's exit code."""
        transport.start()
        self.protocol.set_writer(transport)
        while self.protocol.exit_code is None and (body := await transport.receive()) is not None:
            self.protocol.receive(body)
            # A request's task takes its snapshot in its first step, which must come before the next message is handled.
            await asyncio.sleep(0)
        self.explaining.cancel()
        self.refactoring.cancel()
        for part in (self.workshop, self.foresight, self.registration, self.loading, self.indexing):
            part.close()
        await self._teller.close()
        await self.session.close()
        transport.close()
        return 1 if self.protocol.exit_code is None else self.protocol.exit_code

    def _lose_change(self, raw: RawMessage) -> None:
        """A change that cannot be read leaves the document unknown until its whole text comes."""
        params = raw.get("params")
        document = params.get("textDocument") if isinstance(params, dict) else None
        uri = document.get("uri") if isinstance(document, dict) else None
        if raw["method"] == types.TEXT_DOCUMENT_DID_CHANGE and isinstance(uri, str):
            self.session.note_sync(uri, self.session.documents.lose(uri))


class PyglsEditor:
    """The session's way to the editor."""

    def __init__(self, server: PltServer) -> None:
        self._server = server

    def show_warning(self, message: str) -> None:
        """window/showMessage."""
        self._server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))

    def notify(self, method: str, params: object) -> None:
        """A notification of the project's own."""
        self._server.protocol.notify(method, params)

    def relative_path(self, uri: str) -> str | None:
        """The path below the innermost workspace folder that holds it, or its file name."""
        file, folder = to_fs_path(uri), self._folder_of(uri)
        if not file:
            return None
        return PurePath(file).name if folder is None else PurePath(file).relative_to(folder).as_posix()

    def folder_of(self, uri: str) -> str | None:
        """The innermost workspace folder that holds a document."""
        folder = self._folder_of(uri)
        return None if folder is None else str(folder)

    @property
    def folders(self) -> list[str]:
        """The workspace folders that are open, or the root where an editor tells that alone."""
        workspace = self._server.workspace
        paths = [to_fs_path(folder) for folder in workspace.folders or [workspace.root_uri] if folder]
        return [path for path in paths if path]

    def _folder_of(self, uri: str) -> PurePath | None:
        file = to_fs_path(uri)
        path = PurePath(file or "")
        inside = [folder for folder in map(PurePath, self.folders) if file and path.is_relative_to(folder)]
        return max(inside, key=lambda folder: len(folder.parts), default=None)


# pygls hands the server to each handler because its first parameter is called `ls`.


def _initialize(ls: PltServer, params: types.InitializeParams) -> None:
    ls.session.documents.encoding = PositionEncoding(ls.workspace.position_encoding or PositionEncoding.UTF16)
    ls.session.initialize(params.initialization_options)
    if completion.is_needed(params.capabilities):
        ls.feature(types.TEXT_DOCUMENT_COMPLETION, completion.OPTIONS)(_completion)
    if registration.is_dynamic(params.capabilities):
        del ls.protocol.fm.feature_options[registration.METHOD]  # it is not announced with the others then
    ls.abilities = abilities_of(params.capabilities, ls.session.client_features)
    ls.refactoring.choose(ls.abilities)
    if not ls.abilities.takes_actions:
        del ls.protocol.fm.feature_options[types.TEXT_DOCUMENT_CODE_ACTION]  # such a client is told no kinds
    if not ls.abilities.registers_rename:
        _begin_renaming(ls)
    delivery = ls.explaining.choose(params.capabilities)
    if delivery is explain.Delivery.HOVER:
        ls.feature(types.TEXT_DOCUMENT_HOVER)(_hover)
    info = params.client_info
    capabilities = ls.protocol._converter.unstructure(params.capabilities, types.ClientCapabilities)
    ls.client = doctor.Client(f"{info.name} {info.version or ''}".strip() if info else "", capabilities)


async def _initialized(ls: PltServer, _: types.InitializedParams) -> None:
    await configuration.pull(ls, ls.session)
    if registration.is_dynamic(ls.client_capabilities):
        ls.registration.begin()
    if loading.is_shown(ls.client_capabilities):
        ls.loading.begin()
    ls.indexing.begin(ls.client_capabilities)
    await ls.explaining.register()
    if ls.abilities.registers_rename:
        _begin_renaming(ls)
        await renaming.register(ls)


def _begin_renaming(ls: PltServer) -> None:
    ls.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)(_prepare_rename)
    ls.feature(types.TEXT_DOCUMENT_RENAME)(_rename)


async def _did_change_configuration(ls: PltServer, params: types.DidChangeConfigurationParams) -> None:
    await configuration.did_change(ls, ls.session, params)


def _did_change_folders(ls: PltServer, _: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.session.indexes.keep_only(ls.editor.folders)


def _did_change_files(ls: PltServer, params: types.DidChangeWatchedFilesParams) -> None:
    indexing.did_change_files(ls.session.indexes, params)


def _did_open(ls: PltServer, params: types.DidOpenTextDocumentParams) -> None:
    text_sync.did_open(ls.session, params)


def _did_change(ls: PltServer, params: types.DidChangeTextDocumentParams) -> None:
    text_sync.did_change(ls.session, params)
    ls.foresight.note_edit(params.text_document.uri)
    ls.refactoring.note_edit(params.text_document.uri)


def _did_close(ls: PltServer, params: types.DidCloseTextDocumentParams) -> None:
    text_sync.did_close(ls.session, params)
    ls.explaining.forget(params.text_document.uri)
    ls.refactoring.note_edit(params.text_document.uri)


def _did_open_notebook(ls: PltServer, params: types.DidOpenNotebookDocumentParams) -> None:
    notebook_sync.did_open(ls.session, params)


def _did_change_notebook(ls: PltServer, params: types.DidChangeNotebookDocumentParams) -> None:
    notebook_sync.did_change(ls.session, params)


def _did_close_notebook(ls: PltServer, params: types.DidCloseNotebookDocumentParams) -> None:
    notebook_sync.did_close(ls.session, params)


async def _inline_completion(ls: PltServer, params: types.InlineCompletionParams) -> types.InlineCompletionList | None:
    request_id = ls.protocol.msg_id
    with logs.request(request_id):
        return await inline_completion.inline_completion(ls.session, params, request_id)


async def _completion(ls: PltServer, params: types.CompletionParams) -> types.CompletionList:
    return await completion.completion(ls.session, params, ls.protocol.msg_id)


async def _status(ls: PltServer, _: object) -> Status:
    return await status.status(ls.session)


def _accepted(ls: PltServer, *arguments: object) -> None:
    accepted.accepted(ls.session, *arguments)


async def _load_model(ls: PltServer, *_: object) -> None:
    await status.load_model(ls.session)


def _did_show(ls: PltServer, params: object) -> None:
    accepted.did_show(ls.session, params)


def _did_partially_accept(ls: PltServer, params: object) -> None:
    accepted.did_partially_accept(ls.session, params)


def _did_dismiss(ls: PltServer, params: object) -> None:
    accepted.did_dismiss(ls.session, params)


def _snooze_for(ls: PltServer, *arguments: object) -> dict[str, str | None]:
    return status.snooze_for(ls.session, *arguments)


async def _show_context(ls: PltServer, *arguments: object) -> dict[str, object]:
    return await context.show_context(ls.session, *arguments)


def _statistics(ls: PltServer, *_: object) -> dict[str, object]:
    return accepted.statistics(ls.session)


async def _explain(ls: PltServer, *arguments: object) -> Explanation:
    return await ls.explaining.explain(*arguments)


async def _explain_in_one_sentence(ls: PltServer, *arguments: object) -> Explanation:
    return await ls.explaining.follow_up(Kind.ONE_SENTENCE, *arguments)


async def _explain_line_by_line(ls: PltServer, *arguments: object) -> Explanation:
    return await ls.explaining.follow_up(Kind.LINE_BY_LINE, *arguments)


async def _explain_what_could_go_wrong(ls: PltServer, *arguments: object) -> Explanation:
    return await ls.explaining.follow_up(Kind.WHAT_COULD_GO_WRONG, *arguments)


def _cancel_explanation(ls: PltServer, *_: object) -> None:
    ls.explaining.cancel()


def _explanation(ls: PltServer, params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
    return ls.explaining.content(params)


def _hover(ls: PltServer, params: types.HoverParams) -> types.Hover | None:
    return ls.explaining.hover(params)


async def _code_actions(ls: PltServer, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    return await ls.refactoring.code_actions(params)


async def _resolve_code_action(ls: PltServer, action: types.CodeAction) -> types.CodeAction:
    return await ls.refactoring.resolve(action)


async def _refactor(ls: PltServer, *arguments: object) -> Refactoring:
    return await ls.refactoring.refactor(*arguments)


def _cancel_refactoring(ls: PltServer, *_: object) -> None:
    ls.refactoring.cancel()


async def _prepare_rename(ls: PltServer, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
    return await renaming.prepare(ls.session, ls.workshop, params)


async def _rename(ls: PltServer, params: types.RenameParams) -> types.WorkspaceEdit:
    return await renaming.rename(ls.workshop, ls.abilities, params)


async def _doctor(ls: PltServer, *_: object) -> dict[str, object]:
    return await doctor.doctor(ls.session, ls.client)


async def _switch_loop_count(ls: PltServer, *arguments: object) -> dict[str, object]:
    return await loops.switch_loop_count(ls.session, *arguments)


def _switch_latency_budget(ls: PltServer, *arguments: object) -> dict[str, object]:
    return loops.switch_latency_budget(ls.session, *arguments)


COMMANDS: Mapping[str, Handler] = {
    accepted.COMMAND: _accepted,
    accepted.STATISTICS_COMMAND: _statistics,
    context.COMMAND: _show_context,
    doctor.COMMAND: _doctor,
    loops.LOOPS_COMMAND: _switch_loop_count,
    loops.BUDGET_COMMAND: _switch_latency_budget,
    explain.COMMAND: _explain,
    explain.CANCEL_COMMAND: _cancel_explanation,
    explain.ONE_SENTENCE_COMMAND: _explain_in_one_sentence,
    explain.LINE_BY_LINE_COMMAND: _explain_line_by_line,
    explain.WHAT_COULD_GO_WRONG_COMMAND: _explain_what_could_go_wrong,
    REFACTOR_COMMAND: _refactor,
    refactoring.CANCEL_COMMAND: _cancel_refactoring,
    status.RETRY_COMMAND: _load_model,
    status.SNOOZE_COMMAND: _snooze_for,
}

FEATURES = (
    Feature(types.INITIALIZE, _initialize),
    Feature(types.INITIALIZED, _initialized),
    Feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION, _did_change_configuration),
    Feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, _did_change_folders),
    Feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, _did_change_files),
    Feature(types.TEXT_DOCUMENT_DID_OPEN, _did_open),
    Feature(types.TEXT_DOCUMENT_DID_CHANGE, _did_change),
    Feature(types.TEXT_DOCUMENT_DID_CLOSE, _did_close),
    Feature(types.NOTEBOOK_DOCUMENT_DID_OPEN, _did_open_notebook),
    Feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE, _did_change_notebook),
    Feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE, _did_close_notebook),
    Feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, _inline_completion, types.InlineCompletionOptions()),
    Feature(accepted.DID_SHOW, _did_show),
    Feature(accepted.DID_PARTIALLY_ACCEPT, _did_partially_accept),
    Feature(DID_DISMISS, _did_dismiss),
    Feature(STATUS, _status),
    Feature(types.WORKSPACE_TEXT_DOCUMENT_CONTENT, _explanation),
    Feature(types.TEXT_DOCUMENT_CODE_ACTION, _code_actions, refactoring.OPTIONS),
    Feature(types.CODE_ACTION_RESOLVE, _resolve_code_action),
)


def serve_stdio(engine_factory: str | None = None) -> int:
    """Serve one client over standard input and output; returns the process's exit code."""
    # What works beside the event loop is not to keep it waiting.
    sys.setswitchinterval(SWITCH_INTERVAL_S)

    async def run() -> int:
        server, transport = PltServer(EngineClient(HostCommand(engine_factory=engine_factory))), StdioTransport()
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, transport.end)
        return await server.serve(transport)

    return asyncio.run(run())

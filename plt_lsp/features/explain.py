"""The commands that explain code, and the ways in which an explanation reaches a client while it grows.

By what the client can do it is a virtual document (LSP 3.18, workspace/textDocumentContent), our own notification, a
hover, or the command's result alone. It does not know what an explanation says.
"""

import asyncio
import itertools
import logging
from enum import Enum, auto

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from plt_lsp.announcer import Announcer
from plt_lsp.convert import metrics_to_json
from plt_lsp.documents import cursor_of
from plt_lsp.explain.explanation import SESSION, Explanation
from plt_lsp.explain.kinds import ASKS, Kind
from plt_lsp.explain.subject import Subject, refusal_of, subject_of
from plt_lsp.features.cancellable_progress import show_until_cancelled
from plt_lsp.features.loading import is_shown as shows_progress
from plt_lsp.json_fields import range_of
from plt_lsp.messages import EXPLANATION_PROGRESS
from plt_lsp.messages import Explanation as ExplanationJson
from plt_lsp.positions import Position
from plt_lsp.protocol import PltProtocol
from plt_lsp.reasons import EmptyReason
from plt_lsp.session import ServerSession

logger = logging.getLogger(__name__)

COMMAND = "plt.explainSelection"
CANCEL_COMMAND = "plt.cancelExplanation"
ONE_SENTENCE_COMMAND = "plt.explainInOneSentence"
LINE_BY_LINE_COMMAND = "plt.explainLineByLine"
WHAT_COULD_GO_WRONG_COMMAND = "plt.explainWhatCouldGoWrong"
SCHEME = "plt-explanation"
REGISTRATION_ID = "plt-explanations"
MAX_KEPT = 16
MAX_HOVER_CHARS = 2_000


class Delivery(Enum):
    """How an explanation reaches the client before its end."""

    DOCUMENT = auto()
    NOTIFICATION = auto()
    HOVER = auto()
    RESULT = auto()


def takes_documents(capabilities: types.ClientCapabilities) -> bool:
    """Whether a client shows documents that a server makes up, and registers that when told to."""
    workspace = capabilities.workspace
    content = None if workspace is None else workspace.text_document_content
    return content is not None and bool(content.dynamic_registration)


class Explaining:
    """The explanations of one server; at most one of them grows."""

    def __init__(self, server: LanguageServer, session: ServerSession) -> None:
        self._server = server
        self._session = session
        self._numbers = itertools.count(1)
        self._kept: dict[str, Explanation] = {}
        self._subject: Subject | None = None
        self._running: asyncio.Task[None] | None = None
        self._shows_progress = False
        self._delivery = Delivery.RESULT

    def choose(self, capabilities: types.ClientCapabilities) -> Delivery:
        """How this client is told of explanations; called once, when it has said what it can do."""
        document = capabilities.text_document
        self._shows_progress = shows_progress(capabilities)
        if takes_documents(capabilities):
            self._delivery = Delivery.DOCUMENT
        elif self._session.client_features.explanation_progress:
            self._delivery = Delivery.NOTIFICATION
        elif document is not None and document.hover is not None:
            self._delivery = Delivery.HOVER
        return self._delivery

    async def register(self) -> None:
        """Tell a client that takes documents that there are some."""
        if self._delivery is not Delivery.DOCUMENT:
            return
        options = types.TextDocumentContentRegistrationOptions(schemes=[SCHEME])
        registration = types.Registration(REGISTRATION_ID, types.WORKSPACE_TEXT_DOCUMENT_CONTENT, options)
        try:
            await self._server.client_register_capability_async(types.RegistrationParams([registration]))
        except Exception as error:  # whatever the client answers, the server goes on
            logger.warning("the client does not take documents: %s", error)
            self._delivery = Delivery.RESULT

    async def explain(self, *arguments: object) -> ExplanationJson:
        """plt.explainSelection: a document's URI, a range in it, and perhaps a kind of explanation.

        Raises:
            ValueError: the arguments are something else, or nothing is explained there, which the message explains.
        """
        uri, start, end = _place(arguments)
        return await self._explain(self._subject_at(uri, start, end), _kind(arguments[2:3]))

    async def follow_up(self, kind: Kind, *arguments: object) -> ExplanationJson:
        """The commands that ask more: of a place, or, without arguments, of what was explained last.

        Raises:
            ValueError: as `explain`, or nothing was explained yet.
        """
        if arguments:
            return await self._explain(self._subject_at(*_place(arguments)), kind)
        if self._subject is None:
            raise ValueError(f"Nothing was explained yet that could be asked about; run {COMMAND} first.")
        reason = refusal_of(self._subject.snapshot)
        if reason is not None:
            raise ValueError(f"Nothing is explained in {self._subject.snapshot.uri}: {reason}.")
        return await self._explain(self._subject, kind)

    def cancel(self) -> None:
        """End the explanation that grows, if one does."""
        if self._running is not None:
            self._running.cancel()

    def forget(self, uri: str) -> None:
        """A document was closed: what the engine has read of it is dropped, and so is what could be asked about it."""
        if self._subject is not None and self._subject.snapshot.uri == uri:
            self._subject = None
            self._session.engine.close_session(SESSION)

    def content(self, params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
        """workspace/textDocumentContent: the explanation so far; of one that is no longer kept, nothing."""
        found = self._kept.get(params.uri)
        return types.TextDocumentContentResult("" if found is None else found.markdown(self._model))

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        """textDocument/hover: the last explanation, at what it explains."""
        last = next(reversed(self._kept.values()), None)
        if last is None or last.subject.snapshot.uri != params.text_document.uri:
            return None
        document = self._session.documents.get(params.text_document.uri)
        is_same = document is not None and document.version == last.subject.snapshot.version
        if not is_same or params.position.line not in last.subject.facts.rows:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, _short(last.markdown(self._model))))

    @property
    def _model(self) -> str:
        info = self._session.engine.info
        return self._session.settings.model if info is None else info.pack

    def _subject_at(self, uri: str, start: Position, end: Position) -> Subject:
        session = self._session
        snapshot = session.snapshot(uri, start)
        reason = snapshot if isinstance(snapshot, EmptyReason) else refusal_of(snapshot)
        if isinstance(snapshot, EmptyReason) or reason is not None:
            raise ValueError(f"Nothing is explained in {uri}: {reason}.")
        folder = session.indexes.of(session.editor.folder_of(uri))
        last = max(snapshot.cursor, cursor_of(snapshot.lines, end, session.documents.encoding))
        reader = None if folder is None else folder.reader
        return subject_of(snapshot, session.tree_of(snapshot), snapshot.cursor, last, reader)

    async def _explain(self, subject: Subject, kind: Kind) -> ExplanationJson:
        self.cancel()
        self._subject = subject
        explanation = Explanation(next(self._numbers), subject, kind)
        uri = f"{SCHEME}:/{explanation.number}/{kind.value}.md"
        self._kept[uri] = explanation
        for old in list(self._kept)[:-MAX_KEPT]:
            del self._kept[old]
        task = self._running = asyncio.create_task(self._run(explanation, uri))
        if self._delivery is Delivery.DOCUMENT:
            return self._to_json(explanation, uri)
        protocol = self._server.protocol
        assert isinstance(protocol, PltProtocol)
        protocol.when_cancelled(lambda: _end(task))
        await asyncio.wait([task])
        return self._to_json(explanation, None)

    async def _run(self, explanation: Explanation, uri: str) -> None:
        announcer = Announcer(lambda: self._tell(explanation, uri))
        progress = asyncio.create_task(self._show_progress(explanation))
        try:
            settings = explanation.subject.snapshot.settings
            session = self._session
            announcer.note_change()
            await explanation.run(session.engine, lambda: session.engine_config(settings), announcer.note_change)
        except asyncio.CancelledError:
            logger.info("explanation %s was cancelled", explanation.number)
        finally:
            progress.cancel()
            self._session.note_decision(explanation.subject.snapshot.language_id, explanation.decision)
            await announcer.close()
            self._session.counts[f"explanation.{explanation.outcome}"] += 1
            await self._tell(explanation, uri)

    async def _tell(self, explanation: Explanation, uri: str) -> None:
        if self._delivery is Delivery.DOCUMENT:
            params = types.TextDocumentContentRefreshParams(uri=uri)
            self._server.workspace_text_document_content_refresh(params)
        elif self._delivery is Delivery.NOTIFICATION:
            told = self._to_json(explanation, None)
            names = ("id", "uri", "kind", "text", "done", "cancelled")
            self._session.editor.notify(EXPLANATION_PROGRESS, {name: told[name] for name in names})  # type: ignore[literal-required]

    async def _show_progress(self, explanation: Explanation) -> None:
        """Work-done progress with a button that cancels; it ends with this task."""
        running = self._running
        if self._shows_progress and running is not None:
            title = f"Explaining: {ASKS[explanation.kind].title.lower()}"
            token = f"plt-explanation-{explanation.number}"
            await show_until_cancelled(self._server, token, title, lambda: _end(running))

    def _to_json(self, explanation: Explanation, document: str | None) -> ExplanationJson:
        return {
            "id": explanation.number,
            "uri": explanation.subject.snapshot.uri,
            "kind": explanation.kind.value,
            "document": document,
            "text": explanation.markdown(self._model),
            "done": explanation.is_over,
            "cancelled": explanation.outcome == "cancelled",
            "outcome": explanation.outcome,
            "model": self._model,
            "metrics": None if explanation.metrics is None else dict(metrics_to_json(explanation.metrics)),
        }


def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()


def _short(text: str) -> str:
    """As many whole lines as a hover has room for."""
    if len(text) <= MAX_HOVER_CHARS:
        return text
    kept = text[:MAX_HOVER_CHARS].rpartition("\n")[0]
    if (kept.count("```") % 2) == 1:
        kept = kept.rpartition("```")[0].rstrip("> \n")
    return f"{kept}\n\n..."


def _place(arguments: tuple[object, ...]) -> tuple[str, Position, Position]:
    uri, place = (*arguments, None, None)[:2]
    found = range_of(place)
    if not isinstance(uri, str) or found is None:
        raise ValueError(f"{COMMAND} takes a document's URI and a range in it, not {list(arguments)!r}.")
    return uri, *found


def _kind(arguments: tuple[object, ...]) -> Kind:
    if not arguments or arguments[0] is None:
        return Kind.EXPLAIN
    try:
        return Kind(str(arguments[0]))
    except ValueError:
        known = ", ".join(Kind)
        raise ValueError(f"{arguments[0]!r} is no kind of explanation; there are {known}.") from None

"""The server's state for one editor: documents, settings, the engine's client, and what was said and counted.

It does not know lsprotocol's types or pygls; it speaks to the editor through the `Editor` it is given.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from plt_engine.errors import PackNotFoundError
from plt_engine.pack import data_dir, find_pack
from plt_engine.relatives import pack_fingerprint
from plt_engine.types import Decision
from plt_engine.wire import EngineConfig, OptionValue
from plt_lsp.activity import Activity
from plt_lsp.completion_cache import CompletionCache
from plt_lsp.condition import NEEDS_THE_USER, Condition, Facts, Failure, condition_of
from plt_lsp.context.prompt import fits_whole
from plt_lsp.decisions import described
from plt_lsp.dismissals import Dismissals
from plt_lsp.documents import Change, Document, DocumentStore, SyncReason, cursor_of
from plt_lsp.engine_client import EngineClient, monotonic_ms
from plt_lsp.gathering import Gathering
from plt_lsp.generation import Generation
from plt_lsp.index.folders import WorkspaceIndexes
from plt_lsp.newest_wins import NewestWins
from plt_lsp.notebooks import NotebookStore
from plt_lsp.positions import Cursor, Position
from plt_lsp.reasons import OF_THE_FILE, EmptyReason
from plt_lsp.settings import Device, Settings
from plt_lsp.settings_parser import ClientFeatures, Severity, parse_client_features, parse_settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.snooze import Snooze, Timer
from plt_lsp.statistics import FILE as STATISTICS_FILE
from plt_lsp.statistics import Statistics
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.syntax.tree_cache import TreeCache
from plt_lsp.usage import Usage
from plt_lsp.workspace_reader import WorkspaceReader

logger = logging.getLogger(__name__)

# How much the newest answer counts in the mean latency.
LATENCY_WEIGHT = 0.3


class Editor(Protocol):
    """What the session asks of the editor's side of the connection."""

    def show_warning(self, message: str) -> None:
        """Show a message to the user."""

    def notify(self, method: str, params: object) -> None:
        """Send a notification of the project's own."""

    def relative_path(self, uri: str) -> str | None:
        """A document's path relative to its workspace folder, or its file name, or None where it is no file."""

    def folder_of(self, uri: str) -> str | None:
        """The path of the workspace folder that a document is in, or None where it is in none."""


class Cancellable(Protocol):
    """Something that goes on until it is ended."""

    def cancel(self) -> None:
        """End it; once is enough."""


class ServerSession:
    """Everything that lasts longer than one request."""

    def __init__(self, editor: Editor, engine: EngineClient) -> None:
        self.editor = editor
        self.engine = engine
        self.documents = DocumentStore()
        self.notebooks = NotebookStore()
        self.settings = Settings()
        self.client_features = ClientFeatures()
        self.running = NewestWins()
        self.counts: Counter[str] = Counter()
        self.usage = Usage(Statistics(data_dir() / STATISTICS_FILE), self.counts, self._lines_of, _call_later)
        self.cache = CompletionCache[Generation]()
        self.trees = TreeCache()
        self.frames = FrameCache()
        self.snooze = Snooze(self.note_change, _call_later)
        self.dismissals = Dismissals()
        self.indexes = WorkspaceIndexes()
        self.others = Gathering(self.documents, editor, self.counts, WorkspaceReader())
        self.latency_ms: float | None = None
        self.decision: Decision | None = None
        self._streams: dict[str, Cancellable] = {}
        self._activities: dict[str, Activity] = {}
        self._initial: object = None
        self._failure: Failure | None = None
        self._failed_config: EngineConfig | None = None
        self._refusal: EmptyReason | None = None
        self._warned: set[EmptyReason] = set()
        self._problems: frozenset[str] = frozenset()
        self._watchers: list[Callable[[], None]] = []
        engine.watch(self.note_change)

    def initialize(self, options: object) -> None:
        """Take the client's initialization options; problems are told once the client can be told."""
        self._initial = options
        self.client_features = parse_client_features(options)
        self.settings, _ = parse_settings(options)
        self._apply()

    def configure(self, configuration: object) -> None:
        """Take the editor's configuration of the section `plt`, or None for none, and tell what is wrong with it."""
        self.settings, problems = parse_settings(self._initial, configuration)
        self._failure, self._failed_config = self._missing_model(), None
        self.note_change()
        self._apply()
        logging.getLogger("plt_lsp").setLevel(self.settings.log_level.upper())
        for problem in problems:
            logger.warning("%s", problem.message)
        messages = [problem.message for problem in problems if problem.severity is Severity.ERROR]
        if messages and frozenset(messages) != self._problems:
            self.editor.show_warning("\n".join(messages))
        self._problems = frozenset(messages)

    def snapshot(self, uri: str, position: Position) -> Snapshot | EmptyReason:
        """The document and cursor as they are now, or why there can be none."""
        document = self.documents.get(uri)
        if document is None:
            return EmptyReason.NOT_OPEN
        return self.snapshot_at(document, cursor_of(document.lines, position, self.documents.encoding))

    def snapshot_at(self, document: Document, cursor: Cursor) -> Snapshot | EmptyReason:
        """A document as it is now with the cursor at a place in it, or why there can be none."""
        if not document.is_in_sync:
            return EmptyReason.OUT_OF_SYNC
        uri, deletion = document.uri, document.deletion
        around = self.notebooks.neighbours(uri)
        return Snapshot(
            uri=uri,
            version=document.version,
            language_id=document.language_id,
            session_id=document.session_id,
            path=self.editor.relative_path(self.notebooks.notebook_of(uri) or uri),
            lines=tuple(document.lines),
            num_chars=document.num_chars,
            cursor=cursor,
            settings=self.settings,
            lines_before=self._lines_of_cells(around.before, is_before=True),
            lines_after=self._lines_of_cells(around.after, is_before=False),
            deleted=deletion.text if deletion is not None and deletion.at == cursor else "",
            dismissed=self.dismissals.of(uri),
        )

    def _lines_of_cells(self, uris: Sequence[str], *, is_before: bool) -> tuple[str, ...]:
        """The texts of a notebook's cells as one piece of code, an empty line between each two."""
        lines: list[str] = []
        for cell in filter(None, map(self.documents.get, uris)):
            text = [*cell.lines[:-1], cell.lines[-1] + "\n"]
            lines += [*text, "\n"] if is_before else ["\n", *text]
        return tuple(lines) if is_before or not lines else ("\n", *lines)

    def tree_of(self, snapshot: Snapshot) -> SyntaxTree | None:
        """The syntax tree of a snapshot, made from the document's last one; None where it can have none."""
        tree = self.trees.tree_of(snapshot.session_id, snapshot.language_id, snapshot.lines)
        return tree if isinstance(tree, SyntaxTree) else None

    def outline_of(self, snapshot: Snapshot) -> Outline | None:
        """The outline of what stands around the cursor's line; None where it can have none or all is shown anyway."""
        if fits_whole(snapshot):
            return None
        row, language_id = snapshot.cursor.line, snapshot.language_id
        return self.frames.outline_of(
            snapshot.session_id, language_id, snapshot.lines, row, lambda: self.tree_of(snapshot)
        )

    def stream(self, uri: str, stream: Cancellable | None) -> None:
        """What is told of a document's growing text from now on; what was told before ends."""
        old = self._streams.pop(uri, None)
        if old is not None:
            old.cancel()
        if stream is not None:
            self._streams[uri] = stream

    def activity(self, uri: str) -> Activity:
        """What the user has lately done to a document."""
        return self._activities.get(uri, Activity())

    def note_open(self, document: Document) -> None:
        """A document was opened; the index of its workspace folder begins with the first one."""
        self._activities[document.uri] = Activity(states=(document.fingerprint,))
        self.others.note_open(document)
        self.indexes.open(self.editor.folder_of(document.uri))

    def note_edit(self, document: Document, changes: Sequence[Change]) -> None:
        """A document was changed; generations that the new text does not follow are stopped."""
        activity = self.activity(document.uri)
        self._activities[document.uri] = activity.after(changes, document.fingerprint, monotonic_ms())
        self.cache.follow(document.session_id, tuple(document.lines))
        self.others.note_edit(document, document.shifts)
        self.stream(document.uri, None)

    def dismiss(self, uri: str) -> None:
        """The user has dismissed what is offered for a document: it is neither kept nor offered again."""
        offers, document = self.usage.dismissed(uri), self.documents.get(uri)
        self.stream(uri, None)
        if document is not None:
            self.dismissals.add(uri, document.lines, offers)
            self.cache.forget(document.session_id)

    def note_close(self, document: Document) -> None:
        """A document was closed: nothing of it is kept, here or in the engine."""
        self.dismissals.forget(document.uri)
        self.others.note_close(document)
        self._activities.pop(document.uri, None)
        self.stream(document.uri, None)
        self.cache.forget(document.session_id)
        self.trees.forget(document.session_id)
        self.frames.forget(document.session_id)
        self.engine.close_session(document.session_id)

    def note_decision(self, language_id: str, decision: Decision | None) -> None:
        """A text that somebody asked for is whole: what was chosen for it, and what came of it."""
        if decision is not None:
            self.decision = decision
            self.usage.decided(language_id, decision)
            logger.info("decision: %s", described(decision))
            self.note_change()

    def note_latency(self, elapsed_ms: float) -> None:
        """So long the engine needed for the first text of an answer."""
        old = self.latency_ms
        self.latency_ms = elapsed_ms if old is None else old + LATENCY_WEIGHT * (elapsed_ms - old)

    def note_sync(self, uri: str, reason: SyncReason | None) -> None:
        """Log and count what was unusual about a change; editors that leave out versions are not worth a warning."""
        if reason is None:
            return
        self.counts[f"sync.{reason}"] += 1
        level = logging.DEBUG if reason is SyncReason.JUMPED_VERSION else logging.WARNING
        logger.log(level, "text sync of %s: %s", uri, reason)

    def engine_config(self, settings: Settings) -> EngineConfig:
        """Which pack to serve and how; raises PackNotFoundError, whose message names the command that mends it."""
        try:
            folder = find_pack(settings.model)
        except PackNotFoundError:
            raise
        except OSError as error:
            raise PackNotFoundError(f"The model pack {settings.model!r} cannot be looked at: {error}") from None
        options: dict[str, OptionValue] = {"max_context_tokens": settings.engine.max_context_tokens}
        if settings.engine.device is not Device.AUTO:
            options["device"] = settings.engine.device.value
        if settings.engine.max_memory_mb is not None:
            options["memory_bytes"] = settings.engine.max_memory_mb * 1_000_000
        if settings.engine.threads is not None:
            options["num_threads"] = settings.engine.threads
        return EngineConfig(str(Path(folder).absolute()), options, pack_fingerprint(folder))

    def config_if_any(self) -> EngineConfig | None:
        """What `engine_config` says, or None where there is no pack."""
        try:
            return self.engine_config(self.settings)
        except PackNotFoundError:
            return None

    @property
    def condition(self) -> Condition:
        """What to tell the user of the server's state."""
        return condition_of(
            Facts(
                is_enabled=self.settings.enable,
                model=self.settings.model,
                engine=self.engine.state,
                num_running=len(self.running),
                failure=self._failure,
                snoozed_until=self.snooze.until,
                refusal=self._refusal,
            )
        )

    def watch(self, on_change: Callable[[], None]) -> None:
        """Have a function called whenever `condition` may have changed."""
        self._watchers.append(on_change)

    def note_change(self) -> None:
        """The condition may have changed."""
        for on_change in self._watchers:
            on_change()

    def note_refusal(self, reason: EmptyReason | None) -> None:
        """Why the settings wanted nothing at the place of the last request, or None where they did not mind."""
        refusal = reason if reason in OF_THE_FILE else None
        if refusal != self._refusal:
            self._refusal = refusal
            self.note_change()

    def note_failure(self, reason: EmptyReason, message: str) -> None:
        """Requests fail for a reason, which the user is shown once until one succeeds."""
        logger.warning("%s", message)
        self._failure = Failure(reason, message)
        self._failed_config = self.config_if_any()
        self.note_change()
        if reason not in self._warned:
            self._warned.add(reason)
            self.editor.show_warning(message)

    def note_success(self) -> None:
        """The engine has answered: what stood in its way is over, and news if it comes again."""
        self._failure = None
        self._warned.clear()
        self.note_change()

    @property
    def can_answer(self) -> bool:
        """Whether a request would be answered, as far as is known: it may, unless the user has to mend something."""
        return self.settings.enable and (self._failure is None or self._failure.reason not in NEEDS_THE_USER)

    def look_for_model(self) -> None:
        """See whether the user has mended what keeps the model from answering."""
        config = self.config_if_any()
        if config is not None and config != self._failed_config:
            self.note_success()

    def _missing_model(self) -> Failure | None:
        """Whether the first request is going to fail; nothing is started to find that out."""
        try:
            self.engine_config(self.settings)
        except PackNotFoundError as error:
            return Failure(EmptyReason.NO_PACK, str(error))
        return None

    def _apply(self) -> None:
        """Hand the settings to what does not read them with each request."""
        self.engine.shares = self.settings.engine.share
        self.usage.is_enabled = self.settings.statistics
        self.indexes.configure(self.settings)

    def _lines_of(self, uri: str) -> list[str] | None:
        document = self.documents.get(uri)
        return None if document is None else document.lines

    async def close(self) -> None:
        """End the indexes and the engine process, or leave the shared one, and write down what was counted."""
        self.usage.save()
        self.others.close()
        await asyncio.gather(self.engine.close(), self.indexes.close())


def _call_later(seconds: float, function: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, function)

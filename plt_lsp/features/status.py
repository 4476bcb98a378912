"""plt/status and plt/didChangeStatus: what the server is doing and has counted, asked for and told.

It starts nothing, except by the command with which the user has the model loaded again.
"""

from collections.abc import Mapping
from dataclasses import asdict

from plt_engine.errors import EngineError
from plt_engine.types import EngineInfo
from plt_engine.wire import Stats
from plt_lsp import __version__
from plt_lsp.announcer import Announcer
from plt_lsp.budgets import budgets, loops_asked
from plt_lsp.completer import explain
from plt_lsp.condition import Condition, Remedy
from plt_lsp.decisions import decision_to_json, latency_to_json
from plt_lsp.engine_client import EngineState
from plt_lsp.index.client import FolderIndex
from plt_lsp.messages import DID_CHANGE_STATUS, CommandJson, EngineJson, IndexJson, Status
from plt_lsp.session import ServerSession
from plt_lsp.settings import Loops, camel_case

RETRY_COMMAND = "plt.loadModel"
SNOOZE_COMMAND = "plt.snoozeFor"
COMMANDS: Mapping[Remedy, CommandJson] = {
    Remedy.LOAD_MODEL: {"title": "Load the model", "command": RETRY_COMMAND},
    Remedy.END_SNOOZE: {"title": "End the snooze", "command": SNOOZE_COMMAND, "arguments": [0]},
}


async def status(session: ServerSession) -> Status:
    """plt/status: the state at the end of the request, which asks the engine process for its figures."""
    stats = await _stats(session)
    return _status(session, session.condition, stats)


class StatusTeller:
    """Sends plt/didChangeStatus to a client that announced it, whenever there is something new to tell."""

    def __init__(self, session: ServerSession) -> None:
        self._session = session
        self._announcer = Announcer(self._tell)
        self._told: tuple[object, ...] | None = None
        session.watch(self.note_change)

    def note_change(self) -> None:
        """Tell the client soon, where it wants to be told."""
        if self._session.client_features.status_notifications:
            self._announcer.note_change()

    async def close(self) -> None:
        """Tell nothing more."""
        await self._announcer.close()

    async def _tell(self) -> None:
        session = self._session
        is_answering = session.engine.state is EngineState.READY
        stats = await _stats(session) if is_answering else None
        settings, loops = session.settings, session.decision and session.decision.loops
        chosen = (settings.model, settings.loops, loops, *budgets(settings).values())
        news = (session.condition, session.engine.pid, session.engine.info, *chosen)
        if news != self._told:
            self._told = news
            session.editor.notify(DID_CHANGE_STATUS, _status(session, session.condition, stats))


async def load_model(session: ServerSession) -> None:
    """The command that helps where requests fail: load the model now; how that went the status tells."""
    try:
        await session.engine.load(session.engine_config(session.settings))
    except EngineError as error:
        explain(session, error)
    else:
        session.note_success()


def snooze_for(session: ServerSession, *arguments: object) -> dict[str, str | None]:
    """The command that pauses what comes while typing: for so many minutes, or, with 0, no longer.

    Raises:
        ValueError: the argument is no number of minutes.
    """
    minutes = arguments[0] if arguments else None
    if isinstance(minutes, bool) or not isinstance(minutes, int | float):
        raise ValueError(f"{SNOOZE_COMMAND} takes a number of minutes, not {minutes!r}; 0 ends the snooze.")
    session.snooze.start(minutes)
    return {"until": session.snooze.until}


async def _stats(session: ServerSession) -> Stats | None:
    try:
        return await session.engine.stats()
    except EngineError:
        return None


def _status(session: ServerSession, condition: Condition, stats: Stats | None) -> Status:
    found: Status = {
        "kind": condition.kind.value,
        "message": condition.message,
        "version": __version__,
        "model": session.settings.model,
        "numDocuments": len(session.documents),
        "counts": dict(session.counts),
        "engine": _engine(session, stats),
        "indexes": [_index(index) for index in session.indexes.all],
        "loops": loops if (loops := loops_asked(session.settings)) is not None else Loops.AUTO.value,
        "budgetsMs": {kind.value: ms for kind, ms in budgets(session.settings).items()},
        "decision": decision_to_json(session.decision) if session.decision is not None else None,
        "latencies": [latency_to_json(one) for one in stats.latencies] if stats is not None else [],
    }
    if condition.reason is not None:
        found["reason"] = condition.reason
    if condition.remedy is not None:
        found["command"] = COMMANDS[condition.remedy]
    return found


def _engine(session: ServerSession, stats: Stats | None) -> EngineJson | None:
    if session.engine.pid is None:
        return None
    return {
        "pid": stats.pid if stats else session.engine.pid,
        "numStarts": session.engine.num_starts,
        "uptimeMs": stats.uptime_ms if stats else None,
        "maxRssBytes": stats.max_rss_bytes if stats else None,
        "numQueued": stats.num_queued if stats else None,
        "numFinished": stats.num_finished if stats else None,
        "numFailed": stats.num_failed if stats else None,
        "info": _info(stats.info) if stats else None,
    }


def _index(index: FolderIndex) -> IndexJson:
    report = index.report
    return {
        "folder": str(index.root),
        "state": report.state.value,
        "pid": index.pid,
        "numFiles": report.num_files or index.reader.num_files(),
        "numDone": report.num_done,
        "numTotal": report.num_total,
        "watching": report.is_watching,
        "truncated": report.is_truncated,
        "maxRssBytes": report.max_rss_bytes,
    }


def _info(info: EngineInfo | None) -> dict[str, object] | None:
    return None if info is None else {camel_case(name): value for name, value in asdict(info).items()}

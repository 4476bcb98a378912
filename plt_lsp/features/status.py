"""plt/status, a request of the project's own: what the server is doing and has counted.

It starts nothing: where no engine runs, it says so.
"""

from collections.abc import Mapping
from dataclasses import asdict

from plt_engine.errors import EngineError
from plt_engine.types import EngineInfo
from plt_lsp import __version__
from plt_lsp.session import ServerSession
from plt_lsp.settings import camel_case

METHOD = "plt/status"


async def status(session: ServerSession) -> Mapping[str, object]:
    """The server's state as JSON."""
    return {
        "version": __version__,
        "model": session.settings.model,
        "numDocuments": len(session.documents),
        "counts": dict(session.counts),
        "engine": await _engine(session),
    }


async def _engine(session: ServerSession) -> Mapping[str, object] | None:
    try:
        stats = await session.engine.stats()
    except EngineError:
        stats = None
    if stats is None:
        return None
    return {
        "pid": stats.pid,
        "numStarts": session.engine.num_starts,
        "uptimeMs": stats.uptime_ms,
        "maxRssBytes": stats.max_rss_bytes,
        "numQueued": stats.num_queued,
        "numFinished": stats.num_finished,
        "numFailed": stats.num_failed,
        "info": _info(stats.info),
    }


def _info(info: EngineInfo | None) -> Mapping[str, object] | None:
    return None if info is None else {camel_case(name): value for name, value in asdict(info).items()}

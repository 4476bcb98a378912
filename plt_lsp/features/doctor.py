"""The command `plt.doctor`: what the server knows of its client, its settings, its engine and its last faults.

It runs nothing; `plt-lsp doctor` looks at the rest of the machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from plt_engine.errors import EngineError
from plt_lsp import __version__
from plt_lsp.check import Check, State
from plt_lsp.doctor import check_log
from plt_lsp.index.client import FolderIndex
from plt_lsp.index.messages import IndexState
from plt_lsp.session import ServerSession

COMMAND = "plt.doctor"
WANTED = (
    ("textDocument.inlineCompletion", "ghost text comes from this server's own extension, plugin or completion menu"),
    ("workspace.configuration", "settings come from the initialization options alone"),
    ("window.workDoneProgress", "the loading of a model is not shown"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """What the client said of itself when it connected: a name, and its capabilities as JSON."""

    name: str = ""
    capabilities: Mapping[str, object] = field(default_factory=dict)


async def doctor(session: ServerSession, client: Client) -> dict[str, object]:
    """The checks as data, and as the text that editors show."""
    checks = [*_client(client, session), *await _engine(session), *_indexes(session), *_counts(session), *check_log()]
    is_well = not any(check.state is State.FAILED for check in checks)
    text = "".join(f"{check.state:<8}{check.section:<9}{check.name}: {check.detail}\n" for check in checks)
    return {"ok": is_well, "checks": [asdict(check) for check in checks], "text": text}


def _client(client: Client, session: ServerSession) -> Iterator[Check]:
    yield Check("server", "plt-lsp", State.OK, __version__)
    yield Check("client", "name", State.OK, client.name or "it does not say")
    yield Check("client", "encoding", State.OK, f"positions count {session.documents.encoding.value}")
    for path, otherwise in WANTED:
        is_there = _has(client.capabilities, path)
        yield Check("client", path, State.OK if is_there else State.NOTE, "announced" if is_there else otherwise)
    own = [name for name, value in asdict(session.client_features).items() if value is True]
    yield Check("client", "own messages", State.NOTE, ", ".join(own) or "none asked for")


async def _engine(session: ServerSession) -> list[Check]:
    condition = session.condition
    state = State.FAILED if condition.kind == "Error" else State.OK if condition.kind == "Normal" else State.NOTE
    checks = [Check("engine", "state", state, f"{condition.kind}: {condition.message}")]
    try:
        stats = await session.engine.stats()
    except EngineError as error:
        return [*checks, Check("engine", "process", State.FAILED, str(error))]
    if stats is None:
        return [*checks, Check("engine", "process", State.NOTE, "none runs; the first request starts one")]
    shared = "shared with other windows" if session.engine.is_shared else "this window's own"
    detail = f"{stats.pid}, {shared}, up {stats.uptime_ms / 1e3:.0f} s, {stats.max_rss_bytes / 1e6:.0f} MB at most"
    checks.append(Check("engine", "process", State.OK, detail, asdict(stats)))
    return checks


def _indexes(session: ServerSession) -> Iterator[Check]:
    if not session.settings.index.enable:
        yield Check("index", "state", State.NOTE, "switched off by plt.index.enable")
    elif not session.indexes.all:
        yield Check("index", "state", State.NOTE, "none runs; the first file opened in a workspace folder starts one")
    for index in session.indexes.all:
        yield Check("index", str(index.root), *_index(index))


def _index(index: FolderIndex) -> tuple[State, str]:
    report, num_files = index.report, index.reader.num_files()
    if report.state is IndexState.FAILED:
        return State.FAILED, f"its process ended again and again, see the log; it holds {num_files} files"
    parts = [report.state.value, f"{num_files} files"]
    if report.num_total > report.num_done:
        parts.append(f"{report.num_done} of {report.num_total} read")
    if report.state is IndexState.READY and not report.is_watching:
        parts.append("changes are looked for every few minutes and told by the editor, since the system tells not all")
    if report.is_truncated:
        parts.append("more files than plt.index.maxFiles allows are left out")
    parts.append(f"process {index.pid}, {report.max_rss_bytes / 1e6:.0f} MB at most")
    return State.NOTE if report.is_truncated else State.OK, ", ".join(parts)


def _counts(session: ServerSession) -> Iterator[Check]:
    for name, number in sorted(session.counts.items()):
        yield Check("counts", name, State.NOTE, str(number))


def _has(announced: object, path: str) -> bool:
    for name in path.split("."):
        announced = announced.get(name) if isinstance(announced, dict) else None
    return announced not in (None, False)

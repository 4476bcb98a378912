"""The server's side of one index: its process, kept running, and what that has reported last.

It never raises into a request. It does not know which folders the editor has open.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from plt_engine.errors import HostError
from plt_engine.framing import FrameDecoder
from plt_lsp.engine_client import monotonic_ms
from plt_lsp.engine_transport import READ_BYTES, ChildTransport
from plt_lsp.index.belonging import Rules
from plt_lsp.index.messages import (
    MAX_MEMORY_MB,
    NICENESS,
    Begin,
    Changed,
    IndexState,
    Order,
    Report,
    decode_report,
    encode_order,
)
from plt_lsp.index.places import database_of
from plt_lsp.index.reader import IndexReader
from plt_lsp.restart import RestartPolicy, RestartState

logger = logging.getLogger(__name__)

# After so many deaths in a row something is wrong that another start does not mend.
MAX_DEATHS = 4
CLOSE_S = 1.0


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How an index is kept.

    Attributes:
        rules: what belongs into it.
        max_memory_mb: of its process; counts from its next start.
        niceness: of its process, likewise.
    """

    rules: Rules = field(default_factory=Rules)
    max_memory_mb: int = MAX_MEMORY_MB
    niceness: int = NICENESS


class FolderIndex:
    """The index of one workspace folder; belongs to a running event loop, from `start` to `close`.

    Args:
        root: the folder.
        options: how it is kept.
        on_change: called whenever `report` has changed.
        policy: when its process is started again after its death.
    """

    def __init__(
        self,
        root: Path,
        options: IndexOptions,
        on_change: Callable[[], None],
        policy: RestartPolicy | None = None,
    ) -> None:
        self.root = root.resolve()
        self.report = Report(IndexState.STARTING)
        self.reader = IndexReader(database_of(self.root))
        self.pid: int | None = None
        self._options = options
        self._on_change = on_change
        self._policy = policy or RestartPolicy()
        self._transport: ChildTransport | None = None
        self._running: asyncio.Task[None] | None = None
        self._is_closing = False

    def start(self) -> None:
        """Have the index kept from now on."""
        self._running = asyncio.create_task(self._keep_running())

    def configure(self, options: IndexOptions) -> None:
        """Keep it by other rules."""
        if options != self._options:
            self._options = options
            self._send(self._begin())

    def note_changed(self, paths: Iterable[str]) -> None:
        """The editor has seen files change, by their paths relative to the folder."""
        self._send(Changed(tuple(paths)))

    async def close(self) -> None:
        """End the process; what it has written stays."""
        self._is_closing = True
        self.reader.close()
        if self._running is None:
            return
        if self._transport is not None:
            self._transport.writer.close()
            await asyncio.wait([self._running], timeout=CLOSE_S)
        self._running.cancel()
        await asyncio.wait([self._running])

    async def _keep_running(self) -> None:
        state = RestartState()
        while not self._is_closing:
            state = state.started(monotonic_ms())
            fate = await self._run_once()
            if self._is_closing:
                return
            state = state.died(monotonic_ms(), self._policy)
            logger.warning("the index's process for %s %s", self.root, fate)
            is_last = state.num_deaths >= MAX_DEATHS
            self._tell(Report(IndexState.FAILED if is_last else IndexState.STARTING))
            if is_last:
                return
            await asyncio.sleep(state.wait_ms(monotonic_ms(), self._policy) / 1e3)

    async def _run_once(self) -> str:
        """Start the process and read what it reports; returns how it ended."""
        try:
            transport = await ChildTransport.start(self._words(), "index's process")
        except HostError as error:
            return f"does not start: {error}"
        self._transport, self.pid = transport, transport.pid
        try:
            self._send(self._begin())
            await self._read_reports(transport)
            return await transport.fate()
        except asyncio.CancelledError:
            transport.end()
            raise
        finally:
            self._transport = self.pid = None

    async def _read_reports(self, transport: ChildTransport) -> None:
        decoder = FrameDecoder()
        try:
            while data := await transport.reader.read(READ_BYTES):
                for body in decoder.feed(data):
                    self._tell(decode_report(body))
        except (HostError, ConnectionError) as error:
            logger.warning("the index's process for %s is not understood: %s", self.root, error)
            transport.end()

    def _tell(self, report: Report) -> None:
        if report != self.report:
            self.report = report
            self._on_change()

    def _begin(self) -> Begin:
        return Begin(str(self.root), str(database_of(self.root).absolute()), self._options.rules)

    def _send(self, order: Order) -> None:
        """Write an order; one that the process cannot take any more is dropped, the next one looks at every file."""
        if self._transport is not None and not self._transport.writer.is_closing():
            self._transport.writer.write(encode_order(order))

    def _words(self) -> tuple[str, ...]:
        """The command line; -P keeps the user's project out of the places that modules come from."""
        process = (sys.executable, "-P", "-m", "plt_lsp.index.worker", "--parent-pid", str(os.getpid()))
        limits = ("--max-memory-mb", str(self._options.max_memory_mb), "--niceness", str(self._options.niceness))
        return (*process, *limits)

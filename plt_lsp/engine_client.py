"""The server's way to the engine: it finds or starts an engine process when it is first needed, and when one has died.

A process may be shared with the user's other windows; then it serves one model and set of options. The client knows
neither documents nor the language server protocol, and a process's death never reaches a caller as anything but one
HostError for each running request.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Callable
from enum import StrEnum

from plt_engine import errors
from plt_engine.errors import EngineError, HostError
from plt_engine.types import EngineInfo, GenerationChunk, GenerationOutput, GenerationRequest
from plt_engine.wire import (
    Abort,
    Aborted,
    Chunk,
    ClientMessage,
    CloseSession,
    EngineConfig,
    Failed,
    Generate,
    GetStats,
    HostMessage,
    Load,
    Loaded,
    LoadProgress,
    Output,
    Ping,
    Pong,
    Stats,
)
from plt_lsp.engine_process import AnswerQueue, EngineProcess, HostCommand
from plt_lsp.engine_transport import ChildTransport, Transport
from plt_lsp.host_finder import SharingUnavailableError, find_host, host_name
from plt_lsp.restart import RestartPolicy, RestartState

logger = logging.getLogger(__name__)


class EngineState(StrEnum):
    """What the engine is doing."""

    OFF = "off"  # nothing is loaded, and nothing went wrong
    LOADING = "loading"  # a process is being started, or a pack loaded
    READY = "ready"
    DIED = "died"  # the last process ended by itself


def _ignore() -> None:
    """For clients that nobody watches."""


def monotonic_ms() -> float:
    """The clock of this process in milliseconds."""
    return time.monotonic() * 1e3


class EngineClient:
    """Requests to the engine; every method belongs to one event loop.

    Attributes:
        shares: whether the next process that is needed may be one that other windows use.
    """

    def __init__(
        self,
        command: HostCommand | None = None,
        policy: RestartPolicy | None = None,
        now_ms: Callable[[], float] = monotonic_ms,
        *,
        shares: bool = False,
    ) -> None:
        self.shares = shares
        self._command = command or HostCommand()
        self._policy = policy or RestartPolicy()
        self._now_ms = now_ms
        self._restarts = RestartState()
        self._process: EngineProcess | None = None
        self._starting: asyncio.Task[EngineProcess] | None = None
        self._host: str | None = None
        self._ids = itertools.count(1)
        self._info: EngineInfo | None = None
        self._num_starts = 0
        self._is_loading = False
        self._on_change: Callable[[], None] = _ignore

    @property
    def info(self) -> EngineInfo | None:
        """What the loaded engine last said of itself, or None while none is loaded."""
        return self._info

    @property
    def pid(self) -> int | None:
        """The process id of the running engine process, or None."""
        return self._process.pid if self._process is not None and self._process.is_running else None

    @property
    def state(self) -> EngineState:
        """What the engine is doing, as far as is known without asking it."""
        if self._is_loading:
            return EngineState.LOADING
        if self._process is not None and self._process.is_running:
            return EngineState.READY if self._info is not None else EngineState.OFF
        return EngineState.DIED if self._restarts.num_deaths else EngineState.OFF

    def watch(self, on_change: Callable[[], None]) -> None:
        """Have a function called whenever `state` may have changed."""
        self._on_change = on_change

    @property
    def is_shared(self) -> bool:
        """Whether the running process may serve other windows too."""
        return self._process is not None and self._process.is_running and self._process.is_shared

    @property
    def num_starts(self) -> int:
        """How often a process was started."""
        return self._num_starts

    def new_id(self, stem: str = "request") -> str:
        """An id that no other request of this client has."""
        return f"{stem}-{next(self._ids)}"

    async def generate(
        self, config: EngineConfig, request: GenerationRequest
    ) -> AsyncGenerator[GenerationChunk | GenerationOutput, None]:
        """Yield the chunks of a generation and then its output; closing the iterator aborts the generation.

        Raises:
            EngineError: the subclass that the engine raised, or HostError where its process died.
        """
        process = await self._running_process(config)
        answers = process.open(request.request_id)
        is_over = False
        try:
            process.send(Generate(config, request))
            while not is_over:
                message = await self._answer(answers)
                is_over = isinstance(message, Output | Aborted)
                if self._info is None and isinstance(message, Chunk | Output):
                    await self.stats()  # another window has had the pack loaded, so this one was told nothing of it
                if isinstance(message, Chunk):
                    yield message.chunk
                elif isinstance(message, Output):
                    yield message.output
        except EngineError:
            is_over = True
            raise
        finally:
            process.close_request(request.request_id)
            if not is_over:
                process.send(Abort(request.request_id))

    def abort(self, request_id: str) -> None:
        """Have a running generation end with an output at its next token; one that is over is left alone."""
        if self._process is not None:
            self._process.send(Abort(request_id))

    async def load(self, config: EngineConfig) -> EngineInfo:
        """Load a pack before it is needed; raises what `generate` raises.

        Who asks for this wants it now: no pause is kept after a process that died.
        """
        self._restarts = RestartState()
        request_id = self.new_id("load")
        message = await self._ask(Load(request_id, config), request_id, config)
        assert isinstance(message, Loaded)
        return message.info

    async def ping(self) -> None:
        """Return when the process has answered; raises HostError where it died."""
        nonce = self.new_id("ping")
        await self._ask(Ping(nonce), nonce)

    async def stats(self) -> Stats | None:
        """What the process says of itself, or None where none runs; starts nothing."""
        if self.pid is None:
            return None
        request_id = self.new_id("stats")
        message = await self._ask(GetStats(request_id), request_id)
        assert isinstance(message, Stats)
        return message

    def close_session(self, session_id: str) -> None:
        """Have the engine forget a session; starts nothing."""
        if self._process is not None:
            self._process.send(CloseSession(session_id))

    async def close(self) -> None:
        """End the process at once, if one runs."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._process is not None:
            await self._process.close()

    async def _ask(self, message: ClientMessage, request_id: str, config: EngineConfig | None = None) -> HostMessage:
        process = await self._running_process(config)
        answers = process.open(request_id)
        try:
            process.send(message)
            while isinstance(answer := await self._answer(answers), LoadProgress):
                pass
            return answer
        finally:
            process.close_request(request_id)

    async def _answer(self, answers: AnswerQueue) -> HostMessage:
        answer = await answers.get()
        if isinstance(answer, HostError):
            raise answer
        if isinstance(answer, LoadProgress):
            self._note_load(None, is_loading=True)
        elif isinstance(answer, Loaded):
            self._note_load(answer.info, is_loading=False)
        elif isinstance(answer, Stats):
            self._note_load(answer.info, is_loading=self._is_loading)
        elif self._is_loading and not isinstance(answer, Pong):
            self._note_load(self._info, is_loading=False)
        if isinstance(answer, Failed):
            raise error_of(answer)
        return answer

    def _note_load(self, info: EngineInfo | None, *, is_loading: bool) -> None:
        if (info, is_loading) != (self._info, self._is_loading):
            self._info, self._is_loading = info, is_loading
            self._on_change()

    async def _running_process(self, config: EngineConfig | None) -> EngineProcess:
        """The process for a configuration, or, without one, any."""
        host = host_name(config, self._command.words()) if self.shares and config is not None else None
        if self._process is not None and self._process.is_running:
            if config is None or host == self._host:
                return self._process
            self._process.retire()
            self._process = None
        if self._starting is None or host != self._host:
            self._check_restart()
            self._host = host
            self._starting = asyncio.create_task(self._start(host))
            self._starting.add_done_callback(asyncio.Task.exception)  # read even where every caller has given up
        # The start is shared, so a caller that gives up must not end it for the others.
        return await asyncio.shield(self._starting)

    def _check_restart(self) -> None:
        wait_ms = self._restarts.wait_ms(self._now_ms(), self._policy)
        if wait_ms > 0:
            raise HostError(
                f"the engine process died {self._restarts.num_deaths} times in a row; "
                f"it is tried again in {wait_ms / 1e3:.1f} s"
            )

    async def _start(self, host: str | None) -> EngineProcess:
        self._restarts = self._restarts.started(self._now_ms())
        self._num_starts += 1
        self._note_load(None, is_loading=True)
        try:
            process = EngineProcess(await self._transport(host), self._note_end)
        except HostError as error:
            self._note_end(error)
            raise
        finally:
            if host == self._host:
                self._starting = None
        if host == self._host:
            self._process = process
        return process

    async def _transport(self, host: str | None) -> Transport:
        if host is not None:
            try:
                return await find_host(host, self._command.shared_words)
            except SharingUnavailableError as error:
                logger.info("the engine process is this window's own: %s", error)
        return await ChildTransport.start(self._command.child_words())

    def _note_end(self, error: HostError | None) -> None:
        if error is not None:
            logger.error("%s", error)
            self._restarts = self._restarts.died(self._now_ms(), self._policy)
        is_another_in_use = self._starting is not None or (self._process is not None and self._process.is_running)
        if error is not None or not is_another_in_use:
            self._note_load(None, is_loading=False)
            self._on_change()


def error_of(failed: Failed) -> EngineError:
    """The exception that a Failed message stands for; an unknown kind becomes an EngineError."""
    kind = getattr(errors, failed.kind, EngineError)
    if not (isinstance(kind, type) and issubclass(kind, EngineError)):
        kind = EngineError
    return kind(failed.message)

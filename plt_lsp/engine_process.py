"""One running engine process, as seen from the server: messages out, answers sorted by request, and its end.

It does not restart anything and knows no packs; a process that has ended stays ended.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plt_engine.errors import HostError
from plt_engine.framing import FrameDecoder, encode_frame
from plt_engine.wire import (
    PROTOCOL_VERSION,
    Aborted,
    Chunk,
    ClientMessage,
    Failed,
    HostMessage,
    Loaded,
    LoadProgress,
    Output,
    Pong,
    Ready,
    Stats,
    decode_host_message,
    encode_message,
)

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 16
NUM_KEPT_STDERR_LINES = 8

Answer = HostMessage | HostError
AnswerQueue = asyncio.Queue[Answer]
OnEnd = Callable[[HostError | None], None]


@dataclass(frozen=True, slots=True)
class HostCommand:
    """How the engine process is started: extra words for `plt_engine.host`, and another engine in tests."""

    log_level: str = "WARNING"
    engine_factory: str | None = None

    def words(self) -> tuple[str, ...]:
        """The command line, with this process as the parent that the host must not outlive.

        -P keeps the working folder, which is often the user's project, out of the places that modules come from.
        """
        factory = ("--engine-factory", self.engine_factory) if self.engine_factory else ()
        parent = ("--parent-pid", str(os.getpid()), "--log-level", self.log_level)
        return (sys.executable, "-P", "-m", "plt_engine.host", *parent, *factory)


class EngineProcess:
    """A started process and its three streams; made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, on_end: OnEnd) -> None:
        self._process = process
        self._on_end = on_end
        self._answers: dict[str, AnswerQueue] = {}
        self._stderr_tail: deque[str] = deque(maxlen=NUM_KEPT_STDERR_LINES)
        self._has_ended = False
        self._closing = False
        self._error: HostError | None = None
        self._tasks = (asyncio.create_task(self._read_answers()), asyncio.create_task(self._read_stderr()))

    @classmethod
    async def start(cls, words: Sequence[str], on_end: OnEnd) -> "EngineProcess":
        """Start a process; raises HostError where the system refuses.

        `on_end` is called once when it has ended, before its requests are told, with the reason, or with None where it
        was closed on purpose.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise HostError(f"the engine process could not be started: {error}") from None
        return cls(process, on_end)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it takes requests."""
        return not self._has_ended

    def open(self, request_id: str) -> AnswerQueue:
        """A queue that receives the answers to a request, and a HostError should the process end before."""
        queue = AnswerQueue()
        self._answers[request_id] = queue
        if self._has_ended:
            queue.put_nowait(self._error or HostError("the engine process was closed"))
        return queue

    def close_request(self, request_id: str) -> None:
        """Stop listening for a request's answers."""
        self._answers.pop(request_id, None)

    def send(self, message: ClientMessage) -> None:
        """Write a message; one that the process cannot take any more is dropped, its end answers every request."""
        assert self._process.stdin is not None
        if self._has_ended or self._process.stdin.is_closing():
            return
        self._process.stdin.write(encode_frame(encode_message(message)))

    async def close(self) -> None:
        """End the process on purpose, at once; running requests receive an error."""
        self._closing = True
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.wait(self._tasks)

    async def _read_answers(self) -> None:
        assert self._process.stdout is not None
        decoder = FrameDecoder()
        try:
            while data := await self._process.stdout.read(READ_BYTES):
                for body in decoder.feed(data):
                    self._dispatch(decode_host_message(body))
        except HostError as error:
            self._error = HostError(f"the engine process broke the protocol: {error}")
            self._process.kill()
        await self._end()

    def _dispatch(self, message: HostMessage) -> None:
        if isinstance(message, Ready):
            if message.protocol_version != PROTOCOL_VERSION:
                raise HostError(f"it speaks version {message.protocol_version}, this server version {PROTOCOL_VERSION}")
            return
        queue = self._answers.get(request_id_of(message))
        if queue is not None:
            queue.put_nowait(message)

    async def _end(self) -> None:
        code = await self._process.wait()
        if self._error is None and not self._closing:
            self._error = HostError(f"the engine process {self._fate(code)}")
        self._has_ended = True
        self._on_end(self._error)
        for queue in self._answers.values():
            queue.put_nowait(self._error or HostError("the engine process was closed"))
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.wait_closed()

    def _fate(self, code: int) -> str:
        fate = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{fate}; it last said: {self._stderr_tail[-1]}" if code > 0 and self._stderr_tail else fate

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(READ_BYTES):
            lines = data.decode(errors="replace").splitlines()
            self._stderr_tail.extend(lines)
            for line in lines:
                logger.info("engine process: %s", line)


def request_id_of(message: HostMessage) -> str:
    """The request, or the ping, that a message answers."""
    match message:
        case Chunk(chunk):
            return chunk.request_id
        case Output(output):
            return output.request_id
        case Pong(nonce):
            return nonce
        case Loaded() | LoadProgress() | Aborted() | Failed() | Stats():
            return message.request_id
        case Ready():
            return ""

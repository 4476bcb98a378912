"""One running engine process, as seen from the server: messages out, answers sorted by request, and its end.

It does not restart anything, and knows neither packs nor pipes; a process that has ended stays ended.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
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
from plt_lsp.engine_transport import READ_BYTES, SocketTransport, Transport

Answer = HostMessage | HostError
AnswerQueue = asyncio.Queue[Answer]
OnEnd = Callable[[HostError | None], None]


@dataclass(frozen=True, slots=True)
class HostCommand:
    """How the engine process is started: extra words for `plt_engine.host`, and another engine in tests."""

    log_level: str = "WARNING"
    engine_factory: str | None = None
    linger_s: float | None = None

    def words(self) -> tuple[str, ...]:
        """The command line of a host, without what says whom it serves.

        -P keeps the working folder, which is often the user's project, out of the places that modules come from.
        """
        factory = ("--engine-factory", self.engine_factory) if self.engine_factory else ()
        linger = ("--linger-s", str(self.linger_s)) if self.linger_s is not None else ()
        return (sys.executable, "-P", "-m", "plt_engine.host", "--log-level", self.log_level, *factory, *linger)

    def child_words(self) -> tuple[str, ...]:
        """The command line of a child, which must not outlive this process."""
        return (*self.words(), "--parent-pid", str(os.getpid()))

    def shared_words(self, listen_fd: int) -> tuple[str, ...]:
        """The command line of a host that serves a listening socket."""
        return (*self.words(), "--listen-fd", str(listen_fd))


class EngineProcess:
    """A running process behind a transport.

    `on_end` is called once when it has ended, before its requests are told, with the reason, or with None where it was
    closed on purpose.
    """

    def __init__(self, transport: Transport, on_end: OnEnd) -> None:
        self._transport = transport
        self._on_end = on_end
        self._pid = transport.pid
        self._answers: dict[str, AnswerQueue] = {}
        self._has_ended = False
        self._closing = False
        self._is_retired = False
        self._error: HostError | None = None
        self._reading = asyncio.create_task(self._read_answers())

    @property
    def pid(self) -> int | None:
        """The process id; that of a shared host is known once it has greeted."""
        return self._pid

    @property
    def is_shared(self) -> bool:
        """Whether other windows may use it too."""
        return isinstance(self._transport, SocketTransport)

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
        self._end_if_retired()

    def send(self, message: ClientMessage) -> None:
        """Write a message; one that the process cannot take any more is dropped, its end answers every request."""
        if self._has_ended or self._transport.writer.is_closing():
            return
        self._transport.writer.write(encode_frame(encode_message(message)))

    def retire(self) -> None:
        """Leave it once its last request is over; it gets no more of them."""
        self._is_retired = True
        self._end_if_retired()

    async def close(self) -> None:
        """Leave it on purpose, at once; running requests receive an error."""
        self._closing = True
        self._transport.end()
        await asyncio.wait([self._reading])

    def _end_if_retired(self) -> None:
        if self._is_retired and not self._answers and not self._has_ended:
            self._closing = True
            self._transport.end()

    async def _read_answers(self) -> None:
        decoder = FrameDecoder()
        try:
            while data := await self._transport.reader.read(READ_BYTES):
                for body in decoder.feed(data):
                    self._dispatch(decode_host_message(body))
        except HostError as error:
            self._error = HostError(f"the engine process broke the protocol: {error}")
            self._transport.end()
        except ConnectionError:
            self._transport.end()
        await self._end()

    def _dispatch(self, message: HostMessage) -> None:
        if isinstance(message, Ready):
            if message.protocol_version != PROTOCOL_VERSION:
                raise HostError(f"it speaks version {message.protocol_version}, this server version {PROTOCOL_VERSION}")
            self._pid = message.pid
            return
        queue = self._answers.get(request_id_of(message))
        if queue is not None:
            queue.put_nowait(message)

    async def _end(self) -> None:
        fate = await self._transport.fate()
        if self._error is None and not self._closing:
            self._error = HostError(f"the engine process {fate}")
        self._has_ended = True
        self._on_end(self._error)
        for queue in self._answers.values():
            queue.put_nowait(self._error or HostError("the engine process was closed"))
        self._transport.writer.close()
        with contextlib.suppress(ConnectionError):
            await self._transport.writer.wait_closed()


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

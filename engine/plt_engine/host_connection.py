"""One client's side of the engine process: its running requests and sessions, and the messages that go to and fro.

It does not know what a request is for, nor whether bytes travel through pipes or a socket. Several connections may
share one worker; none can name, stop or close what belongs to another.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from plt_engine.framing import FrameDecoder, encode_frame
from plt_engine.types import GenerationRequest
from plt_engine.wire import (
    PROTOCOL_VERSION,
    Abort,
    ClientMessage,
    CloseSession,
    EngineConfig,
    Generate,
    GetStats,
    HostMessage,
    Load,
    Ping,
    Pong,
    Ready,
    Shutdown,
    Stats,
    decode_client_message,
    encode_message,
)
from plt_engine.worker import EngineWorker, Job


class HostConnection:
    """One client of the host: requests in, answers out.

    Args:
        worker: runs the requests of every connection.
        write: takes whole frames; called by one thread at a time.
        started_s: when the process started, by the monotonic clock.
        client: a name that no other connection of this host has.
    """

    def __init__(
        self, worker: EngineWorker, write: Callable[[bytes], None], started_s: float, client: str = "parent"
    ) -> None:
        self._worker = worker
        self._write = write
        self._started_s = started_s
        self._client = client
        self._write_lock = threading.Lock()
        self._jobs_lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._sessions: set[str] = set()

    def send(self, message: HostMessage) -> None:
        """Write one message; may be called from any thread."""
        frame = encode_frame(encode_message(message))
        with self._write_lock:
            self._write(frame)

    def serve(self, chunks: Iterator[bytes]) -> None:
        """Answer messages until the stream ends or asks for shutdown; raises HostError at a broken frame."""
        self.send(Ready(PROTOCOL_VERSION, os.getpid()))
        decoder = FrameDecoder()
        for data in chunks:
            for body in decoder.feed(data):
                message = decode_client_message(body)
                if isinstance(message, Shutdown):
                    return
                self._handle(message)

    def close(self) -> None:
        """Stop what still runs for this client, and forget its sessions."""
        with self._jobs_lock:
            jobs = tuple(self._jobs.values())
        for job in jobs:
            job.aborted.set()
        for session_id in self._sessions:
            self._worker.close_session(session_id)

    def _handle(self, message: ClientMessage) -> None:
        match message:
            case Load(request_id, config):
                self._submit(request_id, config, None)
            case Generate(config, request):
                session_id = self._own(request.session_id)
                self._sessions.add(session_id)
                self._submit(request.request_id, config, replace(request, session_id=session_id))
            case Abort(request_id):
                self._abort(request_id)
            case CloseSession(session_id):
                self._sessions.discard(self._own(session_id))
                self._worker.close_session(self._own(session_id))
            case Ping(nonce):
                self.send(Pong(nonce))
            case GetStats(request_id):
                self.send(self._stats(request_id))

    def _own(self, name: str) -> str:
        return f"{self._client}/{name}"

    def _submit(self, request_id: str, config: EngineConfig, request: GenerationRequest | None) -> None:
        def finish(message: HostMessage) -> None:
            with self._jobs_lock:
                self._jobs.pop(request_id, None)
            self.send(message)

        job = Job(request_id, config, request, reply=self.send, finish=finish, client=self._client)
        with self._jobs_lock:
            self._jobs[request_id] = job
        self._worker.submit(job)

    def _abort(self, request_id: str) -> None:
        with self._jobs_lock:
            job = self._jobs.get(request_id)
        if job is not None:
            job.aborted.set()

    def _stats(self, request_id: str) -> Stats:
        counts = self._worker.counts
        return Stats(
            request_id=request_id,
            pid=os.getpid(),
            uptime_ms=(time.monotonic() - self._started_s) * 1e3,
            max_rss_bytes=max_rss_bytes(),
            num_queued=counts.num_queued,
            num_finished=counts.num_finished,
            num_failed=counts.num_failed,
            info=self._worker.info,
            latencies=self._worker.latencies,
        )


def max_rss_bytes() -> int:
    """The most memory that this process has held, or 0 where the platform does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024

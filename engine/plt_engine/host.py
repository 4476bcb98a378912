"""The engine process: it reads requests from one stream, hands them to the engine's thread, and writes the answers.

It does not know what a request is for, and it imports the engine only when a request first needs it. Its real standard
output carries frames alone; whatever else is printed goes to standard error. It ends with its parent.
"""

import argparse
import ctypes
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from plt_engine.errors import HostError
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
from plt_engine.worker import EngineFactory, EngineLike, EngineWorker, Job

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 16
PR_SET_PDEATHSIG = 1
SPIN_COUNT = "5000"


class HostConnection:
    """One client's side of the host: its running requests, and the frames that go to and fro.

    A host has one today; several (one for each window, over a socket) may share the same worker.
    """

    def __init__(self, worker: EngineWorker, write: Callable[[bytes], None], started_s: float) -> None:
        self._worker = worker
        self._write = write
        self._started_s = started_s
        self._write_lock = threading.Lock()
        self._jobs_lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

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

    def _handle(self, message: ClientMessage) -> None:
        match message:
            case Load(request_id, config):
                self._submit(request_id, config, None)
            case Generate(config, request):
                self._submit(request.request_id, config, request)
            case Abort(request_id):
                self._abort(request_id)
            case CloseSession(session_id):
                self._worker.close_session(session_id)
            case Ping(nonce):
                self.send(Pong(nonce))
            case GetStats(request_id):
                self.send(self._stats(request_id))

    def _submit(self, request_id: str, config: EngineConfig, request: GenerationRequest | None) -> None:
        def finish(message: HostMessage) -> None:
            with self._jobs_lock:
                self._jobs.pop(request_id, None)
            self.send(message)

        job = Job(request_id, config, request, reply=self.send, finish=finish)
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
        )


def load_engine(pack_dir: Path, options: Mapping[str, Any]) -> EngineLike:
    """Import and load the real engine; this is the only place where torch enters the process."""
    # A thread of torch's that waits for another spins, by default for milliseconds. Beside a compiler or a browser the
    # other one waits for a processor meanwhile, and a token takes a second; so they spin briefly and then sleep.
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    from plt_engine.engine import Engine, EngineOptions

    return Engine.load(pack_dir, EngineOptions(**options))


def find_factory(name: str) -> EngineFactory:
    """The function that `module:function` names; raises HostError where there is none."""
    module_name, _, function_name = name.partition(":")
    try:
        return cast(EngineFactory, getattr(importlib.import_module(module_name), function_name))
    except (ImportError, AttributeError, ValueError) as error:
        raise HostError(f"--engine-factory {name!r} names no function as module:function: {error}") from None


def max_rss_bytes() -> int:
    """The most memory that this process has held, or 0 where the platform does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process with its parent; where it cannot, the end of the input stream does it."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent ended before the call above
        os._exit(0)


def claim_standard_streams() -> tuple[int, int]:
    """Take standard input and output for frames alone; whatever else reads finds nothing, and prints go to stderr.

    Returns:
        The file descriptors to read frames from and to write them to.
    """
    frames_in, frames_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return frames_in, frames_out


def read_chunks(fd: int) -> Iterator[bytes]:
    """Yield what can be read from a descriptor until its end."""
    while data := os.read(fd, READ_BYTES):
        yield data


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; ends the process where nobody reads any more."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os._exit(0)


def run(parent_pid: int, factory: EngineFactory) -> NoReturn:
    """Serve the parent through the standard streams until it is gone; never returns."""
    started_s = time.monotonic()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's to handle
    die_with_parent(parent_pid)
    frames_in, frames_out = claim_standard_streams()
    worker = EngineWorker(factory)
    worker.start()
    connection = HostConnection(worker, lambda data: write_all(frames_out, data), started_s)
    try:
        connection.serve(read_chunks(frames_in))
    except HostError as error:
        logger.error("the engine process ends: %s", error)
        _exit(1)
    _exit(0)


def _exit(code: int) -> NoReturn:
    """End at once, without waiting for the engine's thread."""
    sys.stderr.flush()
    os._exit(code)


def main(args: list[str] | None = None) -> NoReturn:
    """The command line of the process; only `plt_lsp.engine_client` and tests start it."""
    parser = argparse.ArgumentParser(prog="plt_engine.host", description=__doc__)
    parser.add_argument("--parent-pid", type=int, default=os.getppid(), help="end when this process does")
    parser.add_argument("--log-level", default="WARNING", help="a level of Python's logging")
    parser.add_argument("--engine-factory", metavar="MODULE:FUNCTION", help="use another engine (for tests)")
    options = parser.parse_args(args)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    run(options.parent_pid, find_factory(options.engine_factory) if options.engine_factory else load_engine)


if __name__ == "__main__":
    main()

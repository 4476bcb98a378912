"""How bytes travel between the server and another process: a child's pipes, or the socket of a shared engine host.

It knows neither frames nor messages.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from plt_engine.errors import HostError

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 16
NUM_KEPT_STDERR_LINES = 8


class Transport(Protocol):
    """Two streams to an engine process, and what became of it."""

    @property
    def reader(self) -> asyncio.StreamReader:
        """What the process writes."""

    @property
    def writer(self) -> asyncio.StreamWriter:
        """What the process reads."""

    @property
    def pid(self) -> int | None:
        """Its process id, where that is known before it has said so itself."""

    def end(self) -> None:
        """End it as far as it is the caller's own: a child is killed, a shared host is only left."""

    async def fate(self) -> str:
        """Wait until it is over; how it ended, as the rest of a sentence."""


class ChildTransport:
    """A process of the caller's own, and its three streams; made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name
        self._stderr_tail: deque[str] = deque(maxlen=NUM_KEPT_STDERR_LINES)
        self._reading = asyncio.create_task(self._read_stderr())

    @classmethod
    async def start(cls, words: Sequence[str], name: str = "engine process") -> "ChildTransport":
        """Start a process, by the name that messages call it; raises HostError where the system refuses."""
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise HostError(f"the {name} could not be started: {error}") from None
        return cls(process, name)

    @property
    def reader(self) -> asyncio.StreamReader:
        """Its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def writer(self) -> asyncio.StreamWriter:
        """Its standard input."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def end(self) -> None:
        """Kill it."""
        if self._process.returncode is None:
            self._process.kill()

    async def fate(self) -> str:
        """How it ended, with its last words where it failed."""
        code = await self._process.wait()
        with contextlib.suppress(OSError):
            await self._reading
        fate = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{fate}; it last said: {self._stderr_tail[-1]}" if code > 0 and self._stderr_tail else fate

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(READ_BYTES):
            lines = data.decode(errors="replace").splitlines()
            self._stderr_tail.extend(lines)
            for line in lines:
                logger.info("%s: %s", self._name, line)


class SocketTransport:
    """A connection to a host that serves other windows too."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def pid(self) -> int | None:
        """Unknown until the host has said it."""
        return None

    def end(self) -> None:
        """Leave it; it goes by itself when the last client has left."""
        self.writer.close()

    async def fate(self) -> str:
        """That the host has gone, or has closed this connection."""
        return "that several windows share has gone"

"""Server processes without the wait for their imports: each is forked from one process that has imported everything.

A forked server is a real one: its own process, environment and standard streams, and the same `main`. What it leaves
out, the start of Python, is what the tests of the command line go through.
"""

import array
import asyncio
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_MESSAGE_BYTES = 1 << 20


class ForkServer:
    """The process that forks; a context manager that ends it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "fork-server"
        words = [sys.executable, "-m", __name__, str(self._path)]
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)

    def __enter__(self) -> "ForkServer":
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    async def start(self, words: Sequence[str], environment: Mapping[str, str]) -> "ForkedProcess":
        """A process that runs `plt_lsp.cli` with these words in this environment."""
        child_in, stdin = os.pipe()
        stdout, child_out = os.pipe()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self._path))
        message = json.dumps({"words": list(words), "environment": dict(environment)}).encode()
        descriptors = array.array("i", [child_in, child_out, 2])
        connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        os.close(child_in)
        os.close(child_out)
        connection.setblocking(False)
        pid = int(await asyncio.get_running_loop().sock_recv(connection, 64))
        return await ForkedProcess.connect(pid, connection, stdin, stdout)


class ForkedProcess:
    """What `LspClient` needs of an `asyncio.subprocess.Process`."""

    def __init__(
        self, pid: int, connection: socket.socket, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._wait(connection))

    @classmethod
    async def connect(cls, pid: int, connection: socket.socket, stdin: int, stdout: int) -> "ForkedProcess":
        """Wrap the ends of its pipes in streams."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(stdout, "rb"))
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(stdin, "wb"))
        return cls(pid, connection, _PipeWriter(transport, protocol, None, loop), reader)

    async def _wait(self, connection: socket.socket) -> int:
        with connection:
            status = int(await asyncio.get_running_loop().sock_recv(connection, 64))
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    async def wait(self) -> int:
        """The exit code, or minus the signal, once it has ended."""
        return await asyncio.shield(self._end)

    def kill(self) -> None:
        """End it as the system would; one that has ended already is left alone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class _PipeWriter(asyncio.StreamWriter):
    """The protocol of a pipe that is only written to does not say when it is closed."""

    async def wait_closed(self) -> None:
        """Return at once: closing a pipe waits for nobody."""


def serve(path: str) -> None:
    """Fork a process for each connection, tell its pid, and later its wait status."""
    import plt_lsp.cli
    import plt_lsp.server  # noqa: F401  (what takes the time)

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                pid = _fork(connection)
                connection.send(str(pid).encode())
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
            else:
                pid, connection = key.data
                selector.unregister(key.fileobj)
                os.close(key.fd)
                with connection:
                    connection.send(str(os.waitpid(pid, 0)[1]).encode())


def _fork(connection: socket.socket) -> int:
    message, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE_BYTES, 3)
    order = json.loads(message)
    pid = os.fork()
    if pid == 0:
        _become(order, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _become(order: Mapping[str, object], descriptors: Sequence[int]) -> None:
    """Be the process that was ordered, to its end."""
    from plt_lsp import cli

    code = 70
    try:
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        code = cli.main(order["words"])
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])

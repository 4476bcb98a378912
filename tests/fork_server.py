"""Processes of this project without the wait for their imports: each is forked from one that has imported everything.

A forked process is a real one: its own process, environment and standard streams, and the same `main`. What it leaves
out, the start of Python, is what other tests of the command line go through.
"""

import array
import asyncio
import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[1]
MAX_MESSAGE_BYTES = 1 << 20
PATIENCE_S = 100


class ForkServer:
    """The process that forks; a context manager that ends it.

    `command` is the module whose `main` is run with the words, `imports` are modules that it shall find imported.
    """

    def __init__(self, folder: Path, command: str, *imports: str, **variables: str) -> None:
        self._path = folder / "fork-server"
        words = [sys.executable, "-m", __name__, str(self._path), command, *imports]
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, **variables})

    def __enter__(self) -> "ForkServer":
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    async def start(self, words: Sequence[str], environment: Mapping[str, str]) -> "ForkedProcess":
        """A process that runs the command with these words in this environment."""
        child_in, stdin = os.pipe()
        stdout, child_out = os.pipe()
        connection = self._order(words, environment, [child_in, child_out, 2])
        os.close(child_in)
        os.close(child_out)
        connection.setblocking(False)
        pid = int(await asyncio.get_running_loop().sock_recv(connection, 64))
        return await ForkedProcess.connect(pid, connection, stdin, stdout)

    def begin(self, words: Sequence[str], environment: Mapping[str, str]) -> "ForkedCommand":
        """The same for who does not talk to the process: it reads nothing, and what it says is there at its end."""
        with contextlib.ExitStack() as files:
            nothing = files.enter_context(open(os.devnull, "rb"))
            said = [files.enter_context(tempfile.TemporaryFile()) for _ in ("out", "err")]
            connection = self._order(words, environment, [file.fileno() for file in (nothing, *said)])
            return ForkedCommand(connection, said, files.pop_all())

    def _order(self, words: Sequence[str], environment: Mapping[str, str], descriptors: Sequence[int]) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self._path))
        message = json.dumps({"words": list(words), "environment": dict(environment)}).encode()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        connection.sendmsg([message], [rights])
        return connection


class ForkedCommand:
    """What the tests of commands need of a `subprocess.Popen`."""

    def __init__(self, connection: socket.socket, said: Sequence[BinaryIO], files: contextlib.ExitStack) -> None:
        connection.settimeout(PATIENCE_S)
        self._connection, self._said, self._files = connection, said, files
        self.pid = int(connection.recv(64))

    def kill(self) -> None:
        """End it as the system would."""
        os.kill(self.pid, signal.SIGKILL)

    def finish(self) -> tuple[int, str, str]:
        """Wait for its end: the exit code, or minus the signal, and what it has said on both streams."""
        with self._connection, self._files:
            code = os.waitstatus_to_exitcode(int(self._connection.recv(64)))
            for file in self._said:
                file.seek(0)
            out, err = (file.read().decode() for file in self._said)
            return code, out, err


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


def serve(path: str, command: str, *imports: str) -> None:
    """Fork a process for each connection, tell its pid, and later its wait status."""
    for module in (command, *imports):
        importlib.import_module(module)
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
                pid = _fork(connection, command)
                connection.send(str(pid).encode())
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
            else:
                pid, connection = key.data
                selector.unregister(key.fileobj)
                os.close(key.fd)
                with connection:
                    connection.send(str(os.waitpid(pid, 0)[1]).encode())


def _fork(connection: socket.socket, command: str) -> int:
    message, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE_BYTES, 3)
    order = json.loads(message)
    pid = os.fork()
    if pid == 0:
        _become(command, order, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _become(command: str, order: Mapping[str, object], descriptors: Sequence[int]) -> None:
    """Be the process that was ordered, to its end."""
    code = 70
    try:
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        code = importlib.import_module(command).main(order["words"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])

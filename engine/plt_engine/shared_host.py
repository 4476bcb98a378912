"""One engine process for several windows: it accepts its own user's connections on a Unix socket, one thread for each.

The weights are shared; sessions are not, since each connection names its own. It leaves when nobody has been connected
for a while, and does not know what the requests are.
"""

import fcntl
import itertools
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from plt_engine.errors import HostError
from plt_engine.host_connection import HostConnection
from plt_engine.peer import peer_uid
from plt_engine.worker import EngineWorker

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 16
POLL_S = 0.25
# Frames that wait for a client that does not read; a whole completion is a hundred. More than these end the connection.
MAX_WAITING_FRAMES = 10_000


class SharedHost:
    """Serves the clients of one listening socket.

    Args:
        listener: bound to a path in a folder that is the user's alone, and listening.
        worker: runs the requests of all clients.
        started_s: when the process started, by the monotonic clock.
        linger_s: how long it stays without a client.
    """

    def __init__(self, listener: socket.socket, worker: EngineWorker, started_s: float, linger_s: float) -> None:
        self._listener = listener
        self._path = Path(listener.getsockname())
        self._worker = worker
        self._started_s = started_s
        self._linger_s = linger_s
        self._lock = threading.Lock()  # guards the two below
        self._num_clients = 0
        self._idle_since_s = time.monotonic()
        self._is_listed = True

    def run(self) -> None:
        """Accept clients until there has been none for `linger_s`."""
        for number in itertools.count(1):
            client = self._next_client()
            if client is None:
                return
            with self._lock:
                self._num_clients += 1
            threading.Thread(target=self._serve, args=(client, f"client-{number}"), daemon=True).start()

    def _next_client(self) -> socket.socket | None:
        self._listener.settimeout(POLL_S)
        while True:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                if self._is_deserted():
                    return self._leave()
                continue
            if peer_uid(client) == os.getuid():
                client.settimeout(None)
                return client
            logger.warning("a connection of another user was refused")
            client.close()

    def _is_deserted(self) -> bool:
        with self._lock:
            return self._num_clients == 0 and time.monotonic() - self._idle_since_s >= self._linger_s

    def _leave(self) -> socket.socket | None:
        """Take the socket's name away, so that nobody finds it any more; a client that came just before is served."""
        if self._is_listed:
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._path.unlink(missing_ok=True)
            self._is_listed = False
        self._listener.setblocking(False)
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return None
        client.setblocking(True)
        return client

    def _serve(self, client: socket.socket, name: str) -> None:
        outbox = _Outbox(client)
        connection = HostConnection(self._worker, outbox.put, self._started_s, name)
        try:
            connection.serve(_received(client))
        except HostError as error:
            logger.error("a connection ends: %s", error)
        except OSError as error:
            logger.info("a connection broke: %s", error)
        connection.close()
        outbox.close()
        with self._lock:
            self._num_clients -= 1
            self._idle_since_s = time.monotonic()


class _Outbox:
    """Frames on their way to one client: its own thread writes them, so that no client's slowness stops the engine."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._frames: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING_FRAMES)
        threading.Thread(target=self._write, daemon=True).start()

    def put(self, frame: bytes) -> None:
        try:
            self._frames.put_nowait(frame)
        except queue.Full:
            logger.warning("a client that does not read its answers is disconnected")
            self._shut()

    def close(self) -> None:
        """Write what waits, then close the connection."""
        try:
            self._frames.put_nowait(None)
        except queue.Full:
            self._shut()

    def _write(self) -> None:
        try:
            while (frame := self._frames.get()) is not None:
                self._client.sendall(frame)
        except OSError as error:
            logger.info("a client has gone: %s", error)
        self._shut()
        self._client.close()

    def _shut(self) -> None:
        # The reading thread sees the end of the stream; closing alone would not wake it.
        try:
            self._client.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _received(client: socket.socket) -> Iterator[bytes]:
    while data := client.recv(READ_BYTES):
        yield data

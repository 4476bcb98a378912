"""Finds the engine host that this user's other servers use for the same model and options, or starts it.

The place is a socket in a folder that nobody else can enter. It does not know what is said over the connection.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import orjson

from plt_engine.errors import HostError
from plt_engine.peer import peer_uid
from plt_engine.wire import PROTOCOL_VERSION, EngineConfig
from plt_lsp import __version__
from plt_lsp.engine_transport import SocketTransport

logger = logging.getLogger(__name__)

RUNTIME_DIR_VARIABLE = "PLT_LSP_RUNTIME_DIR"
# The kernel's limit on a socket's path, less the byte that ends it.
MAX_SOCKET_PATH_BYTES = 103

HostWords = Callable[[int], Sequence[str]]
"""The command line of a host that is to serve a listening socket, given its descriptor."""


class SharingUnavailableError(Exception):
    """No host can be shared here; the message says why, and an engine process of one's own does as well."""


def host_name(config: EngineConfig, words: Sequence[str]) -> str:
    """What a host for this configuration is called: servers share one where all of this is the same."""
    parts: list[object] = [__version__, PROTOCOL_VERSION, list(words), config.pack_dir, config.fingerprint]
    parts += sorted(config.options.items())
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


async def find_host(name: str, words: HostWords) -> SocketTransport:
    """Connect to the host of this name, starting it where there is none.

    Raises:
        SharingUnavailableError: the platform or the runtime folder does not allow it.
        HostError: the host cannot be started.
    """
    if sys.platform == "win32":
        raise SharingUnavailableError("there are no Unix sockets with peer credentials on Windows")
    path = runtime_dir() / f"{name}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise SharingUnavailableError(f"the path {path} is too long for a socket; set {RUNTIME_DIR_VARIABLE}")
    if (found := await _connect(path)) is not None:
        return found
    async with _locked(path.with_suffix(".lock")):
        if (found := await _connect(path)) is not None:
            return found
        await _start(path, words)
        if (started := await _connect(path)) is not None:
            return started
    raise HostError(f"the engine process was started, but {path} takes no connection")


def runtime_dir() -> Path:
    """The folder of the sockets: this user's, and closed to all others.

    Raises:
        SharingUnavailableError: it cannot be made, or it is someone else's or open to others.
    """
    base = os.environ.get(RUNTIME_DIR_VARIABLE) or os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "plt-lsp" if base else Path(tempfile.gettempdir()) / f"plt-lsp-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise SharingUnavailableError(f"{folder} cannot be used: {error}") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise SharingUnavailableError(f"{folder} is not a folder of this user alone (mode 0700)")
    return folder


async def _connect(path: Path) -> SocketTransport | None:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise SharingUnavailableError(f"{path} cannot be connected to: {error}") from None
    if peer_uid(writer.get_extra_info("socket")) == os.getuid():
        return SocketTransport(reader, writer)
    writer.close()
    raise SharingUnavailableError(f"the process behind {path} is not this user's")


async def _start(path: Path, words: HostWords) -> None:
    """Start a host on a socket that already listens, so that nobody has to wait for it to be up."""
    with _bound(path) as listener, path.with_suffix(".log").open("wb") as log:
        nothing, fd = asyncio.subprocess.DEVNULL, listener.fileno()
        try:
            starter = await asyncio.create_subprocess_exec(
                *words(fd), stdin=nothing, stdout=nothing, stderr=log, pass_fds=(fd,), start_new_session=True
            )
        except OSError as error:
            raise HostError(f"the engine process could not be started: {error}") from None
        code = await starter.wait()  # it hands over to a process of its own and ends
    if code != 0:
        raise HostError(f"the engine process could not be started: exit code {code}; see {path.with_suffix('.log')}")
    logger.info("started an engine process that other windows may share: %s", path)


def _bound(path: Path) -> socket.socket:
    """A socket that listens at a path, where one that nobody serves any more may lie."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fspath(path))
    listener.listen(16)
    return listener


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    import fcntl

    with path.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield

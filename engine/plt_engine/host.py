"""The engine process: it reads requests, hands them to the engine's thread, and writes the answers.

It does not know what a request is for, and it imports the engine only when a request first needs it. It serves either
its parent, through the standard streams and no longer than the parent lives, or several clients through a socket.
"""

import argparse
import importlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from plt_engine.child_process import claim_standard_streams, die_with_parent, read_chunks, write_all
from plt_engine.errors import HostError
from plt_engine.host_connection import HostConnection
from plt_engine.worker import EngineFactory, EngineLike, EngineWorker

logger = logging.getLogger(__name__)

SPIN_COUNT = "5000"
LINGER_S = 60.0


def load_engine(pack_dir: Path, options: Mapping[str, Any]) -> EngineLike:
    """Import and load the real engine; this is the only place where torch enters the process."""
    # A thread of torch's that waits for another spins, by default for milliseconds. Beside a compiler or a browser the
    # other one waits for a processor meanwhile, and a token takes a second; so they spin briefly and then sleep.
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    from plt_engine.engine import Engine, EngineOptions

    return Engine.load(pack_dir, EngineOptions(**{"keeps_latency": True, **options}))


def find_factory(name: str) -> EngineFactory:
    """The function that `module:function` names; raises HostError where there is none."""
    module_name, _, function_name = name.partition(":")
    try:
        return cast(EngineFactory, getattr(importlib.import_module(module_name), function_name))
    except (ImportError, AttributeError, ValueError) as error:
        raise HostError(f"--engine-factory {name!r} names no function as module:function: {error}") from None


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


def run_shared(listener: socket.socket, linger_s: float, factory: EngineFactory) -> NoReturn:
    """Serve every client of a listening socket, and leave when there has been none for a while; never returns."""
    from plt_engine.shared_host import SharedHost  # POSIX only

    if os.fork():  # whoever started this waits for no child, and is not its parent
        os._exit(0)
    started_s = time.monotonic()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = EngineWorker(factory)
    worker.start()
    SharedHost(listener, worker, started_s, linger_s).run()
    _exit(0)


def _exit(code: int) -> NoReturn:
    """End at once, without waiting for the engine's thread."""
    sys.stderr.flush()
    os._exit(code)


def main(args: list[str] | None = None) -> NoReturn:
    """The command line of the process; only `plt_lsp` and tests start it."""
    parser = argparse.ArgumentParser(prog="plt_engine.host", description=__doc__)
    parser.add_argument("--parent-pid", type=int, default=os.getppid(), help="end when this process does")
    parser.add_argument("--log-level", default="WARNING", help="a level of Python's logging")
    parser.add_argument("--engine-factory", metavar="MODULE:FUNCTION", help="use another engine (for tests)")
    parser.add_argument("--listen-fd", type=int, metavar="FD", help="serve the clients of this listening socket")
    parser.add_argument("--linger-s", type=float, default=LINGER_S, help="leave so long after the last client")
    options = parser.parse_args(args)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    factory = find_factory(options.engine_factory) if options.engine_factory else load_engine
    if options.listen_fd is not None:
        run_shared(socket.socket(fileno=options.listen_fd), options.linger_s, factory)
    run(options.parent_pid, factory)


if __name__ == "__main__":
    main()

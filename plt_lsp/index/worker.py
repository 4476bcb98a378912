"""The index's process: it keeps the index of one workspace folder, and tells its parent how far it is.

It does not know what the index is for. It has one thread that works, the lowest claim on the processor, and a cap on
its memory; it ends with its parent.
"""

import argparse
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from plt_engine.child_process import claim_standard_streams, die_with_parent, read_chunks, write_all
from plt_engine.errors import HostError
from plt_engine.framing import FrameDecoder
from plt_lsp.index.belonging import Belonging
from plt_lsp.index.inbox import Batch, Inbox
from plt_lsp.index.indexer import Indexer
from plt_lsp.index.messages import (
    MAX_MEMORY_MB,
    NICENESS,
    Begin,
    Changed,
    IndexState,
    Report,
    decode_order,
    encode_report,
)
from plt_lsp.index.modesty import be_modest, max_rss_bytes
from plt_lsp.index.places import remove_unused, sole_keeper
from plt_lsp.index.schema import remove_database
from plt_lsp.index.store import Store
from plt_lsp.index.suspect import Suspect
from plt_lsp.index.watching import Watch

logger = logging.getLogger(__name__)

# So long it works before it commits, and looks at what was saved meanwhile.
SLICE_S = 0.05
REPORT_INTERVAL_S = 0.1
# So often it looks at every file where the system does not tell it of changes.
RESCAN_S = 120.0
# So long it may take to end in order.
PATIENCE_S = 0.5


class IndexWorker:
    """Keeps one index, until there is nobody to keep it for.

    Args:
        begin: which index.
        inbox: what else is to be done.
        report: called with how far it is.
    """

    def __init__(self, begin: Begin, inbox: Inbox, report: Callable[[Report], None]) -> None:
        self._begin = begin
        self._database = Path(begin.database)
        self._inbox = inbox
        self._report = report
        self._num_files = 0
        self._reported_s = 0.0
        self._is_watching = False
        self._suspect = Suspect(self._database.parent)
        self._store = Store(self._database)
        self._indexer = self._new_indexer()

    def run(self) -> None:
        """Bring the index in line with the files, and keep it so to the end."""
        root = Path(self._begin.root)
        # Changes are seen from before the first look at the files, so that none falls in between.
        self._is_watching = Watch(root, self._admits_folder, self._inbox.add_paths).start()
        batch = Batch((self._begin,))
        while not batch.is_end:
            try:
                self._do(batch)
                self._work()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                logger.warning("the index %s is made anew: %s", self._database, error)
                self._start_over()
            self._tell()
            batch = self._next()
        self._suspect.clear()
        self._store.close()

    def _next(self) -> Batch:
        """What comes next; without a watch, that is a look at everything once in a while."""
        if self._indexer.is_busy:
            return self._inbox.take(0)
        batch = self._inbox.take(None if self._is_watching else RESCAN_S)
        return batch if batch != Batch() else Batch((self._begin,))

    def _do(self, batch: Batch) -> None:
        if not self._indexer.is_busy:
            self._indexer.num_done = 0
        for order in batch.orders:
            if isinstance(order, Begin):
                self._begin = order
                self._indexer.rescan(order.rules)
            elif isinstance(order, Changed):
                self._indexer.refresh(order.paths)
        if batch.paths:
            self._indexer.refresh(batch.paths)

    def _work(self) -> None:
        end_s = time.monotonic() + SLICE_S
        while self._indexer.is_busy and time.monotonic() < end_s:
            self._indexer.step()
        self._store.commit()
        if not self._indexer.is_busy:
            self._suspect.clear()

    def _start_over(self) -> None:
        self._store.close()
        remove_database(self._database)
        self._store = Store(self._database)
        self._indexer = self._new_indexer()
        self._indexer.rescan()

    def _admits_folder(self, path: str) -> bool:
        """Asked by a thread of the watch's, by what the ignore files say at the moment."""
        return Belonging(Path(self._begin.root), self._begin.rules).admits_folder(path)

    def _new_indexer(self) -> Indexer:
        return Indexer(Path(self._begin.root), self._begin.rules, self._store, self._suspect)

    def _tell(self) -> None:
        """Report where there is news, not too often, and always when the work is done."""
        now_s, is_busy = time.monotonic(), self._indexer.is_busy
        if is_busy and now_s - self._reported_s < REPORT_INTERVAL_S:
            return
        if not is_busy:
            self._num_files = self._store.num_files()
        report = Report(
            state=IndexState.SCANNING if is_busy else IndexState.READY,
            num_done=self._indexer.num_done,
            num_total=self._indexer.num_done + self._indexer.num_waiting,
            num_files=self._num_files,
            is_watching=self._is_watching,
            is_truncated=self._indexer.is_truncated,
            max_rss_bytes=max_rss_bytes(),
        )
        self._reported_s = now_s
        self._report(report)


def _listen(frames_in: int, inbox: Inbox) -> NoReturn:
    """Take orders until there is nobody to give any; the process ends with that."""
    decoder = FrameDecoder()
    try:
        for data in read_chunks(frames_in):
            for body in decoder.feed(data):
                inbox.put(decode_order(body))
    except HostError as error:
        logger.error("the index's process ends: %s", error)
        os._exit(1)
    inbox.end()
    time.sleep(PATIENCE_S)
    os._exit(0)


def run(parent_pid: int, max_memory_mb: int, niceness: int) -> NoReturn:
    """Serve the parent through the standard streams until it is gone; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's to handle
    die_with_parent(parent_pid)
    be_modest(max_memory_mb, niceness)
    frames_in, frames_out = claim_standard_streams()
    inbox = Inbox()
    threading.Thread(target=_listen, args=(frames_in, inbox), name="orders", daemon=True).start()

    def report(news: Report) -> None:
        write_all(frames_out, encode_report(news))

    code = 1
    try:
        begin = _first(inbox)
        folder = Path(begin.database).parent
        with sole_keeper(folder, lambda: report(Report(IndexState.WAITING))):
            remove_unused(folder.parent)
            IndexWorker(begin, inbox, report).run()
            code = 0
    except MemoryError:
        logger.error("the index needs more memory than plt.index.maxMemoryMb = %d allows", max_memory_mb)
    except (OSError, sqlite3.Error) as error:
        logger.error("the index cannot be kept: %s", error)
    sys.stderr.flush()
    os._exit(code)


def _first(inbox: Inbox) -> Begin:
    while True:
        for order in inbox.take(None).orders:
            if isinstance(order, Begin):
                return order


def main(args: list[str] | None = None) -> NoReturn:
    """The command line of the process; only `plt_lsp.index.client` and tests start it."""
    parser = argparse.ArgumentParser(prog="plt_lsp.index.worker", description=__doc__)
    parser.add_argument("--parent-pid", type=int, default=os.getppid(), help="end when this process does")
    parser.add_argument("--log-level", default="WARNING", help="a level of Python's logging")
    parser.add_argument("--max-memory-mb", type=int, default=MAX_MEMORY_MB, help="the most memory it may have")
    parser.add_argument("--niceness", type=int, default=NICENESS, help="how far it stands back on the processor")
    options = parser.parse_args(args)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    run(options.parent_pid, options.max_memory_mb, options.niceness)


if __name__ == "__main__":
    main()

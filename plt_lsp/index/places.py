"""Where the indexes of workspaces are kept on this machine, each by one process at a time, and for how long.

It does not know what is in them.
"""

import contextlib
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from plt_engine.pack import cache_dir

DATABASE = "index.sqlite3"
LOCK = "lock"
# So long nobody has worked in a workspace whose index goes.
UNUSED_DAYS = 90
DAY_S = 24 * 3600


def database_of(root: Path) -> Path:
    """The database of a workspace folder; two folders never share one.

    Args:
        root: the folder's absolute path with symbolic links resolved.
    """
    name = re.sub(r"[^\w.-]", "_", root.name)[:40] or "root"
    digest = hashlib.blake2b(os.fsencode(root), digest_size=8).hexdigest()
    return cache_dir() / "index" / f"{name}-{digest}" / DATABASE


@contextlib.contextmanager
def sole_keeper(folder: Path, on_wait: Callable[[], None] | None) -> Iterator[bool]:
    """Hold an index's folder alone; the lock goes with the process that has it.

    Args:
        folder: of the index; it is made where it is missing.
        on_wait: called before waiting for another process; where it is None there is no waiting, and False is yielded.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":  # several may write there, each the same
        yield True
        return
    import fcntl

    with (folder / LOCK).open("a") as lock:
        is_held = False
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_held = True
        if not is_held and on_wait is not None:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_held = True
        yield is_held


def remove_unused(indexes: Path, days: float = UNUSED_DAYS) -> None:
    """Remove every index that no process has kept for so long."""
    for folder in indexes.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - (folder / DATABASE).stat().st_mtime > days * DAY_S:
                with sole_keeper(folder, None) as is_held:
                    if is_held:
                        shutil.rmtree(folder, ignore_errors=True)

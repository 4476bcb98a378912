"""What keeps the index's process from being felt: its claims on the processor and on memory, and what it has had.

It does not know what the process does.
"""

import contextlib
import ctypes
import os
import re
import sys
from pathlib import Path

BELOW_NORMAL_PRIORITY_CLASS = 0x4000


def be_modest(max_memory_mb: int, niceness: int) -> None:
    """Work only where nobody else wants to, and never have more memory than this, where the system can see to that."""
    if sys.platform == "win32":
        ctypes.windll.kernel32.SetPriorityClass(-1, BELOW_NORMAL_PRIORITY_CLASS)
        return
    import resource

    os.nice(niceness)
    os.umask(0o077)  # what it writes down of the user's code is for the user alone
    limit = max_memory_mb * 1_000_000
    with contextlib.suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def max_rss_bytes() -> int:
    """The most memory that this process has had, or 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    if sys.platform == "linux":  # getrusage would tell of the process that started this one, if that has had more
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        match = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
        return int(match[1]) * 1024 if match else 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

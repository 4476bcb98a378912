"""What a process does that another one has started: end with it, and keep the standard streams for frames.

It does not know what the process is for.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator

READ_BYTES = 1 << 16
PR_SET_PDEATHSIG = 1


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

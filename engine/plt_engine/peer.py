"""Who is at the other end of a Unix socket, by the kernel's word.

It knows sockets only; what is done with a stranger is the caller's choice.
"""

import socket
import struct
import sys

_DARWIN_SOL_LOCAL, _DARWIN_LOCAL_PEERCRED, _DARWIN_XUCRED_BYTES = 0, 1, 76


def peer_uid(connection: socket.socket) -> int | None:
    """The user id of the process at the other end, or None where the platform does not tell."""
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
        return int(uid)
    if sys.platform == "darwin":
        credentials = connection.getsockopt(_DARWIN_SOL_LOCAL, _DARWIN_LOCAL_PEERCRED, _DARWIN_XUCRED_BYTES)
        _, uid = struct.unpack_from("=II", credentials)
        return int(uid)
    return None

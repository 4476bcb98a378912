"""Frames: a four-byte big-endian length and that many bytes, over any stream of bytes.

It does no IO, and does not know what the bytes mean or whether they travel through a pipe or a socket.
"""

import struct
from collections.abc import Iterator

from plt_engine.errors import HostError

MAX_FRAME_BYTES = 64 * 1024 * 1024
HEADER = struct.Struct(">I")


def encode_frame(body: bytes, max_frame_bytes: int = MAX_FRAME_BYTES) -> bytes:
    """The frame around a body; raises HostError where the body is larger than the limit."""
    if len(body) > max_frame_bytes:
        raise HostError(f"a message of {len(body)} bytes exceeds the limit of {max_frame_bytes} bytes")
    return HEADER.pack(len(body)) + body


class FrameDecoder:
    """Cuts a stream of bytes, fed in pieces of any size, into the bodies of its frames."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()

    @property
    def num_buffered_bytes(self) -> int:
        """Bytes of a frame that is not complete; other than 0 at the end of a stream means that it was cut off."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more bytes and yield each body that is complete; raises HostError at a frame above the limit."""
        self._buffer += data
        while (body := self._next_body()) is not None:
            yield body

    def _next_body(self) -> bytes | None:
        if len(self._buffer) < HEADER.size:
            return None
        (num_bytes,) = HEADER.unpack_from(self._buffer)
        if num_bytes > self._max_frame_bytes:
            raise HostError(f"a frame announces {num_bytes} bytes; the limit is {self._max_frame_bytes} bytes")
        end = HEADER.size + num_bytes
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[HEADER.size : end])
        del self._buffer[:end]
        return body

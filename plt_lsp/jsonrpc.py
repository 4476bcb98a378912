"""The base protocol: messages in a stream of bytes, each behind a `Content-Length` header (LSP 3.17, Base Protocol).

It does no IO, and does not know what the messages say.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

MAX_HEADER_BYTES = 8 * 1024
MAX_CONTENT_BYTES = 256 * 1024 * 1024
SEPARATOR = b"\r\n\r\n"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
SERVER_NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800


class BaseProtocolError(Exception):
    """The stream holds something that is no message, after which nothing in it can be trusted."""


def encode_message(message: Mapping[str, object]) -> bytes:
    """A message with its header; the JSON is plain ASCII, so that texts with half surrogate pairs travel too."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def parse(body: bytes) -> Any:  # noqa: ANN401  (any JSON at all)
    """The JSON in a body; raises ValueError where there is none. Half surrogate pairs are taken as they come."""
    return json.loads(body)


class MessageDecoder:
    """Cuts a stream of bytes, fed in pieces of any size, into the bodies of its messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._num_missing_bytes: int | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more bytes and yield each body that is complete; raises BaseProtocolError at a broken header."""
        self._buffer += data
        while (body := self._next_body()) is not None:
            yield body

    def _next_body(self) -> bytes | None:
        if self._num_missing_bytes is None:
            self._num_missing_bytes = self._take_header()
        if self._num_missing_bytes is None or len(self._buffer) < self._num_missing_bytes:
            return None
        body = bytes(self._buffer[: self._num_missing_bytes])
        del self._buffer[: self._num_missing_bytes]
        self._num_missing_bytes = None
        return body

    def _take_header(self) -> int | None:
        end = self._buffer.find(SEPARATOR)
        if end < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise BaseProtocolError(f"no header ends within {MAX_HEADER_BYTES} bytes")
            return None
        header = bytes(self._buffer[:end])
        del self._buffer[: end + len(SEPARATOR)]
        return _content_length(header)


def _content_length(header: bytes) -> int:
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            if not value.strip().isdigit() or int(value) > MAX_CONTENT_BYTES:
                raise BaseProtocolError(f"Content-Length is {value.strip()[:40]!r}; at most {MAX_CONTENT_BYTES} bytes")
            return int(value)
    raise BaseProtocolError(f"a header has no Content-Length: {header[:80]!r}")

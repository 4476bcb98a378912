"""Standard input and output as a stream of messages for an event loop, on two threads of their own.

It does not know what the messages say. The real standard output carries messages alone: whatever else is printed goes
to standard error, and a client that reads slowly holds up no one but itself.
"""

import asyncio
import logging
import os
import queue
import threading

from plt_lsp.jsonrpc import BaseProtocolError, MessageDecoder

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 16
FLUSH_S = 5.0


class StdioTransport:
    """The bodies of incoming messages, and a writer in the form that pygls expects."""

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="stdout", daemon=True)

    def start(self) -> None:
        """Start both threads; they end with the streams, and hold no process open."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read_all, args=(loop,), name="stdin", daemon=True).start()
        self._writer.start()

    async def receive(self) -> bytes | None:
        """The body of the next message, or None at the end of the input."""
        return await self._incoming.get()

    def end(self) -> None:
        """Take no further message, as if the input had ended behind those that are there."""
        self._incoming.put_nowait(None)

    def write(self, data: bytes) -> None:
        """Queue bytes for standard output."""
        self._outgoing.put(data)

    def close(self) -> None:
        """Write what is queued, unless nobody reads it."""
        self._outgoing.put(None)
        self._writer.join(FLUSH_S)

    def _read_all(self, loop: asyncio.AbstractEventLoop) -> None:
        decoder = MessageDecoder()
        try:
            while data := os.read(self._in, READ_BYTES):
                for body in decoder.feed(data):
                    loop.call_soon_threadsafe(self._incoming.put_nowait, body)
        except (OSError, BaseProtocolError) as error:
            logger.error("standard input cannot be read any further: %s", error)
        try:
            loop.call_soon_threadsafe(self._incoming.put_nowait, None)
        except RuntimeError:
            logger.debug("the server had ended before its input did")

    def _write_all(self) -> None:
        try:
            while (data := self._outgoing.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._out, view) :]
        except OSError as error:
            logger.error("standard output cannot be written any further: %s", error)

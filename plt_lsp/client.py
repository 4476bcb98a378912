"""A language client over the bare protocol: the project's own driver of its server, for its commands and its tests.

It knows JSON-RPC and nothing of pygls or lsprotocol, so that what it sees is what any editor would see.
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plt_lsp import jsonrpc
from plt_lsp.jsonrpc import MessageDecoder, encode_message

READ_BYTES = 1 << 16

Json = Any
Handler = Callable[[Json], Json]
Notified = Callable[[Json], None]


class ResponseError(Exception):
    """The server answered a request with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class ServerGoneError(Exception):
    """The server's stream ended while an answer was awaited."""


def server_command(*words: str) -> tuple[str, ...]:
    """The command line that starts this installation's own server.

    -P keeps the working folder, which is often the user's project, out of the places that modules come from.
    """
    return (sys.executable, "-P", "-m", "plt_lsp.cli", "serve", "--stdio", *words)


class LspClient:
    """One connection to a server process; made by `start`.

    Attributes:
        notifications: every notification received, as (method, parameters).
        strays: answers to no request of this client.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.notifications: list[tuple[str, Json]] = []
        self.strays: list[Json] = []
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._handlers: dict[str, Handler] = {}
        self._listeners: dict[str, Notified] = {}
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, command: Sequence[str], *, environment: Mapping[str, str] | None = None, quiet: bool = False
    ) -> "LspClient":
        """Start a server; `quiet` drops what it writes to standard error."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL if quiet else None,
            env=environment,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def answer(self, method: str, handler: Handler) -> None:
        """Answer the server's requests of a method."""
        self._handlers[method] = handler

    def listen(self, method: str, listener: Notified) -> None:
        """Have a function called with the parameters of each notification of a method."""
        self._listeners[method] = listener

    def received(self, method: str) -> list[Json]:
        """The parameters of every notification of a method so far."""
        return [params for name, params in self.notifications if name == method]

    async def wait_for(self, method: str, count: int = 1) -> list[Json]:
        """The parameters of the notifications of a method, once there are so many."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.received(method)) >= count or self._reader.done())
        if len(self.received(method)) < count:
            raise ServerGoneError(f"the server ended before it sent {method}")
        return self.received(method)

    def send(self, method: str, params: Json = None) -> "asyncio.Future[Json]":
        """Send a request at once; the future is its answer, and knows the request's id as `request_id`."""
        request_id = next(self._ids)
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        answer.request_id = request_id  # type: ignore[attr-defined]
        self._answers[request_id] = answer
        self._write({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        if self._reader.done():
            answer.set_exception(ServerGoneError(f"the server had ended before {method}"))
        return answer

    async def request(self, method: str, params: Json = None) -> Json:
        """The result of a request; raises ResponseError or ServerGoneError."""
        return await self.send(method, params)

    def cancel(self, answer: "asyncio.Future[Json]") -> None:
        """Cancel a request at the server, which still answers it."""
        self.notify("$/cancelRequest", {"id": answer.request_id})  # type: ignore[attr-defined]

    def notify(self, method: str, params: Json = None) -> None:
        """Send a notification."""
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def write_raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    async def initialize(
        self, options: Json = None, capabilities: Json = None, workspace_folders: Sequence[str] = ()
    ) -> Json:
        """Initialize the server and return its answer."""
        result = await self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "capabilities": capabilities or {"textDocument": {"inlineCompletion": {}}},
                "initializationOptions": options,
                "workspaceFolders": [{"uri": uri, "name": uri} for uri in workspace_folders] or None,
            },
        )
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str, language_id: str = "python", version: int = 1) -> None:
        """Open a document."""
        document = {"uri": uri, "languageId": language_id, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, version: int, *changes: Json) -> None:
        """Change a document."""
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)},
        )

    def inline_completion(
        self, uri: str, line: int, character: int, *, is_automatic: bool = False, selected: Json = None
    ) -> "asyncio.Future[Json]":
        """Ask for an inline completion."""
        context: dict[str, Json] = {"triggerKind": 2 if is_automatic else 1}
        if selected is not None:
            context["selectedCompletionInfo"] = selected
        position = {"line": line, "character": character}
        return self.send(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": uri}, "position": position, "context": context},
        )

    async def shut_down(self) -> int:
        """Ask the server to end, and return its exit code."""
        await self.request("shutdown")
        return await self.exit()

    async def exit(self) -> int:
        """Send `exit` and return the server's exit code."""
        self.notify("exit")
        return await self.wait()

    async def wait(self) -> int:
        """Return the server's exit code once it has ended."""
        await self._reader
        code = await self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.wait_closed()
        return code

    async def end_input(self) -> int:
        """Close the server's standard input without a word, and return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await self.wait()

    async def kill(self) -> None:
        """End the server as the system would, with no chance to say anything."""
        if self._process.returncode is None:
            self._process.kill()
        await self.wait()

    def _write(self, message: Mapping[str, object]) -> None:
        self.write_raw(encode_message(message))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        decoder = MessageDecoder()
        try:
            while data := await self._process.stdout.read(READ_BYTES):
                for body in decoder.feed(data):
                    await self._receive(jsonrpc.parse(body))
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ServerGoneError("the server ended before it answered"))
            async with self._news:
                self._news.notify_all()

    async def _receive(self, message: Json) -> None:
        method = message.get("method")
        if method is None:
            self._take_answer(message)
        elif "id" in message:
            self._answer_request(message)
        else:
            self.notifications.append((method, message.get("params")))
            if method in self._listeners:
                self._listeners[method](message.get("params"))
            async with self._news:
                self._news.notify_all()

    def _take_answer(self, message: Json) -> None:
        answer = self._answers.pop(message["id"], None)
        if answer is None:
            self.strays.append(message)
        if answer is None or answer.cancelled():
            return
        if "error" in message:
            answer.set_exception(ResponseError(message["error"]["code"], message["error"]["message"]))
        else:
            answer.set_result(message["result"])

    def _answer_request(self, message: Json) -> None:
        handler = self._handlers.get(message["method"])
        answer: dict[str, Json] = {"jsonrpc": "2.0", "id": message["id"]}
        if handler is None:
            answer["error"] = {"code": jsonrpc.METHOD_NOT_FOUND, "message": f"{message['method']} is not supported"}
        else:
            answer["result"] = handler(message.get("params"))
        self._write(answer)

"""The server's speed, from keystroke to ghost text: a real server process on its own streams, with a real pack.

First the correctness gate: after the edits that are timed, the server's text equals a naive editor's, and the answer
after the storm is a completion. All times are the client's, in milliseconds.
"""

import argparse
import asyncio
import json
import linecache
import os
import random
import subprocess
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from plt_engine.pack import find_pack
from plt_engine.types import GenerationChunk, GenerationOutput, GenerationRequest, Prompt, StopSpec
from plt_engine.wire import EngineConfig
from plt_lsp.client import LspClient, server_command
from plt_lsp.documents import Document, Edit
from plt_lsp.engine_client import EngineClient
from plt_lsp.jsonrpc import encode_message
from plt_lsp.positions import Position, PositionEncoding

NUM_LINES = 10_000
AT_LINE = 5_000
URI = "file:///bench/large.py"
# 80 words of five characters a minute.
KEYSTROKE_S = 60 / (80 * 5)
TYPED = '''def summarise(values, weights):
    """The weighted mean, minimum and maximum of some numbers."""
    total = 0.0
    for value, weight in zip(values, weights):
        total += value * weight
    mean = total / sum(weights)
    return {"mean": mean, "min": min(values), "max": max(values)}


def main():
    print(summarise([1, 2, 3], [4, 5, 6]))
'''


BEGUN = (
    "def area(width, height):\n    return ",
    "def mean(values):\n    return sum(values) / ",
    "def is_even(number):\n    return number ",
)


def large_text() -> str:
    """Lines of the standard library's own modules, so many that no server is at ease."""
    folder, lines = Path(sysconfig.get_paths()["stdlib"]), list[str]()
    for path in sorted(folder.glob("*.py")):
        lines += [line.rstrip("\n") + "\n" for line in linecache.getlines(str(path))]
        if len(lines) >= NUM_LINES:
            break
    return "".join(lines[:NUM_LINES])


def percentile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def resident_mb(pid: int) -> float:
    """The resident memory of a process, as the system's `ps` tells it."""
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)])) / 1e3


def correctness_gate() -> None:
    """Random edits by the server's store and by slicing one string; raises AssertionError where they differ."""
    text, rng = large_text(), random.Random(0)
    document = Document(URI, "python", 1, text, "s")
    for _ in range(200):
        line = rng.randrange(len(document.lines) - 1)
        column = rng.randrange(len(document.lines[line]))
        inserted = rng.choice(["x", "\n", "    return y\n", ""])
        start = sum(map(len, document.lines[:line])) + column
        end = min(start + rng.randrange(3), start + len(document.lines[line]) - 1 - column)
        text = text[:start] + inserted + text[end:]
        edit = Edit(Position(line, column), Position(line, column + end - start), inserted)
        document.apply([edit], PositionEncoding.UTF32)
        assert document.text == text, "the server's text differs from the editor's"


class Typist:
    """A client with one large document, and a cursor in the middle of it."""

    def __init__(self, client: LspClient) -> None:
        self.client = client
        self.version = 1
        self.line, self.column = AT_LINE, 0

    def type(self, text: str) -> None:
        """Insert some text at the cursor, as one change."""
        here = {"line": self.line, "character": self.column}
        self.version += 1
        self.client.change(URI, self.version, {"range": {"start": here, "end": here}, "text": text})
        if "\n" in text:
            self.line, self.column = self.line + text.count("\n"), len(text.rpartition("\n")[2])
        else:
            self.column += len(text)

    def ask(self, *, is_automatic: bool = True) -> "asyncio.Future[Any]":
        return self.client.inline_completion(URI, self.line, self.column, is_automatic=is_automatic)

    async def answer(self, *, is_automatic: bool = True) -> tuple[float, str]:
        """Milliseconds to the answer, and the first item's text after the cursor."""
        started = time.perf_counter()
        result = await self.ask(is_automatic=is_automatic)
        elapsed_ms = (time.perf_counter() - started) * 1e3
        items = (result or {"items": []})["items"]
        if not items:
            return elapsed_ms, ""
        return elapsed_ms, items[0]["insertText"][self.column :]


@asynccontextmanager
async def server(settings: dict[str, Any]) -> AsyncIterator[tuple[LspClient, float]]:
    """A started and initialized server, and how long it took from the start of its process to that answer."""
    started = time.perf_counter()
    client = await LspClient.start(server_command(), quiet=True)
    client.answer("workspace/configuration", lambda params: [None for _ in params["items"]])
    await client.request(
        "initialize",
        {"processId": os.getpid(), "rootUri": None, "capabilities": {}, "initializationOptions": {"plt": settings}},
    )
    elapsed_ms = (time.perf_counter() - started) * 1e3
    client.notify("initialized", {})
    try:
        yield client, elapsed_ms
    finally:
        await client.shut_down()


async def did_change_ms(num: int = 500) -> list[float]:
    """How long the server is busy with one key press in the large file: handled in this process, message by message."""
    from plt_lsp.server import PltServer

    class Nowhere:
        def write(self, data: bytes) -> None:
            return

    ls = PltServer(EngineClient())
    ls.protocol.set_writer(Nowhere())

    def send(method: str, params: Any, **more: Any) -> float:
        body = encode_message({"jsonrpc": "2.0", "method": method, "params": params, **more}).partition(b"\r\n\r\n")[2]
        started = time.perf_counter()
        ls.protocol.receive(body)
        return (time.perf_counter() - started) * 1e3

    send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, id=1)
    await asyncio.sleep(0.1)
    document = {"uri": URI, "languageId": "python", "version": 1, "text": large_text()}
    send("textDocument/didOpen", {"textDocument": document})
    times = []
    for i in range(num):
        here = {"line": AT_LINE, "character": i}
        change = {"range": {"start": here, "end": here}, "text": "x"}
        params = {"textDocument": {"uri": URI, "version": i + 2}, "contentChanges": [change]}
        times.append(send("textDocument/didChange", params))
        await asyncio.sleep(0)
    await ls.session.close()
    return times


async def cold_and_warm_ms(typist: Typist, rounds: int) -> dict[str, list[float]]:
    """Invoked requests: the first at a new place, whose context is not cached, and the next after a key press there."""
    found: dict[str, list[float]] = {"cold": [], "warm": []}
    for i in range(rounds):
        typist.line, typist.column = 100 + 371 * i, 0
        typist.type("\n")
        typist.line, typist.column = typist.line - 1, 0
        found["cold"].append((await typist.answer(is_automatic=False))[0])
        for text in ("x", " "):
            typist.type(text)
            found["warm"].append((await typist.answer())[0])
    return found


async def type_through_ms(typist: Typist, rounds: int) -> list[float]:
    """Automatic requests while the text that was offered is typed, character by character."""
    times = []
    for i in range(rounds):
        typist.line, typist.column = 250 + 413 * i, 0
        typist.type("def total(values):\n    return ")
        _, offered = await typist.answer(is_automatic=False)
        line = offered.partition("\n")[0]
        for char in line[: min(12, len(line) - 1)]:  # behind its last character another text is asked for
            typist.type(char)
            times.append((await typist.answer())[0])
    return times


async def storm_ms(typist: Typist, i: int) -> float:
    """The answer to a live request after forty that were cancelled at once; each time at another place."""
    typist.line, typist.column = AT_LINE + 300 * i, 0
    typist.type(BEGUN[i])
    started = time.perf_counter()
    cancelled = [typist.ask(is_automatic=False) for _ in range(40)]
    for answer in cancelled:
        typist.client.cancel(answer)
    result = await typist.ask(is_automatic=False)
    elapsed_ms = (time.perf_counter() - started) * 1e3
    await asyncio.gather(*cancelled, return_exceptions=True)
    assert (result or {"items": []})["items"], "the live request after the storm got no completion"
    return elapsed_ms


async def replay(typist: Typist, num_keys: int) -> dict[str, Any]:
    """Keystrokes at 80 words a minute, each with its request; a newer one cancels the older, as editors do."""
    typist.line, typist.column = AT_LINE + 100, 0
    times, outcomes, pending = list[float](), {"items": 0, "empty": 0, "superseded": 0}, list[asyncio.Task[None]]()
    before: asyncio.Future[Any] | None = None

    async def note(answer: "asyncio.Future[Any]", started: float) -> None:
        try:
            result = await answer
        except Exception:
            result = None
        elapsed_ms = (time.perf_counter() - started) * 1e3
        if result is None:
            outcomes["superseded"] += 1
        elif result["items"]:
            outcomes["items"] += 1
            times.append(elapsed_ms)
        else:
            outcomes["empty"] += 1

    for char in TYPED[:num_keys]:
        typist.type(char)
        if before is not None and not before.done():
            typist.client.cancel(before)
        before = typist.ask()
        pending.append(asyncio.create_task(note(before, time.perf_counter())))
        await asyncio.sleep(KEYSTROKE_S)
    await asyncio.gather(*pending)
    return {"ms": times, "outcomes": outcomes}


async def wasted_tokens(pack: Path, rounds: int = 10) -> list[int]:
    """Tokens that the engine still makes after an abort, counted over those that were on their way when it was sent."""
    client, wasted = EngineClient(), []
    prompt = Prompt("def numbers():\n    return [1, 2, 3, 4, 5, 6, 7, ")
    for i in range(rounds):
        request = GenerationRequest(f"r{i}", "s", prompt, stop=StopSpec(max_tokens=200), heals_tokens=False)
        num_seen, num_made = 0, 0
        async for event in client.generate(EngineConfig(str(pack)), request):
            if isinstance(event, GenerationChunk):
                num_seen += 1
                if num_seen == 3:
                    client.abort(request.request_id)
                    num_at_abort = num_seen
            elif isinstance(event, GenerationOutput):
                num_made = event.metrics.num_generated_tokens
        wasted.append(num_made - num_at_abort)
    await client.close()
    return wasted


async def measure(pack: Path, rounds: int, num_keys: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Every figure by its name."""
    # One text for each request: what takes how long with alternatives is the user's choice.
    one = {"alternatives": 1}
    settings = {"model": str(pack), "engine": {"share": False}, "statistics": False, "inlineCompletion": one}
    starts = []
    for _ in range(max(3, rounds // 2)):
        async with server(settings) as (_, elapsed_ms):
            starts.append(elapsed_ms)
    say("start to initialize: done")
    results: dict[str, Any] = {"start to initialize": starts, "didChange at 10k lines": await did_change_ms()}
    async with server(settings) as (client, _):
        client.open(URI, large_text())
        typist = Typist(client)
        await typist.answer(is_automatic=False)  # loads the model
        results["server's resident MB"] = [resident_mb(client.pid)]
        results |= await cold_and_warm_ms(typist, rounds)
        say("cold and warm: done")
        results["type-through"] = await type_through_ms(typist, rounds)
        results["live answer after 40 cancelled"] = [await storm_ms(typist, i) for i in range(len(BEGUN))]
        say("type-through and storm: done")
        played = await replay(typist, num_keys)
        results["replay at 80 words a minute"] = played["ms"] or [float("nan")]
        results["replay outcomes"] = played["outcomes"]
    results["tokens made after a cancel"] = await wasted_tokens(pack)
    return results


TARGETS = {
    "start to initialize": "300",
    "didChange at 10k lines": "p95 1",
    "server's resident MB": "120",
    "cold": "p95 1000",
    "warm": "p50 150, p95 300",
    "type-through": "p95 10",
    "tokens made after a cancel": "1",
}


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench server", description=__doc__)
    parser.add_argument("--pack", default="smollm2-135m", help="a pack's name or folder")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--keys", type=int, default=300, help="keystrokes of the replay")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args(args)
    console = Console()
    correctness_gate()
    console.print("correctness gate passed: 200 random edits at 10,000 lines")
    pack = find_pack(options.pack).absolute()
    results = asyncio.run(measure(pack, options.rounds, options.keys, lambda text: print(text, file=sys.stderr)))
    table = Table(title=f"milliseconds unless named otherwise; pack {pack.name}")
    for column in ("case", "p50", "p95", "worst", "cases", "target"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for name, values in results.items():
        if isinstance(values, list):
            cells = (percentile(values, 0.5), percentile(values, 0.95), max(values))
            table.add_row(name, *(f"{cell:.1f}" for cell in cells), str(len(values)), TARGETS.get(name, ""))
    console.print(table)
    console.print(f"of the replay's requests: {results['replay outcomes']}")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0

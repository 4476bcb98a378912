"""`plt-lsp demo`: starts the real server with the model that ships with it, and completes real files.

It does not know the engine; what it shows is what an editor would receive. Every step that fails ends it with a code.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from plt_lsp.ask import Answer, ask, initialize
from plt_lsp.client import LspClient, ResponseError, ServerGoneError, server_command
from plt_lsp.demo_cursors import CURSORS, DemoCursor, Place, find_place
from plt_lsp.documents import content_of, split_lines
from plt_lsp.positions import Cursor
from plt_lsp.postprocess.reasons import Reason

NUM_LINES_BEFORE = 6
NUM_LINES_AFTER = 2
SETTINGS = {"logLevel": "error", "inlineCompletion": {"deadlineMs": 120_000, "maxTokens": 64, "alternatives": 1}}
# What is typed at the end, and how long the user thinks before: in a pause the model reads what stands around.
TYPED = "heap."
PAUSE_S = 3.0
# The model may have nothing to add that is worth a look; what else leaves an answer empty is a failure of the demo.
HONEST_OUTCOMES = frozenset({"completed", *(reason.value for reason in Reason)})


class DemoError(Exception):
    """A step of the demo failed."""


def main(args: list[str]) -> int:
    """Run the demo; returns 0, or 1 where a step failed."""
    argparse.ArgumentParser(prog="plt-lsp demo", description=__doc__).parse_args(args)
    console = Console(highlight=False, soft_wrap=True)
    try:
        asyncio.run(show(console))
    except (DemoError, ResponseError, ServerGoneError, LookupError) as error:
        console.print(f"\nThe demo failed: {error}", style="bold red", markup=False)
        return 1
    return 0


async def show(console: Console) -> None:
    """Start a server and complete at every cursor."""
    started = time.perf_counter()
    client = await LspClient.start(server_command())
    try:
        await initialize(client, SETTINGS)
        elapsed_ms = (time.perf_counter() - started) * 1e3
        console.print(f"\nThe server answered initialize {elapsed_ms:.0f} ms after its start, no model loaded yet.")
        answers = [await _complete(console, client, i, cursor) for i, cursor in enumerate(CURSORS, 1)]
        answers += await _go_on(console, client, answers[0])
        await _sum_up(console, client, answers)
        code = await client.shut_down()
    finally:
        await client.kill()
    if code != 0:
        raise DemoError(f"the server ended with exit code {code} after shutdown")


async def _complete(console: Console, client: LspClient, i: int, cursor: DemoCursor) -> Answer:
    place = find_place(cursor)
    uri = place.path.as_uri()
    client.open(uri, _without_hole(place))
    title = f"{i}/{len(CURSORS)}  {'/'.join(cursor.file)}:{place.cursor.line + 1}:{place.cursor.column + 1}"
    console.print(f"\n{title}  {cursor.title}", style="bold cyan", markup=False)
    return await _ask(console, client, uri, _without_hole(place), place.cursor)


async def _go_on(console: Console, client: LspClient, first: Answer) -> list[Answer]:
    """Accept the first completion and begin the next line; then type on, where the engine goes on from what it read."""
    place = find_place(CURSORS[0])
    uri, text, cursor = place.path.as_uri(), _without_hole(place), place.cursor
    steps = (
        ("again, the first one accepted and a new line begun", f"{first.text}\n{' ' * cursor.column}"),
        (f"once more, {TYPED!r} typed after a pause", TYPED),
    )
    answers = []
    for version, (title, typed) in enumerate(steps, 2):
        await asyncio.sleep(PAUSE_S)
        client.change(uri, version, {"range": _span(cursor, cursor), "text": typed})
        offset = len("".join(split_lines(text)[: cursor.line])) + cursor.column
        text = text[:offset] + typed + text[offset:]
        last = typed.rpartition("\n")[2]
        is_new_line = "\n" in typed
        cursor = Cursor(cursor.line + typed.count("\n"), len(last) + (0 if is_new_line else cursor.column))
        console.print(f"\n{place.path.name} {title}", style="bold cyan")
        answers.append(await _ask(console, client, uri, text, cursor))
    return answers


async def _ask(console: Console, client: LspClient, uri: str, text: str, cursor: Cursor) -> Answer:
    lines = split_lines(text)
    stream = _Stream(console, cursor)
    stream.open(lines)
    answer = await ask(client, uri, cursor, stream.grow)
    stream.close(lines, answer)
    if answer.outcome not in HONEST_OUTCOMES:
        raise DemoError(f"{answer.outcome}: {' '.join(answer.messages)}")
    return answer


async def _sum_up(console: Console, client: LspClient, answers: list[Answer]) -> None:
    num_completed = sum(bool(answer.text) for answer in answers)
    if num_completed * 2 <= len(answers):
        raise DemoError(f"only {num_completed} of {len(answers)} cursors got a completion")
    engine = (await client.request("plt/status"))["engine"]
    info = engine["info"]
    console.print(
        f"\n{num_completed} of {len(answers)} cursors completed by {info['pack']} on {info['device']} "
        f"({info['dtype']}, {info['numThreads']} threads), loaded in {info['loadMs']:.0f} ms, "
        f"engine process at most {engine['maxRssBytes'] / 2**20:.0f} MiB.",
        style="bold",
    )


def _span(start: Cursor, end: Cursor) -> dict[str, dict[str, int]]:
    return {
        "start": {"line": start.line, "character": start.column},
        "end": {"line": end.line, "character": end.column},
    }


def _without_hole(place: Place) -> str:
    lines = split_lines(place.text)
    before = "".join(lines[: place.cursor.line]) + lines[place.cursor.line][: place.cursor.column]
    return before + lines[place.end.line][place.end.column :] + "".join(lines[place.end.line + 1 :])


@dataclass(slots=True)
class _Stream:
    """Prints a completion in its place as it grows: the lines before, the text in colour, the rest, what it cost."""

    console: Console
    cursor: Cursor
    shown: str = ""

    def open(self, lines: list[str]) -> None:
        for i in range(max(0, self.cursor.line - NUM_LINES_BEFORE), self.cursor.line):
            self._print(f"{self._gutter(i)}{content_of(lines[i])}\n", "dim")
        before = lines[self.cursor.line][: self.cursor.column]
        self._print(f"{self._gutter(self.cursor.line)}{before}", "dim")

    def grow(self, text: str) -> None:
        """Print what is new; a text that shrank, at a stop rule's bidding, is left to `close`."""
        if text.startswith(self.shown):
            self._print_inserted(text[len(self.shown) :])
            self.shown = text

    def close(self, lines: list[str], answer: Answer) -> None:
        self.grow(answer.text)
        rest = content_of(lines[self.cursor.line])[self.cursor.column :]
        self._print(rest if answer.text else f"{rest}   (no suggestion: {answer.outcome})", "dim")
        self._print("\n", "dim")
        if self.shown != answer.text:
            self._print(f"{self._gutter(None)}cut back to: {answer.text!r}\n", "yellow")
        following = range(self.cursor.line + 1, min(len(lines), self.cursor.line + 1 + NUM_LINES_AFTER))
        for i in following:
            self._print(f"{self._gutter(None)}{content_of(lines[i])}\n", "dim")
        if answer.metrics is not None:
            self._print(f"      ╰ {answer.metrics.line()} · answered after {answer.elapsed_ms:.0f} ms\n", "yellow")

    def _print_inserted(self, text: str) -> None:
        self._print(text.replace("\n", f"\n{self._gutter(None)}"), "bold green")

    def _print(self, text: str, style: str) -> None:
        self.console.print(Text(text, style=style), end="")
        self.console.file.flush()

    @staticmethod
    def _gutter(i: int | None) -> str:
        return f"{'' if i is None else i + 1:>5} │ "

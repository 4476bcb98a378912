"""`plt-lsp explain FILE:START-END`: some lines explained through a real server, started for it as an editor would.

It does not know the engine; what it prints is what an editor would receive, line by line as it becomes certain.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from plt_lsp.ask import GENERAL, language_of
from plt_lsp.client import Json, LspClient, ResponseError, ServerGoneError, server_command
from plt_lsp.documents import content_of, split_lines
from plt_lsp.explain.kinds import Kind
from plt_lsp.messages import EXPLANATION_PROGRESS

EXIT_OK, EXIT_FACTS_ALONE, EXIT_USAGE, EXIT_FAILED = 0, 1, 2, 3
COMMAND = "plt.explainSelection"
WITHOUT_WORDS = ("no_chat", "failed")


def main(args: list[str]) -> int:
    """Print an explanation; returns 0, 1 where the facts stand alone, 2 for lines that are not there, 3 on failure."""
    options = _parser().parse_args(args)
    try:
        path, first, last = parse_lines(options.place)
        text = path.read_bytes().decode("utf-8")
        span = range_of(text, first, last)
    except (OSError, ValueError) as error:
        return _complain(f"{options.place}: {error}", EXIT_USAGE)
    printer = _Printer(is_silent=options.json)
    try:
        answer = asyncio.run(_explained(path.absolute(), text, span, options, printer))
    except (ResponseError, ServerGoneError) as error:
        return _complain(str(error), EXIT_FAILED)
    if options.json:
        sys.stdout.write(json.dumps(answer) + "\n")
    printer.end(answer["text"])
    return EXIT_FACTS_ALONE if answer["outcome"] in WITHOUT_WORDS else EXIT_OK


def parse_lines(place: str) -> tuple[Path, int, int]:
    """The file and its first and last line in `FILE:START-END` or `FILE:LINE`; raises ValueError for another form."""
    file, _, lines = place.rpartition(":")
    first, dash, last = lines.partition("-")
    last = last if dash else first
    if not file or not first.isdecimal() or not last.isdecimal():
        raise ValueError("write FILE:START-END, for example src/a.py:12-40")
    return Path(file), int(first), int(last)


def range_of(text: str, first: int, last: int) -> Json:
    """The range of whole lines, counted from 1; raises ValueError where the text has them not."""
    lines = split_lines(text)
    if not 1 <= first <= last <= len(lines):
        raise ValueError(f"there are no lines {first} to {last}; the file has {len(lines)}")
    end = {"line": last - 1, "character": len(content_of(lines[last - 1]))}
    return {"start": {"line": first - 1, "character": 0}, "end": end}


class _Printer:
    """Prints a growing text: each line once it is no longer the last one."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent
        self._printed = ""

    def grow(self, text: str) -> None:
        self._print(text[: text.rstrip("\n").rfind("\n") + 1])

    def end(self, text: str) -> None:
        self._print(text)

    def _print(self, text: str) -> None:
        if self._is_silent:
            return
        # Where what is printed turns out to be another text, as of a block of code that has not ended, all comes again.
        new = text.removeprefix(self._printed) if text.startswith(self._printed) else f"\n{text}"
        sys.stdout.write(new)
        sys.stdout.flush()
        self._printed = text


async def _explained(path: Path, text: str, span: Json, options: argparse.Namespace, printer: _Printer) -> Json:
    settings: dict[str, Json] = {"logLevel": "error", "capabilities": {"explanationProgress": True}}
    if options.model is not None:
        settings["model"] = options.model
    client = await LspClient.start(server_command())
    try:
        await client.initialize({"plt": settings}, {"general": GENERAL}, [Path.cwd().as_uri()])
        client.listen(EXPLANATION_PROGRESS, lambda told: printer.grow(told["text"]))
        uri = path.as_uri()
        client.open(uri, text, language_of(path))
        arguments = [uri, span, options.kind]
        answer = await client.request("workspace/executeCommand", {"command": COMMAND, "arguments": arguments})
        await client.shut_down()
        return answer
    finally:
        await client.kill()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plt-lsp explain", description="Explain some lines of a file.")
    parser.add_argument("place", metavar="FILE:START-END", help="the lines, counted from 1; one number is one line")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], default=Kind.EXPLAIN.value, help="what to say")
    parser.add_argument("--model", metavar="NAME", help="a pack's name or folder (default: the default pack)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"plt-lsp explain: {message}\n")
    return code

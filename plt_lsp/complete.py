"""`plt-lsp complete FILE:LINE:COL`: one completion through a real server, started for it as an editor would.

It does not know the engine; what it prints is what an editor would receive.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from plt_lsp.ask import Answer, ask, cursor_at, initialize, language_of, to_json
from plt_lsp.client import LspClient, ResponseError, ServerGoneError, server_command
from plt_lsp.positions import Cursor

EXIT_OK, EXIT_EMPTY, EXIT_USAGE, EXIT_FAILED = 0, 1, 2, 3


def main(args: list[str]) -> int:
    """Print one completion; returns 0, 1 where there is none, 2 for a place that is not there, 3 where it failed."""
    options = _parser().parse_args(args)
    try:
        path, line, column = parse_place(options.place)
        text = path.read_bytes().decode("utf-8")
        cursor = cursor_at(text, line, column)
    except (OSError, ValueError) as error:
        return _complain(f"{options.place}: {error}", EXIT_USAGE)
    try:
        answer = asyncio.run(complete(path.absolute(), text, cursor, settings_of(options)))
    except (ResponseError, ServerGoneError) as error:
        return _complain(str(error), EXIT_FAILED)
    return _print(answer, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plt-lsp complete", description="Complete a file at one cursor.")
    parser.add_argument("place", metavar="FILE:LINE:COL", help="the cursor; lines and columns count from 1")
    parser.add_argument("--loops", type=int, metavar="N", help="the loop count R (default: the pack's)")
    parser.add_argument("--model", metavar="NAME", help="a pack's name or folder (default: the default pack)")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="the most tokens to generate")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


def parse_place(place: str) -> tuple[Path, int, int]:
    """The file, line and column in `FILE:LINE:COL`; raises ValueError where it is not of that form."""
    file, *numbers = place.rsplit(":", 2)
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise ValueError("write FILE:LINE:COL, for example src/a.py:12:5")
    return Path(file), int(numbers[0]), int(numbers[1])


def settings_of(options: argparse.Namespace) -> dict[str, object]:
    """The settings that the options ask for; the server checks them and says what is wrong."""
    inline: dict[str, object] = {"deadlineMs": 120_000, "alternatives": 1}
    settings: dict[str, object] = {"logLevel": "error", "inlineCompletion": inline}
    if options.max_tokens is not None:
        inline["maxTokens"] = options.max_tokens
    if options.loops is not None:
        settings["loops"] = options.loops
    if options.model is not None:
        settings["model"] = options.model
    return settings


async def complete(path: Path, text: str, cursor: Cursor, settings: dict[str, object]) -> Answer:
    """Start a server, open the file, given by its absolute path, ask once, and shut the server down."""
    client = await LspClient.start(server_command())
    try:
        await initialize(client, settings)
        uri = path.as_uri()
        client.open(uri, text, language_of(path))
        answer = await ask(client, uri, cursor)
        await client.shut_down()
        return answer
    finally:
        await client.kill()


def _print(answer: Answer, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(to_json(answer) + "\n")
    else:
        if answer.text:
            sys.stdout.write(answer.text + "\n")
        for message in answer.messages:
            sys.stderr.write(f"plt-lsp: {message}\n")
        cost = f"{answer.model} · {answer.metrics.line()}" if answer.metrics else "nothing was generated"
        sys.stderr.write(f"{answer.outcome} · {cost}\n")
    return EXIT_OK if answer.text else EXIT_EMPTY


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"plt-lsp complete: {message}\n")
    return code

"""`plt-lsp context FILE:LINE:COL`: what the model would be shown at a cursor, and why.

It starts no server and no engine, takes the settings' defaults where no option says otherwise, and the folder that it
runs in for the workspace folder.
"""

import argparse
import asyncio
import sys
from dataclasses import asdict, replace
from pathlib import Path

import orjson

from plt_lsp.ask import cursor_at, language_of
from plt_lsp.complete import EXIT_EMPTY, EXIT_OK, EXIT_USAGE, parse_place
from plt_lsp.context.cross_file import Selection
from plt_lsp.context.prompt import context_of, fits_whole
from plt_lsp.context_text import context_text
from plt_lsp.context_tokens import with_tokens
from plt_lsp.documents import split_lines
from plt_lsp.index.places import database_of
from plt_lsp.positions import Cursor
from plt_lsp.settings import ContextSettings, Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.trigger import plan_for, refusal
from plt_lsp.workspace_reader import Question, WorkspaceReader

NO_INDEX = "this folder has no index yet, so that nothing is known of its other files; open it in your editor first"


def main(args: list[str]) -> int:
    """Print the context; returns 0, 1 where nothing is shown of the file, 2 for a place or number that is none."""
    options = _parser().parse_args(args)
    try:
        path, line, column = parse_place(options.place)
        text = path.read_bytes().decode("utf-8")
        snapshot = snapshot_of(path, text, cursor_at(text, line, column), _settings_of(options))
    except (OSError, ValueError) as error:
        return _complain(f"{options.place}: {error}", EXIT_USAGE)
    reason = refusal(snapshot, is_automatic=False)
    if reason is not None:
        return _complain(f"{options.place}: the model is shown nothing of it: {reason}", EXIT_EMPTY)
    is_here = path.resolve().is_relative_to(Path.cwd())
    sys.stdout.write(_told(snapshot, is_here=is_here, as_json=options.json))
    if is_here and snapshot.settings.context.max_chunk_chars and not database_of(Path.cwd().resolve()).exists():
        sys.stderr.write(f"plt-lsp context: {NO_INDEX}\n")
    return EXIT_OK


def snapshot_of(path: Path, text: str, cursor: Cursor, settings: Settings) -> Snapshot:
    """A file as an editor would have opened it in the folder that the command runs in."""
    full, here = path.resolve(), Path.cwd()
    relative = full.relative_to(here).as_posix() if full.is_relative_to(here) else full.name
    return Snapshot(
        uri=full.as_uri(),
        version=1,
        language_id=language_of(path),
        session_id="file",
        path=relative,
        lines=tuple(split_lines(text)),
        cursor=cursor,
        settings=settings,
        num_chars=len(text),
    )


def _told(snapshot: Snapshot, *, is_here: bool, as_json: bool) -> str:
    parsed = SyntaxTree.parse(snapshot.language_id, snapshot.lines)
    tree = parsed if isinstance(parsed, SyntaxTree) else None
    row, frames = snapshot.cursor.line, FrameCache()
    outline = frames.outline_of(snapshot.session_id, snapshot.language_id, snapshot.lines, row, lambda: tree)
    others = WorkspaceReader().answer(Question(Path.cwd(), snapshot, outline)) if is_here else Selection()
    found = context_of(snapshot, None if fits_whole(snapshot) else outline, others)
    context = asyncio.run(with_tokens(found, snapshot.settings.model))
    if as_json:
        data = {"prompt": asdict(context.prompt), "report": asdict(context.report)}
        return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n"
    return context_text(snapshot, context, plan_for(snapshot, tree))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plt-lsp context", description="Show what the model is shown at one cursor, and why."
    )
    parser.add_argument("place", metavar="FILE:LINE:COL", help="the cursor; lines and columns count from 1")
    parser.add_argument("--max-prefix-chars", type=int, metavar="N", help="the most text before the cursor")
    parser.add_argument("--max-suffix-chars", type=int, metavar="N", help="the most text after the cursor")
    parser.add_argument("--max-chunk-chars", type=int, metavar="N", help="the most text of other files")
    parser.add_argument("--model", metavar="NAME", help="the pack whose tokens are counted (default: the default pack)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _settings_of(options: argparse.Namespace) -> Settings:
    """The settings that the options ask for; raises ValueError for a number that they cannot have."""
    context = ContextSettings()
    if options.max_prefix_chars is not None:
        context = replace(context, max_prefix_chars=_at_least(options.max_prefix_chars, 100, "--max-prefix-chars"))
    if options.max_suffix_chars is not None:
        context = replace(context, max_suffix_chars=_at_least(options.max_suffix_chars, 0, "--max-suffix-chars"))
    if options.max_chunk_chars is not None:
        context = replace(context, max_chunk_chars=_at_least(options.max_chunk_chars, 0, "--max-chunk-chars"))
    settings = Settings(context=context)
    return settings if options.model is None else replace(settings, model=options.model)


def _at_least(number: int, least: int, name: str) -> int:
    if number < least:
        raise ValueError(f"{name} {number}: write {least} or more")
    return number


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"plt-lsp context: {message}\n")
    return code

"""Runs of refactorings with the scripted engine in a real child process, one process for many of them."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from plt_engine.wire import EngineConfig
from plt_lsp.documents import cursor_of, split_lines
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from plt_lsp.positions import Cursor, Position, PositionEncoding
from plt_lsp.refactor.proposal import Offer, Selection
from plt_lsp.refactor.written.api import Problem, Writing
from plt_lsp.settings import RefactorSettings, Settings
from plt_lsp.snapshot import Snapshot
from tests.lsp.scripted_engine import read_journal, write_script

ROOT = Path(__file__).parents[2]
FACTORY = "tests.lsp.scripted_engine:load"
MARK = "‸"
BOTH = {"can_chat": True, "can_infill": True}
CHAT = {"can_chat": True, "can_infill": False}
INFILL = {"can_chat": False, "can_infill": True}


@dataclass(frozen=True)
class Case:
    """A refactoring and what the scripted model answers.

    A document has one `‸` for a cursor or two for a selection. `fault` is what the user is told where it is refused,
    and None where the result is `expected`.
    """

    name: str
    kind: str
    document: str
    answers: Sequence[str]
    fault: str | None = None
    expected: str = ""
    language: str = "python"
    instruction: str = ""
    message: str = ""
    info: Mapping[str, bool] = field(default_factory=lambda: CHAT)
    script: Mapping[str, object] = field(default_factory=dict)


def selection_of(document: str, language_id: str = "python", uri: str = "file:///project/a.py") -> Selection:
    """The selection between two marks, or the cursor at one."""
    before, *rest = document.split(MARK)
    text = "".join([before, *rest])
    ends = [before, before + rest[0]] if len(rest) > 1 else [before, before]
    start, end = (_cursor(one) for one in ends)
    lines = tuple(split_lines(text))
    settings = Settings(refactor=RefactorSettings(latency_budget_ms=0))
    path = uri.rpartition("/")[2]
    snapshot = Snapshot(uri, 3, language_id, "buffer", path, lines, start, settings, num_chars=len(text))
    return Selection(snapshot, start, end)


def _cursor(before: str) -> Cursor:
    lines = split_lines(before)
    return cursor_of(lines, Position(len(lines) - 1, len(lines[-1])), PositionEncoding.UTF32)


def writing_of(case: Case, number: int = 1) -> Writing:
    """The refactoring of a case, not begun."""
    selection = selection_of(case.document, case.language)
    problem = Problem(case.message, selection.start, selection.end) if case.message else None
    return Writing(number, selection, Offer(case.kind, "", "", is_written=True), case.instruction, problem)


def applied(writing: Writing) -> str:
    """The document after the proposal."""
    assert writing.proposal is not None, writing.refusal
    ((change,),) = (document.changes for document in writing.proposal.changes)
    lines = writing.selection.snapshot.lines
    start, end = (sum(map(len, lines[: one.line])) + one.column for one in (change.start, change.end))
    text = writing.selection.snapshot.text
    return text[:start] + change.text + text[end:]


def run_all(cases: Sequence[Case], folder: Path) -> dict[str, Writing]:
    """Run every case, each with a script of its own."""
    packages = os.pathsep.join(map(str, (ROOT, ROOT / "engine", ROOT / "kernels")))
    with mock.patch.dict(os.environ, {"PYTHONPATH": packages}):
        return asyncio.run(_run_all(cases, folder))


async def _run_all(cases: Sequence[Case], folder: Path) -> dict[str, Writing]:
    engine = EngineClient(HostCommand(engine_factory=FACTORY))
    done = {}
    try:
        for i, case in enumerate(cases):
            script = {"stops": True, "piece_chars": 400, "case": case.name, **case.script}
            folder_of_info = folder / "-".join(name for name, is_able in sorted(case.info.items()) if is_able)
            pack = write_script(folder_of_info, answers=[*case.answers], info=dict(case.info), **script)
            writing = writing_of(case, i)
            await writing.run(engine, lambda pack=pack: EngineConfig(str(pack)), lambda: None)
            done[case.name] = writing
    finally:
        await engine.close()
    return done


def requests(folder: Path) -> list[dict]:
    """Every request that the engine was sent."""
    return [
        entry["request"]
        for pack in sorted(folder.iterdir())
        for entry in read_journal(pack)
        if entry["event"] == "generate"
    ]

"""A refactoring as it grows: what interrupts it, what ends it, and what its model is asked in which form."""

import asyncio
from dataclasses import replace

import pytest

from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from plt_lsp.refactor.written.api import Writing
from tests.lsp.conftest import FACTORY, ROOT
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.waiting import until
from tests.lsp.written_runs import BOTH, CHAT, INFILL, Case, applied, writing_of

CODE = "def size(words):‸\n    return len(words)\n"
CASE = Case("docstring", "addDocstring", CODE, [])


@pytest.fixture
async def engine(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(map(str, (ROOT, ROOT / "engine", ROOT / "kernels"))))
    client = EngineClient(HostCommand(engine_factory=FACTORY))
    yield client
    await client.close()


@pytest.fixture
def pack(tmp_path):
    def pack_with(info, **script):
        return write_script(tmp_path / "pack", info=info, **script)

    return pack_with


def begin(writing, engine, folder, on_change=lambda: None):
    return asyncio.create_task(writing.run(engine, lambda: EngineConfig(str(folder)), on_change))


def asked(folder):
    return [entry["request"] for entry in read_journal(folder) if entry["event"] == "generate"]


async def test_the_preview_grows_and_the_proposal_is_the_end(engine, pack):
    folder = pack(CHAT, text="Tell how many words there are.", piece_chars=10)
    writing, seen = writing_of(CASE), []
    await begin(writing, engine, folder, lambda: seen.append((writing.preview, writing.is_over)))
    assert seen[0] == ('    """Tell how m"""\n', False)
    assert seen[-1] == ('    """Tell how many words there are."""\n', True)
    assert [text for text, _ in seen] == sorted((text for text, _ in seen), key=len)
    assert applied(writing) == 'def size(words):\n    """Tell how many words there are."""\n    return len(words)\n'
    assert writing.metrics is not None


async def test_what_is_typed_stops_it_and_it_goes_on_from_there(engine, pack):
    folder = pack(CHAT, text="Tell how many words there are.", piece_chars=10, wait_for="never to come")
    writing = writing_of(CASE)
    run = begin(writing, engine, folder)
    await until(lambda: "Tell how m" in writing.preview)
    write_script(folder, info=CHAT, text="any words there are.")
    engine.abort(asked(folder)[0]["request_id"])
    await run
    assert "Tell how many words there are." in applied(writing)
    first, second = (request["question"]["answer"] for request in asked(folder))
    assert second == first + "Tell how m"
    assert [request["priority"] for request in asked(folder)] == [1, 1]
    assert writing.num_repairs == 0


async def test_an_interrupted_infilling_goes_on_as_well(engine, pack):
    folder = pack(INFILL, text="Tell how many words there are.", piece_chars=10, wait_for="never to come")
    writing = writing_of(CASE)
    run = begin(writing, engine, folder)
    await until(lambda: "Tell how m" in writing.preview)
    write_script(folder, info=INFILL, text="any words there are.")
    engine.abort(asked(folder)[0]["request_id"])
    await run
    first, second = (request["prompt"] for request in asked(folder))
    assert first["prefix"] == 'def size(words):\n    """'
    assert second["prefix"] == first["prefix"] + "Tell how m"
    assert first["suffix"] == second["suffix"] == "\n    return len(words)\n"
    assert [request["question"] for request in asked(folder)] == [None, None]
    assert "Tell how many words there are." in applied(writing)


async def test_a_cancel_stops_the_model(engine, pack):
    folder = pack(CHAT, text="Tell how many", wait_for="never to come")
    writing = writing_of(CASE)
    run = begin(writing, engine, folder)
    await until(lambda: asked(folder))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (writing.outcome, writing.proposal) == ("cancelled", None)
    await until(lambda: any(entry["event"] == "close_session" for entry in read_journal(folder)))
    assert [entry["reason"] for entry in read_journal(folder) if entry["event"] == "end"] == ["aborted"]


async def test_it_ends_with_its_budget(engine, pack):
    folder = pack(CHAT, text="Tell how many", wait_for="never to come")
    early = writing_of(CASE)
    snapshot = early.selection.snapshot
    short = replace(snapshot.settings, refactor=replace(snapshot.settings.refactor, latency_budget_ms=1000))
    selection = replace(early.selection, snapshot=replace(snapshot, settings=short))
    writing = Writing(1, selection, early.offer)
    run = begin(writing, engine, folder)
    await until(lambda: asked(folder))
    request = asked(folder)[0]
    assert request["budget_ms"] == 1000
    assert 0 < request["stop"]["deadline_ms"] <= 1000
    await asyncio.sleep(1)
    engine.abort(request["request_id"])
    await run
    assert (writing.outcome, writing.refusal) == ("deadline", "It took longer than 1 seconds.")


async def test_a_fault_of_the_program_ends_it_too(engine):
    writing, seen = writing_of(CASE), []

    def find():
        raise LookupError("a defect")

    await writing.run(engine, find, lambda: seen.append(writing.is_over))
    assert (writing.outcome, writing.proposal, seen) == ("failed", None, [True])
    assert writing.refusal == "This refactoring has failed (LookupError); the log says more."


async def test_a_model_with_both_forms_is_asked_in_the_other_one_the_second_time(engine, pack):
    folder = pack(BOTH, answers=["", "Tell how many words there are."])
    writing = writing_of(CASE)
    await begin(writing, engine, folder)
    assert (writing.outcome, writing.num_repairs, writing.fault) == ("proposed", 1, "The model wrote nothing.")
    first, second = asked(folder)
    assert (first["question"], first["sampling"]["seed"], second["sampling"]["seed"]) == (None, None, None)
    assert "What you wrote before was wrong: The model wrote nothing." in second["question"]["text"]
    assert second["question"]["answer"] == '```python\ndef size(words):\n    """'


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (["PackFormatError", "pack.json: chat.template cannot be used."], "pack.json: chat.template cannot be used."),
        (["RequestError", "no room"], "The model was stopped: no room"),
    ],
)
async def test_an_error_of_the_engine_is_told(engine, pack, error, refusal):
    folder = pack(CHAT, error=error)
    writing = writing_of(CASE)
    await begin(writing, engine, folder)
    assert (writing.outcome, writing.refusal) == ("failed", refusal)


async def test_what_has_nothing_to_do_asks_nobody(engine, pack):
    folder = pack(CHAT, text="x")
    writing = writing_of(Case("nothing", "writeTest", "x = 1‸\n", []))
    await begin(writing, engine, folder)
    assert writing.outcome == "refused"
    assert writing.refusal == "There is nothing here that it could be done for."
    assert asked(folder) == []

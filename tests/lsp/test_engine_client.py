"""The engine process and its client, with a scripted engine in a real child process."""

import asyncio
import contextlib
import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from plt_engine.errors import HostError, LoopCountError, PackFormatError
from plt_engine.types import FinishReason, GenerationChunk, GenerationOutput, GenerationRequest, Prompt
from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.waiting import until

FACTORY = "tests.lsp.scripted_engine:load"


class Clock:
    def __init__(self) -> None:
        self.now_ms = 0.0

    def __call__(self) -> float:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    client = EngineClient(HostCommand(engine_factory=FACTORY), now_ms=clock)
    yield client
    await client.close()


def request(client: EngineClient, prefix: str = "x") -> GenerationRequest:
    return GenerationRequest(client.new_id(), f"session of {prefix}", Prompt(prefix))


async def collect(client: EngineClient, pack: Path, prefix: str = "x") -> list:
    return [event async for event in client.generate(EngineConfig(str(pack)), request(client, prefix))]


async def test_chunks_come_before_exactly_one_output(client, tmp_path):
    pack = write_script(tmp_path / "p", text="abc")
    *chunks, output = await collect(client, pack)
    assert [chunk.text for chunk in chunks] == ["a", "b", "c"]
    assert isinstance(output, GenerationOutput)
    assert (output.text, output.finish_reason) == ("abc", FinishReason.END_OF_TEXT)
    assert client.info is not None
    assert client.info.pack == "p"


async def test_nothing_is_started_before_the_first_request(client):
    assert client.pid is None
    assert await client.stats() is None
    client.close_session("s")
    assert client.num_starts == 0


async def test_prints_of_the_engine_do_not_reach_the_frames(client, tmp_path):
    pack = write_script(tmp_path / "p", text="ok", print="\x00\x00\x00\x01 noise on stdout\n")
    assert (await collect(client, pack))[-1].text == "ok"


async def test_the_errors_of_the_engine_keep_their_class(client, tmp_path):
    pack = write_script(tmp_path / "p", error=["LoopCountError", "no evidence for R = 3"])
    with pytest.raises(LoopCountError, match="no evidence for R = 3"):
        await collect(client, pack)
    write_script(pack, text="fine")
    assert (await collect(client, pack))[-1].text == "fine"


async def test_a_failed_load_is_tried_again_at_the_next_request(client, tmp_path):
    pack = write_script(tmp_path / "p", load_error=["PackFormatError", "pack.json is torn"])
    with pytest.raises(PackFormatError, match="torn"):
        await collect(client, pack)
    write_script(pack, text="fine")
    assert (await collect(client, pack))[-1].text == "fine"
    assert client.num_starts == 1


async def test_closing_the_iterator_aborts_within_one_piece(client, tmp_path):
    pack = write_script(tmp_path / "p", text="abcdef", wait_for=str(tmp_path / "never"))
    async with aclosing(client.generate(EngineConfig(str(pack)), request(client))) as events:
        assert (await anext(events)).text == "a"
    await until(lambda: any(entry["event"] == "end" for entry in read_journal(pack)))
    end = read_journal(pack)[-1]
    assert (end["reason"], end["text"]) == ("aborted", "a")
    write_script(pack, text="next")
    assert (await collect(client, pack))[-1].text == "next"


async def test_a_newer_request_of_its_session_stops_the_one_that_runs(client, tmp_path):
    pack = write_script(tmp_path / "p", text="ab", wait_for=str(tmp_path / "go"))
    first = asyncio.create_task(collect(client, pack, "same"))
    await until(lambda: any(entry["event"] == "generate" for entry in read_journal(pack)))
    second = asyncio.create_task(collect(client, pack, "same"))
    assert (await first)[-1].finish_reason is FinishReason.ABORTED
    (tmp_path / "go").touch()
    assert (await second)[-1].text == "ab"


async def test_a_queued_request_can_be_aborted_before_it_runs(client, tmp_path):
    pack = write_script(tmp_path / "p", text="ab", wait_for=str(tmp_path / "go"))
    first = asyncio.create_task(collect(client, pack, "first"))
    await until(lambda: any(entry["event"] == "generate" for entry in read_journal(pack)))
    second = asyncio.create_task(collect(client, pack, "second"))
    await client.ping()
    second.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await second
    await client.ping()  # the abort has been read before the first request may go on
    (tmp_path / "go").touch()
    assert (await first)[-1].text == "ab"
    assert (await collect(client, pack, "third"))[-1].text == "ab"
    assert [e["request"]["prompt"]["prefix"] for e in read_journal(pack) if e["event"] == "generate"] == [
        "first",
        "third",
    ]


async def test_kill_9_in_mid_generation_is_one_clear_error_and_the_next_request_works(client, tmp_path):
    pack = write_script(tmp_path / "p", text="abc", wait_for=str(tmp_path / "never"))
    events = client.generate(EngineConfig(str(pack)), request(client))
    assert isinstance(await anext(events), GenerationChunk)
    os.kill(client.pid, signal.SIGKILL)
    with pytest.raises(HostError, match="killed by signal 9"):
        await anext(events)
    assert client.pid is None
    write_script(pack, text="again")
    assert (await collect(client, pack))[-1].text == "again"
    assert client.num_starts == 2


async def test_every_running_request_hears_of_the_death(client, tmp_path):
    pack = write_script(tmp_path / "p", text="abc", wait_for=str(tmp_path / "never"))
    tasks = [asyncio.create_task(collect(client, pack, prefix)) for prefix in "abc"]
    await until(lambda: any(entry["event"] == "generate" for entry in read_journal(pack)))
    await client.ping()
    os.kill(client.pid, signal.SIGKILL)
    for task in tasks:
        with pytest.raises(HostError, match="signal 9"):
            await task


async def test_restarts_are_bounded_by_a_growing_pause(client, clock, tmp_path):
    pack = write_script(tmp_path / "p", exit_on_load=3)
    for _ in range(2):  # the first start and the one immediate restart
        with pytest.raises(HostError, match=r"exit code 3.*the script asks for an end"):
            await collect(client, pack)
    for pause_ms in (1000.0, 2000.0, 4000.0):
        with pytest.raises(HostError, match=r"died \d times in a row"):
            await collect(client, pack)
        clock.now_ms += pause_ms
        with pytest.raises(HostError, match="exit code 3"):
            await collect(client, pack)
    assert client.num_starts == 5
    clock.now_ms += 8000.0
    write_script(pack, text="well")
    assert (await collect(client, pack))[-1].text == "well"


async def test_who_asks_for_a_load_does_not_wait_for_the_pause(client, tmp_path):
    pack = write_script(tmp_path / "p", exit_on_load=3)
    for _ in range(2):
        with pytest.raises(HostError, match="exit code 3"):
            await collect(client, pack)
    with pytest.raises(HostError, match="died 2 times in a row"):
        await collect(client, pack)
    write_script(pack, text="well")
    assert (await client.load(EngineConfig(str(pack)))).pack == "p"


async def test_ping_and_stats_are_answered_while_a_generation_runs(client, tmp_path):
    pack = write_script(tmp_path / "p", text="ab", wait_for=str(tmp_path / "go"))
    events = client.generate(EngineConfig(str(pack)), request(client))
    await anext(events)
    await client.ping()
    stats = await client.stats()
    assert stats.pid == client.pid
    assert stats.info.pack == "p"
    assert stats.num_finished == 0
    (tmp_path / "go").touch()
    assert [event.text async for event in events] == ["b", "ab"]
    assert (await client.stats()).num_finished == 1


async def test_another_pack_replaces_the_loaded_one(client, tmp_path):
    one, two = write_script(tmp_path / "one", text="1"), write_script(tmp_path / "two", text="2")
    assert (await client.load(EngineConfig(str(one)))).pack == "one"
    assert (await collect(client, two))[-1].text == "2"
    assert client.info.pack == "two"
    await collect(client, two)
    assert [entry["event"] for entry in read_journal(two)] == ["load", "generate", "end", "generate", "end"]


async def test_options_reach_the_engine_as_they_are(client, tmp_path):
    pack = write_script(tmp_path / "p")
    options = {"dtype": "float32", "num_threads": 2, "force_loops": True, "cache_bytes": None}
    await client.load(EngineConfig(str(pack), options))
    assert read_journal(pack)[0]["options"] == options


async def test_a_text_that_is_no_unicode_is_refused_before_it_is_sent(client, tmp_path):
    pack = write_script(tmp_path / "p", text="a")
    with pytest.raises(HostError, match="generate"):
        await collect(client, pack, "\ud83d")
    assert (await collect(client, pack, "fine"))[-1].text == "a"

"""One engine process for several windows, with a scripted engine in a real host on a real socket."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from plt_engine.errors import HostError
from plt_engine.framing import encode_frame
from plt_engine.types import FinishReason, GenerationRequest, Prompt
from plt_engine.wire import EngineConfig, Generate, encode_message
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from plt_lsp.host_finder import find_host, host_name
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.waiting import until

COMMAND = HostCommand(engine_factory="tests.lsp.scripted_engine:load", linger_s=0.2)


@pytest.fixture(autouse=True)
def runtime(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("PLT_LSP_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return folder / "plt-lsp"


@pytest.fixture
async def windows():
    """Makes clients that share, and closes them."""
    async with AsyncExitStack() as stack:

        def open_window(shares: bool = True) -> EngineClient:
            client = EngineClient(COMMAND, shares=shares)
            stack.push_async_callback(client.close)
            return client

        yield open_window


def request(client: EngineClient, workspace: str = "w") -> GenerationRequest:
    return GenerationRequest(client.new_id(), "buffer", Prompt("x"), workspace_id=workspace)


async def complete(client: EngineClient, pack: Path, workspace: str = "w", **options: object) -> str:
    config = EngineConfig(str(pack), options)
    return [event async for event in client.generate(config, request(client, workspace))][-1].text


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_two_windows_share_one_process_and_one_load(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ok")
    one, two = windows(), windows()
    assert await asyncio.gather(complete(one, pack), complete(two, pack)) == ["ok", "ok"]
    assert one.pid == two.pid
    assert one.pid not in (None, os.getpid())
    assert [entry["event"] for entry in read_journal(pack)].count("load") == 1


async def test_equal_names_of_two_windows_are_two_sessions(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ab", wait_for=str(tmp_path / "go"))
    one, two = windows(), windows()
    config = EngineConfig(str(pack))
    first = one.generate(config, GenerationRequest("same", "buffer", Prompt("1")))
    second = two.generate(config, GenerationRequest("same", "buffer", Prompt("2")))
    async with aclosing(first), aclosing(second):
        assert (await anext(first)).text == "a"
        waiting = asyncio.create_task(anext(second))
        await two.ping()  # the second request is in the queue, and stops nothing
        (tmp_path / "go").touch()
        assert [event.text async for event in first] == ["b", "ab"]
        assert (await waiting).text == "a"
        assert [event.text async for event in second] == ["b", "ab"]
    names = {e["request"]["session_id"] for e in read_journal(pack) if e["event"] == "generate"}
    assert len(names) == 2


async def test_a_window_that_closes_stops_and_forgets_what_was_its_own(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ab", wait_for=str(tmp_path / "never"))
    one, two = windows(), windows()
    async with aclosing(one.generate(EngineConfig(str(pack)), request(one))) as events:
        await anext(events)
        await one.close()
        with pytest.raises(HostError, match="closed"):
            await anext(events)
    await until(lambda: any(entry["event"] == "close_session" for entry in read_journal(pack)))
    ends = [entry["reason"] for entry in read_journal(pack) if entry["event"] == "end"]
    assert ends == [FinishReason.ABORTED]
    write_script(pack, text="on")
    assert await complete(two, pack) == "on"


async def test_it_leaves_when_the_last_window_has_closed(windows, tmp_path, runtime):
    pack = write_script(tmp_path / "p", text="ok")
    one, two = windows(), windows()
    await complete(one, pack)
    await complete(two, pack)
    pid = one.pid
    await one.close()
    assert await complete(two, pack) == "ok"
    assert two.pid == pid
    await two.close()
    await until(lambda: not is_alive(pid))
    assert list(runtime.glob("*.sock")) == []
    three = windows()
    assert await complete(three, pack) == "ok"
    assert three.pid != pid


async def test_a_killed_host_is_one_error_and_then_replaced_for_all(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ab", wait_for=str(tmp_path / "go"))
    one, two = windows(), windows()
    events = one.generate(EngineConfig(str(pack)), request(one))
    await anext(events)
    os.kill(one.pid, signal.SIGKILL)
    with pytest.raises(HostError, match="has gone"):
        await anext(events)
    (tmp_path / "go").touch()
    assert await complete(one, pack) == "ab"
    assert await complete(two, pack) == "ab"
    assert one.pid == two.pid


async def test_other_options_or_a_pack_rebuilt_need_another_host_and_the_old_is_left(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ok")
    one, two = windows(), windows()
    await complete(one, pack)
    await complete(two, pack)
    before = one.pid
    await complete(one, pack, num_threads=1)
    assert one.pid != before
    assert await complete(two, pack) == "ok"
    assert two.pid == before
    await complete(two, pack, num_threads=1)
    assert two.pid == one.pid
    await until(lambda: not is_alive(before))
    assert host_name(EngineConfig("p"), ()) != host_name(EngineConfig("p", fingerprint="rebuilt"), ())


async def test_a_window_that_does_not_share_has_its_own(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ok")
    shared, own = windows(), windows(shares=False)
    await complete(shared, pack)
    await complete(own, pack)
    assert own.pid != shared.pid


async def test_a_folder_that_others_may_enter_is_not_used(windows, tmp_path, runtime):
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    pack = write_script(tmp_path / "p", text="ok")
    client = windows()
    assert await complete(client, pack) == "ok"
    assert list(runtime.iterdir()) == []


async def test_windows_that_start_at_once_start_one_host(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ok")
    clients = [windows() for _ in range(6)]
    await asyncio.gather(*(complete(client, pack) for client in clients))
    assert len({client.pid for client in clients}) == 1


async def test_a_client_that_does_not_read_stops_no_other(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="x" * 400_000, piece_chars=40_000)
    config = EngineConfig(str(pack))
    deaf = await find_host(host_name(config, COMMAND.words()), COMMAND.shared_words)
    deaf.reader._transport.pause_reading()
    for i in range(8):  # some megabytes of answers, more than a socket holds
        asked = GenerationRequest(f"r{i}", f"s{i}", Prompt("x"))
        deaf.writer.write(encode_frame(encode_message(Generate(config, asked))))
    await deaf.writer.drain()
    client = windows()
    assert len(await complete(client, pack)) == 400_000
    deaf.writer.transport.abort()


async def test_nonsense_ends_its_own_connection_only(windows, tmp_path):
    pack = write_script(tmp_path / "p", text="ok")
    client = windows()
    await complete(client, pack)
    config = EngineConfig(str(pack))
    vandal = await find_host(host_name(config, COMMAND.words()), COMMAND.shared_words)
    vandal.writer.write(encode_frame(b"{nonsense"))
    while await vandal.reader.read(1000):
        pass
    vandal.writer.close()
    pid = client.pid
    assert await complete(client, pack) == "ok"
    assert client.pid == pid

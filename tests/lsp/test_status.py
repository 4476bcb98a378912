"""What the server tells of its own state, as a rule over facts and over stdio to a client that wants to know."""

import os
import signal

import pytest

from plt_lsp.announcer import Announcer
from plt_lsp.client import LspClient
from plt_lsp.condition import Facts, Failure, Kind, Remedy, condition_of
from plt_lsp.engine_client import EngineState
from plt_lsp.reasons import EmptyReason
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import BODY, URI, items
from tests.lsp.waiting import until

NO_PACK = Failure(EmptyReason.NO_PACK, "build it")
CREDENTIALS = EmptyReason.CREDENTIALS
DIED = Failure(EmptyReason.ENGINE_DIED, "it died")


@pytest.mark.parametrize(
    ("facts", "kind", "reason", "remedy"),
    [
        (Facts(True, "m", EngineState.OFF, 0, None), Kind.NORMAL, "engine_off", None),
        (Facts(True, "m", EngineState.READY, 0, None), Kind.NORMAL, None, None),
        (Facts(True, "m", EngineState.LOADING, 1, None), Kind.BUSY, "loading", None),
        (Facts(True, "m", EngineState.LOADING, 1, DIED), Kind.BUSY, "loading", None),
        (Facts(True, "m", EngineState.OFF, 1, None), Kind.BUSY, "loading", None),
        (Facts(True, "m", EngineState.READY, 1, None), Kind.BUSY, "generating", None),
        (Facts(True, "m", EngineState.OFF, 0, NO_PACK), Kind.ERROR, "no_pack", Remedy.LOAD_MODEL),
        (Facts(True, "m", EngineState.DIED, 0, DIED), Kind.WARNING, "engine_died", Remedy.LOAD_MODEL),
        (Facts(True, "m", EngineState.DIED, 0, None), Kind.WARNING, "engine_died", Remedy.LOAD_MODEL),
        (Facts(False, "m", EngineState.READY, 1, NO_PACK), Kind.INACTIVE, "disabled", None),
        (Facts(True, "m", EngineState.READY, 1, None, "14:05"), Kind.INACTIVE, "snoozed", Remedy.END_SNOOZE),
        (Facts(True, "m", EngineState.READY, 0, None, None, EmptyReason.BINARY), Kind.INACTIVE, "binary", None),
        (Facts(True, "m", EngineState.READY, 0, None, None, CREDENTIALS), Kind.INACTIVE, "credentials", None),
    ],
)
def test_the_condition(facts, kind, reason, remedy):
    found = condition_of(facts)
    assert (found.kind, found.reason, found.remedy) == (kind, reason, remedy)
    assert found.message


async def test_changes_that_come_close_to_each_other_are_announced_once_and_the_last_is_not_lost():
    told, state = [], 0

    async def announce():
        told.append(state)

    announcer = Announcer(announce, interval_s=0.001)
    announcer.note_change()
    state = 1
    announcer.note_change()
    await until(lambda: told == [1])
    state = 2
    announcer.note_change()
    await until(lambda: told == [1, 2])
    await announcer.close()


async def started(start, pack, **settings) -> LspClient:
    client = await start()
    capabilities = {"statusNotifications": True, "inlineCompletionProgress": True}
    await client.initialize({"plt": {"model": str(pack), "capabilities": capabilities, **settings}})
    client.open(URI, BODY)
    return client


async def until_told(client: LspClient, kind: str, reason: str | None = None, start: int = 0) -> dict:
    """The first notification of this kind and reason."""
    count = start
    while True:
        count += 1
        told = (await client.wait_for("plt/didChangeStatus", count))[count - 1]
        if (told["kind"], told.get("reason")) == (kind, reason):
            return told


async def test_from_the_start_to_ready(start, pack, tmp_path):
    client = await started(start, pack)
    first = await until_told(client, "Normal", "engine_off")
    assert first["engine"] is None
    assert first["model"] == str(pack)
    write_script(pack, text="ab", wait_for=str(tmp_path / "go"))
    answer = client.inline_completion(URI, 1, 4, is_automatic=True)
    await until_told(client, "Busy", "loading")
    busy = await until_told(client, "Busy", "generating")
    assert busy["engine"]["pid"] == (await client.request("plt/status"))["engine"]["pid"]
    (tmp_path / "go").touch()
    assert (await answer)["items"]
    ready = await until_told(client, "Normal")
    assert ready["engine"]["info"]["pack"] == "pack"
    assert ready["counts"]["completion.completed"] == 1
    assert "command" not in ready


async def test_the_death_of_an_idle_engine_is_told_and_its_command_brings_it_back(start, pack):
    client = await started(start, pack)
    await items(client, 1, 4, is_automatic=True)
    ready = await until_told(client, "Normal")
    os.kill(ready["engine"]["pid"], signal.SIGKILL)
    died = await until_told(client, "Warning", "engine_died")
    assert died["engine"] is None
    count = len(client.received("plt/didChangeStatus"))
    await client.request("workspace/executeCommand", {"command": died["command"]["command"], "arguments": []})
    again = await until_told(client, "Normal", start=count)
    assert (again["engine"]["numStarts"], again["engine"]["info"]["pack"]) == (2, "pack")
    assert client.received("window/showMessage") == []


async def test_a_missing_model_is_told_before_anything_is_asked_for(start, data_dir):
    client = await started(start, "smollm2-135m")
    told = await until_told(client, "Error", "no_pack")
    assert "`plt-lsp models build smollm2-135m`" in told["message"]
    assert client.received("window/showMessage") == []
    write_script(data_dir / "packs" / "smollm2-135m", text="pass")
    await client.request("workspace/executeCommand", {"command": told["command"]["command"]})
    await until_told(client, "Normal")
    assert await items(client, 1, 4, is_automatic=True)


async def test_a_model_that_cannot_be_loaded_is_an_error_until_one_can(start, pack):
    write_script(pack, load_error=["PackHashError", "a hash differs"])
    client = await started(start, pack)
    assert await items(client, 1, 4, is_automatic=True) == []
    told = await until_told(client, "Error", "pack_error")
    assert "a hash differs" in told["message"]
    assert (await client.request("plt/status"))["kind"] == "Error"
    write_script(pack, text="fine")
    assert await items(client, 1, 4, is_automatic=True)
    await until_told(client, "Normal")


async def test_switched_off_is_inactive(start, pack):
    client = await started(start, pack)
    await until_told(client, "Normal", "engine_off")
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"enable": False}}})
    await until_told(client, "Inactive", "disabled")


async def test_who_does_not_want_it_is_told_nothing(client):
    client.open(URI, BODY)
    await items(client, 1, 4)
    await client.request("plt/status")
    assert client.received("plt/didChangeStatus") == []

"""What the engine does ahead of a request: it goes on behind what was accepted, and reads while the user pauses."""

from plt_engine.types import Priority
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.test_server import URI
from tests.lsp.test_type_through import typist
from tests.lsp.waiting import until


def requests(pack, priority: Priority) -> list[dict]:
    found = [entry["request"] for entry in read_journal(pack) if entry["event"] == "generate"]
    return [request for request in found if request["priority"] == priority]


async def test_what_was_accepted_goes_on_before_it_is_asked_for(start, pack, tmp_path):
    hand = await typist(start, pack)
    assert await hand.suggestion() == "return a + b"
    write_script(pack, text="  # why", wait_for=str(tmp_path / "go"))
    hand.type("return a + b")
    await until(lambda: len(requests(pack, Priority.SPECULATIVE)) == 1)
    (ahead,) = requests(pack, Priority.SPECULATIVE)
    assert ahead["prompt"]["prefix"].endswith("    return a + b")
    (tmp_path / "go").touch()
    assert await hand.suggestion() == "  # why"
    assert len(requests(pack, Priority.INTERACTIVE)) == 1


async def test_where_the_editor_tells_of_the_accept_before_the_edit_nothing_wrong_is_begun(start, pack):
    hand = await typist(start, pack)
    (item,) = (await hand.ask())["items"]
    await hand.client.request("workspace/executeCommand", item["command"])
    hand.type("return a + b")
    await hand.suggestion()
    assert all(r["prompt"]["prefix"].endswith("return a + b") for r in requests(pack, Priority.SPECULATIVE))


async def test_a_pause_has_the_text_around_the_cursor_read(start, pack):
    hand = await typist(start, pack)
    await hand.suggestion()
    hand.type("while x")
    hand.erase(1)
    await until(lambda: len(requests(pack, Priority.WARM_UP)) == 1)
    (warm_up,) = requests(pack, Priority.WARM_UP)
    assert warm_up["prompt"]["prefix"].endswith("    while ")
    assert warm_up["stop"]["max_tokens"] == 1
    assert len(requests(pack, Priority.INTERACTIVE)) == 1


async def test_without_an_engine_nothing_is_started(start, pack):
    hand = await typist(start, pack)
    hand.type("x")
    assert (await hand.client.request("plt/status"))["engine"] is None
    assert read_journal(pack) == []


async def test_it_can_be_switched_off(start, pack):
    client = await start()
    await client.initialize({"plt": {"model": str(pack), "engine": {"foresight": False}}})
    client.open(URI, "def f(a, b):\n    ")
    assert (await client.inline_completion(URI, 1, 4, is_automatic=True))["items"]
    here = {"line": 1, "character": 4}
    client.change(URI, 2, {"range": {"start": here, "end": here}, "text": "return a + b"})
    await client.inline_completion(URI, 1, 16, is_automatic=True)
    assert requests(pack, Priority.SPECULATIVE) == []
    assert len(requests(pack, Priority.INTERACTIVE)) == 2

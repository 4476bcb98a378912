"""Several texts to choose from where the user asks for a completion, and one where typing does."""

import asyncio

import pytest

from plt_lsp.client import LspClient, ResponseError
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.test_server import BODY, URI, generations, running
from tests.lsp.waiting import until


@pytest.fixture
async def client(start, pack) -> LspClient:
    """A client with the default settings."""
    client = await start()
    await client.initialize({"plt": {"model": str(pack), "capabilities": OWN_CAPABILITIES}})
    client.open(URI, BODY)
    return client


async def texts(client: LspClient, **more) -> list[str]:
    answer = await client.inline_completion(URI, 1, 4, **more)
    return [item["insertText"].removeprefix("    ") for item in answer["items"]]


async def test_typing_is_answered_with_one_text(client, pack):
    write_script(pack, text="a", alternatives=[["b", -1], ["c", -1]])
    assert await texts(client, is_automatic=True) == ["a"]
    assert len(generations(pack)) == 1


async def test_who_asks_gets_several_the_likeliest_first_then_the_surest(client, pack):
    write_script(pack, text="a", alternatives=[["b", -2], ["c", -1], ["never asked for", 0]])
    assert await texts(client) == ["a", "c", "b"]
    seeds = [
        (entry["request"]["sampling"]["seed"], entry["request"]["log_probabilities"]) for entry in generations(pack)
    ]
    assert seeds == [(None, False), (1, True), (2, True)]
    assert (await client.wait_for("plt/completionReport"))[0]["numItems"] == 3


async def test_texts_that_come_to_the_same_are_offered_once(client, pack):
    write_script(pack, text="a", alternatives=[["a", -1], ["a  \n", -1], ["  ", -1], ["b", -3]])
    assert await texts(client) == ["a", "b"]
    assert len(generations(pack)) == 5


async def test_a_blank_first_text_leaves_the_others(client, pack):
    write_script(pack, text=" ", alternatives=[["b", -1], [" ", -1], [" ", -1], [" ", -1]])
    assert await texts(client) == ["b"]


async def test_typing_one_of_them_asks_for_nothing(client, pack):
    write_script(pack, text="abc", alternatives=[["xyz", -1], ["xyw", -2]])
    assert await texts(client) == ["abc", "xyz", "xyw"]
    end = {"line": 1, "character": 4}
    client.change(URI, 2, {"range": {"start": end, "end": end}, "text": "xy"})
    num = len(generations(pack))
    answer = await client.inline_completion(URI, 1, 6, is_automatic=True)
    assert [item["insertText"] for item in answer["items"]] == ["    xyz"]
    assert len(generations(pack)) == num


@pytest.mark.parametrize(("wanted", "found"), [(1, ["a"]), (5, ["a", "b", "c", "d", "e"])])
async def test_the_setting_says_how_many(client, pack, wanted, found):
    write_script(pack, text="a", alternatives=[[text, 0] for text in "bcdefg"])
    settings = {"settings": {"plt": {"inlineCompletion": {"alternatives": wanted}}}}
    client.notify("workspace/didChangeConfiguration", settings)
    assert await texts(client) == found


async def test_each_item_is_accepted_by_itself(client, pack):
    write_script(pack, text="a", alternatives=[["bcd", 0], ["ef", 0]])
    answer = await client.inline_completion(URI, 1, 4)
    commands = [item["command"] for item in answer["items"]]
    assert len({command["arguments"][0] for command in commands}) == 3
    await client.request("workspace/executeCommand", {key: commands[1][key] for key in ("command", "arguments")})
    counts = (await client.request("plt/status"))["counts"]
    assert (counts["accepted"], counts["accepted_characters"]) == (1, 3)


async def test_progress_is_that_of_the_first_text(client, pack):
    write_script(pack, text="ab", alternatives=[["xy", 0], ["z", 0]])
    await texts(client)
    parts = client.received("plt/inlineCompletionProgress")
    assert {part["text"] for part in parts} <= {"a", "ab"}
    assert [(part["text"], part["done"]) for part in parts if part["done"]] == [("ab", True)]


async def test_a_newer_request_stops_the_alternatives(client, pack, tmp_path):
    write_script(pack, text="a", alternatives=[["bb", 0]], wait_for=str(tmp_path / "go"))
    first = client.inline_completion(URI, 1, 4)
    await until(lambda: len(generations(pack)) == 2)
    second = asyncio.ensure_future(client.inline_completion(URI, 1, 4, is_automatic=True))
    assert await first is None
    await until(lambda: any(entry.get("reason") == "aborted" for entry in read_journal(pack)))
    assert (await second)["items"][0]["insertText"] == "    a"


async def test_cancelling_stops_the_alternatives(client, pack, tmp_path):
    write_script(pack, text="a", alternatives=[["bb", 0]], wait_for=str(tmp_path / "never"))
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack, 2)
    client.cancel(answer)
    with pytest.raises(ResponseError) as caught:
        await answer
    assert caught.value.code == -32800
    await until(lambda: read_journal(pack)[-1].get("reason") == "aborted")
    assert len(generations(pack)) == 2

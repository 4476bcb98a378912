"""The menu's one item for editors without inline completion, over stdio."""

import pytest

from plt_lsp.client import LspClient
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import URI, generations, span

NO_INLINE = {"textDocument": {"completion": {}}}


async def started(start, pack, text: str, **settings) -> LspClient:
    client = await start()
    result = await client.initialize({"plt": {"model": str(pack), **settings}}, NO_INLINE)
    assert result["capabilities"]["completionProvider"]["triggerCharacters"]
    client.open(URI, text)
    return client


async def complete(client: LspClient, line: int, character: int) -> dict:
    position = {"line": line, "character": character}
    return await client.request("textDocument/completion", {"textDocument": {"uri": URI}, "position": position})


@pytest.mark.parametrize("capabilities", [{"textDocument": {"completion": {}, "inlineCompletion": {}}}, {}])
async def test_who_shows_ghost_text_or_no_menu_is_offered_none(start, pack, capabilities):
    client = await start()
    result = await client.initialize({"plt": {"model": str(pack)}}, capabilities)
    assert "completionProvider" not in result["capabilities"]


async def test_one_item_that_is_marked_and_replaces_the_word(start, pack):
    write_script(pack, text="eturn a + b")
    client = await started(start, pack, "x = 'é😀'\n'😀'; r")
    answer = await complete(client, 1, 7)
    (item,) = answer["items"]
    assert answer["isIncomplete"] is True
    assert item["label"] == "return a + b"
    assert (item["labelDetails"]["description"], item["detail"]) == ("plt-lsp", "plt-lsp, pack")
    assert item["textEdit"] == {"range": span(1, 6, 1, 7), "newText": "return a + b"}
    assert item["filterText"] == item["documentation"] == "return a + b"
    await client.request("workspace/executeCommand", {key: item["command"][key] for key in ("command", "arguments")})
    assert (await client.request("plt/status"))["counts"]["accepted"] == 1


async def test_a_text_of_several_lines_shows_its_first_and_has_the_files_line_ends(start, pack):
    write_script(pack, text="\n    return 1\n    # done")
    client = await started(start, pack, "x = 1\r\ndef f():\r\n")
    (item,) = (await complete(client, 1, 8))["items"]
    assert item["label"] == "return 1…"
    assert item["textEdit"] == {"range": span(1, 8, 1, 8), "newText": "\r\n    return 1\r\n    # done"}


async def test_typing_on_is_answered_without_the_engine(start, pack):
    write_script(pack, text="compute(1)")
    client = await started(start, pack, "x = ")
    assert (await complete(client, 0, 4))["items"][0]["label"] == "compute(1)"
    client.change(URI, 2, {"range": span(0, 4, 0, 4), "text": "com"})
    (item,) = (await complete(client, 0, 7))["items"]
    assert item["textEdit"] == {"range": span(0, 4, 0, 7), "newText": "compute(1)"}
    assert len(generations(pack)) == 1


@pytest.mark.parametrize("settings", [{"enable": False}, {"inlineCompletion": {"trigger": "manual"}}])
async def test_what_the_settings_forbid_is_not_offered(start, pack, settings):
    client = await started(start, pack, "x = ", **settings)
    assert await complete(client, 0, 4) == {"isIncomplete": True, "items": []}
    assert generations(pack) == []

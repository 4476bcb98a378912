"""The accept command: each offer is counted once, and nothing an editor sends can hurt."""

from tests.lsp.test_server import URI, items


async def run(client, command, *arguments):
    return await client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})


async def test_an_accepted_completion_is_counted_once(client, pack):
    client.open(URI, "def add(a, b):\n    \n")
    (item,) = await items(client, 1, 4)
    command = item["command"]
    for _ in range(2):
        await run(client, command["command"], *command["arguments"])
    counts = (await client.request("plt/status", {}))["counts"]
    assert counts["accepted"] == 1
    assert counts["accepted_characters"] == len("return a + b")


async def test_a_number_that_was_never_offered_is_ignored(client):
    for arguments in ([], [12345], ["x"], [None], [1, 2]):
        await run(client, "plt.completionAccepted", *arguments)
        assert "accepted" not in (await client.request("plt/status", {}))["counts"], arguments


async def test_what_an_editor_says_of_an_item_is_counted(client, pack):
    client.open(URI, "def add(a, b):\n    \n")
    (item,) = await items(client, 1, 4)
    for _ in range(2):
        client.notify("textDocument/didShowCompletion", {"item": item})
    client.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 6})
    here = {"line": 1, "character": 4}
    client.change(URI, 2, {"range": {"start": here, "end": here}, "text": "return"})
    await items(client, 2, 0)
    counts = (await client.request("plt/status", {}))["counts"]
    assert (counts["shown"], counts["partly_accepted"], counts["partly_accepted_characters"]) == (1, 1, 6)


async def test_what_is_said_of_a_foreign_item_is_ignored(client):
    for params in ({}, {"item": None}, {"item": {"insertText": "x"}}, {"item": {"command": 3}}, None, []):
        client.notify("textDocument/didShowCompletion", params)
        client.notify("textDocument/didPartiallyAcceptCompletion", params)
        assert "shown" not in (await client.request("plt/status", {}))["counts"], params


async def test_statistics_are_kept_over_servers_and_shown_by_a_command(client, pack):
    client.open(URI, "def add(a, b):\n    \n")
    (item,) = await items(client, 1, 4)
    await run(client, item["command"]["command"], *item["command"]["arguments"])
    (group,) = (await run(client, "plt.showStatistics"))["groups"]
    assert (group["language"], group["shown"], group["accepted"]) == ("python", 1, 1)
    assert group["acceptedCharacters"] == len("return a + b")

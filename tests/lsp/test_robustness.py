"""What editors and systems do to a server besides asking politely: end it, read nothing, save, rename, repeat."""

import os
import signal

import orjson

from plt_lsp.client import LspClient
from plt_lsp.jsonrpc import encode_message
from tests.lsp.conftest import FACTORY
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import BODY, URI, generations, items, running
from tests.lsp.waiting import is_alive, until

SERVE = ("serve", "--stdio", "--engine-factory", FACTORY)


async def test_sigterm_in_mid_generation_writes_down_what_was_counted_and_ends_the_engine(
    client, pack, tmp_path, data_dir
):
    client.open(URI, BODY)
    assert await items(client, 1, 4)
    write_script(pack, text="ab", wait_for=str(tmp_path / "never"))
    client.change(
        URI, 2, {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "text": "#"}
    )
    client.inline_completion(URI, 1, 4).add_done_callback(lambda answer: answer.exception())
    await running(client, pack, 2)
    engine = (await client.request("plt/status"))["engine"]["pid"]
    os.kill(client.pid, signal.SIGTERM)
    assert await client.wait() == 1
    await until(lambda: not is_alive(engine))
    assert orjson.loads((data_dir / "statistics.json").read_bytes())["counts"]["python"]


async def test_a_client_that_does_not_read_holds_up_no_one_but_itself(fork_server, environment, pack):
    process = await fork_server.start(SERVE, environment)
    numbers = iter(range(10_000))

    def send(method: str, params: object, *, is_request: bool = False) -> None:
        head = {"jsonrpc": "2.0", **({"id": next(numbers)} if is_request else {})}
        process.stdin.write(encode_message({**head, "method": method, "params": params}))

    options = {"plt": {"model": str(pack)}}
    send("initialize", {"processId": None, "capabilities": {}, "initializationOptions": options}, is_request=True)
    send("initialized", {})
    for _ in range(1000):  # more than pipes and readers hold
        send("plt/status", None, is_request=True)
    document = {"uri": URI, "languageId": "python", "version": 1, "text": BODY}
    send("textDocument/didOpen", {"textDocument": document})
    place = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 4}}
    send("textDocument/inlineCompletion", {**place, "context": {"triggerKind": 1}}, is_request=True)
    await until(lambda: len(generations(pack)) > 0)
    client = LspClient(process)  # it reads from now on
    await until(lambda: any(answer["id"] == 1001 for answer in client.strays))
    assert [answer["id"] for answer in client.strays[:1001]] == list(range(1001))
    await client.kill()


async def test_a_document_without_a_file_is_completed_without_a_path(client, pack):
    client.open("untitled:Untitled-1", BODY)
    answer = await client.inline_completion("untitled:Untitled-1", 1, 4)
    assert answer["items"]
    assert generations(pack)[0]["request"]["prompt"]["path"] is None


async def test_a_renamed_file_is_another_document(client, pack):
    client.open(URI, BODY)
    assert await items(client, 1, 4)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.open("file:///renamed.py", BODY)
    assert (await client.inline_completion("file:///renamed.py", 1, 4))["items"]
    assert await items(client, 1, 4) == []
    assert [one["request"]["prompt"]["path"] for one in generations(pack)] == ["a.py", "renamed.py"]


async def test_a_save_a_second_close_and_a_change_behind_the_close_hurt_nobody(client):
    client.open(URI, BODY)
    client.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
    assert await items(client, 1, 4)
    for _ in range(2):
        client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.change(URI, 2, {"text": "x"})
    assert await items(client, 1, 4) == []
    client.open(URI, BODY, version=3)
    assert await items(client, 1, 4)
    assert client.received("window/showMessage") == []


async def test_a_file_of_a_hundred_thousand_lines_is_inactive_and_still_followed(client):
    client.open(URI, "value = 123\n" * 100_000)
    assert await items(client, 99_999, 0) == []
    assert (await client.request("plt/status"))["reason"] == "file_too_large"
    everything = {"start": {"line": 1, "character": 0}, "end": {"line": 100_000, "character": 0}}
    client.change(URI, 2, {"range": everything, "text": "def f(a, b):\n    "})
    assert await items(client, 2, 4)

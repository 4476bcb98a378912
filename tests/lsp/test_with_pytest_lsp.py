"""The same server through pytest-lsp, whose client is built on lsprotocol's types and checks answers against them."""

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient

from plt_lsp.client import server_command
from tests.lsp.conftest import FACTORY
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.waiting import until

URI = "file:///project/code/a.py"
BODY = "def f(a, b):\n    "
# pytest-lsp's profiles of editors announce no inline completion.
CAPABILITIES = types.ClientCapabilities(
    general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16]),
    text_document=types.TextDocumentClientCapabilities(inline_completion=types.InlineCompletionClientCapabilities()),
    workspace=types.WorkspaceClientCapabilities(configuration=True),
)


@pytest.fixture
async def client(environment: dict[str, str], pack: Path):
    words = server_command("--engine-factory", FACTORY)
    client = await ClientServerConfig(server_command=list(words), server_env=environment).start()
    assert isinstance(client, LanguageClient)
    options = {"plt": {"model": str(pack)}}
    await client.initialize_session(types.InitializeParams(capabilities=CAPABILITIES, initialization_options=options))
    document = types.TextDocumentItem(uri=URI, language_id="python", version=1, text=BODY)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
    yield client
    await client.shutdown_session()
    await client.stop()


def params(line: int, character: int) -> types.InlineCompletionParams:
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        text_document=types.TextDocumentIdentifier(uri=URI),
        position=types.Position(line, character),
    )


async def test_initialize_edit_and_complete(client, pack):
    change = types.TextDocumentContentChangePartial(
        range=types.Range(types.Position(0, 6), types.Position(0, 10)), text="😀, é"
    )
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=URI, version=2), content_changes=[change]
        )
    )
    result = await client.text_document_inline_completion_async(params(1, 4))
    assert isinstance(result, types.InlineCompletionList)
    (item,) = result.items
    assert item.insert_text == "    return a + b"
    assert item.range == types.Range(types.Position(1, 0), types.Position(1, 4))
    request = read_journal(pack)[1]["request"]
    assert request["prompt"]["prefix"] == "def f(😀, é):\n    "
    assert client.messages == []


async def test_cancel(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    request = client.protocol.send_request_async(types.TEXT_DOCUMENT_INLINE_COMPLETION, params(1, 4), msg_id="mine")
    answer = asyncio.create_task(request)
    await until(lambda: any(entry["event"] == "generate" for entry in read_journal(pack)))
    client.cancel_request(types.CancelParams(id="mine"))
    with pytest.raises(JsonRpcException) as caught:
        await answer
    assert caught.value.code == -32800


async def test_a_superseded_request_is_answered_null(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "go"))
    first = asyncio.create_task(client.text_document_inline_completion_async(params(1, 4)))
    second = asyncio.create_task(client.text_document_inline_completion_async(params(1, 4)))
    assert await first is None
    (tmp_path / "go").touch()
    assert (await second).items[0].insert_text == "    abc"

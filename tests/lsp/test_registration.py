"""The capability that comes and goes with the model, and the progress of its loading, for clients that take part."""

from plt_lsp.client import LspClient
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import BODY, URI, items
from tests.lsp.waiting import until

CAPABILITIES = {
    "textDocument": {"inlineCompletion": {"dynamicRegistration": True}},
    "window": {"workDoneProgress": True},
}
METHOD = "textDocument/inlineCompletion"


class Registry:
    """A client's memory of what is registered, in order."""

    def __init__(self, client: LspClient) -> None:
        self.events: list[str] = []
        client.answer("client/registerCapability", self._register)
        client.answer("client/unregisterCapability", self._unregister)

    def _register(self, params) -> None:
        (one,) = params["registrations"]
        assert one["registerOptions"]["documentSelector"] == [{"language": "*"}]
        self.events.append(f"+{one['method']}")

    def _unregister(self, params) -> None:
        (one,) = params["unregisterations"]
        self.events.append(f"-{one['method']}")


async def dynamic(start, model: object) -> tuple[LspClient, Registry, dict]:
    client = await start()
    registry = Registry(client)
    client.answer("window/workDoneProgress/create", lambda params: None)
    result = await client.initialize({"plt": {"model": str(model)}}, CAPABILITIES)
    client.open(URI, BODY)
    return client, registry, result


async def test_it_is_registered_and_not_announced_as_well(start, pack):
    client, registry, result = await dynamic(start, pack)
    assert "inlineCompletionProvider" not in result["capabilities"]
    await until(lambda: registry.events == [f"+{METHOD}"])
    assert await items(client, 1, 4)


async def test_others_are_told_at_once(start, pack):
    client = await start()
    result = await client.initialize({"plt": {"model": str(pack)}})
    assert "inlineCompletionProvider" in result["capabilities"]


async def test_without_a_model_it_comes_once_there_is_one(start, data_dir):
    client, registry, _ = await dynamic(start, "smollm2-135m")
    assert (await client.request("plt/status"))["reason"] == "no_pack"
    assert registry.events == []
    write_script(data_dir / "packs" / "smollm2-135m", text="pass")
    await until(lambda: registry.events == [f"+{METHOD}"])
    assert (await client.request("plt/status"))["kind"] == "Normal"
    assert await items(client, 1, 4, is_automatic=True)


async def test_it_is_withdrawn_while_the_model_cannot_be_loaded_or_nothing_is_wanted(start, pack):
    write_script(pack, load_error=["PackHashError", "a hash differs"])
    client, registry, _ = await dynamic(start, pack)
    assert await items(client, 1, 4, is_automatic=True) == []
    await until(lambda: registry.events == [f"+{METHOD}", f"-{METHOD}"])
    write_script(pack, text="fine")
    (pack / "config.json").write_text("{}")
    await client.request("workspace/executeCommand", {"command": "plt.loadModel"})
    await until(lambda: registry.events[2:] == [f"+{METHOD}"])
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"enable": False}}})
    await until(lambda: registry.events[3:] == [f"-{METHOD}"])


async def test_loading_the_model_is_shown_as_progress(start, pack):
    client, _, _ = await dynamic(start, pack)
    assert await items(client, 1, 4)
    begin, end = await client.wait_for("$/progress", 2)
    assert begin["value"] == {"kind": "begin", "title": f"Loading the model {pack}"}
    assert end == {"token": begin["token"], "value": {"kind": "end"}}

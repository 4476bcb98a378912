"""Loop counts and budgets over stdio: what the engine is asked for, what is told of it, and how it is switched."""

import asyncio

import pytest

from plt_engine.pack_manifest import QUALITY, SAMPLE
from plt_lsp.client import LspClient, ResponseError
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import generations
from tests.lsp.waiting import POLL_S, until
from tests.packs import tiny_pack

URI = "file:///project/code/a.py"
TEXT = "def f(a, b):\n    "


async def started(start, pack, *words: str, **settings) -> LspClient:
    client = await start(*words)
    options = {"model": str(pack), "capabilities": {**OWN_CAPABILITIES, "statusNotifications": True}}
    await client.initialize({"plt": {**options, **settings}})
    client.open(URI, TEXT)
    return client


async def execute(client: LspClient, command: str, *arguments: object):
    return await client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})


def ask(client: LspClient, *, is_automatic: bool = True):
    return client.inline_completion(URI, 1, 4, is_automatic=is_automatic)


async def test_the_engine_is_told_the_kind_its_budget_and_the_loops(start, pack):
    client = await started(start, pack, inlineCompletion={"latencyBudgetMs": 170, "alternatives": 1})
    await ask(client)
    client.change(URI, 2, {"text": TEXT + "x = 1\n    "})
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"loops": 2}}})
    await client.inline_completion(URI, 2, 4)
    typed, invoked = (entry["request"] for entry in generations(pack))
    assert (typed["kind"], typed["budget_ms"], typed["loops"]) == ("typing", 170.0, None)
    assert (invoked["kind"], invoked["budget_ms"], invoked["loops"]) == ("invoked", 10_000.0, 2)


async def test_the_command_switches_the_count_for_the_next_request(start, pack):
    client = await started(start, pack)
    before = await execute(client, "plt.switchLoopCount")
    assert (before["loops"], before["choices"]) == ("auto", []), "nothing is known before the model is loaded"
    await ask(client)
    found = await execute(client, "plt.switchLoopCount", 2)
    assert found["loops"] == 2
    assert [choice["title"] for choice in found["choices"]] == ["R = 1", "R = 2"]
    assert "10 ms a token, 40 ms to read 100 (error 10%)" in found["choices"][0]["detail"]
    assert "guessed" in found["choices"][1]["detail"]
    assert (await client.request("plt/status"))["loops"] == 2
    client.change(URI, 2, {"text": TEXT + "y = 1\n    "})
    await client.inline_completion(URI, 2, 4, is_automatic=True)
    assert [generation["request"]["loops"] for generation in generations(pack)] == [None, 2]
    assert (await execute(client, "plt.switchLoopCount", "auto"))["loops"] == "auto"


async def test_a_count_without_evidence_is_refused_and_nothing_changes(start, pack):
    client = await started(start, pack)
    await ask(client)
    for argument in (3, 0, "2", True, None, 1.5):
        with pytest.raises(ResponseError, match=r"takes \"auto\" or a loop count with evidence \(1, 2\)"):
            await execute(client, "plt.switchLoopCount", argument)
        assert (await client.request("plt/status"))["loops"] == "auto"


async def test_the_command_switches_a_budget(start, pack):
    client = await started(start, pack)
    found = await execute(client, "plt.switchLatencyBudget", "typing", 120)
    assert found["budgetsMs"] == {"typing": 120, "invoked": 10_000, "explain": 1000, "refactor": 20000}
    await ask(client)
    assert generations(pack)[-1]["request"]["budget_ms"] == 120.0
    assert (await client.request("plt/status"))["budgetsMs"]["typing"] == 120
    await until(lambda: client.received("plt/didChangeStatus")[-1]["budgetsMs"]["typing"] == 120)
    for arguments in (("thinking", 5), ("typing",), ("typing", -1), ("typing", "5"), ("typing", True)):
        with pytest.raises(ResponseError, match=r"plt\.switchLatencyBudget takes"):
            await execute(client, "plt.switchLatencyBudget", *arguments)


async def test_settings_that_come_later_win(start, pack):
    client = await started(start, pack)
    await ask(client)
    await execute(client, "plt.switchLoopCount", 2)
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"loops": 1}}})
    assert (await client.request("plt/status"))["loops"] == 1


async def test_words_are_given_at_the_budget_and_the_line_follows(start, pack, tmp_path):
    write_script(pack, text="total = first + second", wait_for=str(tmp_path / "go"), free_pieces=len("total = fi"))
    client = await started(start, pack, inlineCompletion={"latencyBudgetMs": 30})
    answer = await ask(client)
    assert answer["items"][0]["insertText"] == "    total ="
    assert client.received("plt/completionReport")[-1]["partial"] is True
    (tmp_path / "go").touch()
    await until(lambda: client.received("plt/inlineCompletionProgress")[-1]["done"])
    assert client.received("plt/inlineCompletionProgress")[-1]["text"] == "total = first + second"


async def test_a_client_that_is_not_told_of_growth_gets_the_whole_line(start, pack, tmp_path):
    write_script(pack, text="total = first", pause_ms=5)
    client = await start()
    settings = {"model": str(pack), "inlineCompletion": {"latencyBudgetMs": 10}}
    await client.initialize({"plt": settings})
    client.open(URI, TEXT)
    assert (await ask(client))["items"][0]["insertText"] == "    total = first"


def _told(client: LspClient) -> tuple[object, object]:
    """The loop count of the settings and that of the last decision, as the status was last told."""
    status = client.received("plt/didChangeStatus")[-1]
    return status["loops"], (status["decision"] or {}).get("loops")


async def test_with_the_real_engine_the_status_tells_the_decision_and_the_choices_the_evidence(start, tmp_path):
    pack = tiny_pack(tmp_path / "tiny", loops=2).folder
    client = await started(start, pack, "--stdio", inlineCompletion={"latencyBudgetMs": 60_000, "deadlineMs": 120_000})
    for i, count in enumerate((2, 1, 2)):
        await execute(client, "plt.switchLoopCount", count)
        client.change(URI, i + 2, {"text": TEXT + f"# {i}\n    "})
        await client.inline_completion(URI, 2, 4, is_automatic=True)
        status = await client.request("plt/status")
        assert (status["decision"]["loops"], status["decision"]["askedLoops"]) == (count, count)
        assert status["decision"]["withinBudget"] in (True, False)
        assert status["decision"]["answerMs"] > 0
        await until(lambda count=count: _told(client) == (count, count))
    assert client.received("plt/completionReport")[-1]["metrics"]["decision"]["loops"] == 2
    found = await execute(client, "plt.switchLoopCount")
    assert [choice["loops"] for choice in found["choices"]] == [1, 2]
    assert "quality not measured" in found["choices"][0]["detail"]
    with pytest.raises(ResponseError, match="evidence"):
        await execute(client, "plt.switchLoopCount", 3)
    assert "Last: " in found["text"]
    statistics = await execute(client, "plt.showStatistics")
    assert any(group["budgetKeptShare"] is not None for group in statistics["groups"])


async def test_the_counts_of_a_family_are_offered_once_their_packs_are_loaded(start, data_dir):
    def pack(name: str, loops: int, bits: float) -> None:
        figures = {loops: {QUALITY: bits, SAMPLE: "a.py" if name != "odd" else "b.py"}}
        tiny_pack(data_dir / "packs" / name, loops, certified=[loops], family="tiny", figures=figures)

    for name, loops, bits in (("one", 1, 1.2), ("two", 2, 1.0), ("odd", 3, 0.1)):
        pack(name, loops, bits)
    client = await started(start, "one", "--stdio", loops=2, inlineCompletion={"deadlineMs": 120_000})
    before = await execute(client, "plt.switchLoopCount")
    assert [choice["loops"] for choice in before["choices"]] == [1]
    await ask(client)
    early = (await client.request("plt/status"))["decision"]
    assert (early["loops"], early["askedLoops"]) == (1, 2)
    assert "the pack for R=2 is not loaded yet" in early["text"]

    while (await client.request("plt/status"))["engine"]["info"]["loops"] != [1, 2]:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    found = await execute(client, "plt.switchLoopCount", 2)
    assert [(choice["loops"], choice["bitsPerByte"]) for choice in found["choices"]] == [(1, 1.2), (2, 1.0)]
    assert "The pack odd is left out of the family tiny: its quality" in found["text"]
    client.change(URI, 2, {"text": TEXT + "x = 1\n    "})
    await client.inline_completion(URI, 2, 4, is_automatic=True)
    assert (await client.request("plt/status"))["decision"]["loops"] == 2

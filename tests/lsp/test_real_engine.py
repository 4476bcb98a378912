"""The whole way with the real engine: server process, engine process, torch, and a tiny pack of random weights.

What the model says means nothing; that it is asked, computed, cached, stopped and survived is what counts here.
"""

import os
import signal
from pathlib import Path
from statistics import median

import pytest

from plt_lsp.client import LspClient, ResponseError
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.test_indexing import until_ready
from tests.lsp.waiting import is_alive, until
from tests.lsp.workspaces import write
from tests.packs import tiny_pack

# Whatever random weights say, and whatever of it is then worth nothing; but no reason that an engine or editor has.
TROUBLE = {"no_pack", "pack_error", "loops_refused", "engine_died", "engine_error", "edited", "superseded", "cancelled"}
URI = "file:///project/code/a.py"
TEXT = "def add(first, second):\n    return first + second\n\n\nclass Counter:\n    "


@pytest.fixture(scope="module")
def real_pack(tmp_path_factory) -> Path:
    return tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", loops=2).folder


async def started(start, pack: Path, **settings) -> LspClient:
    client = await start("--stdio")
    options = {"model": str(pack), "inlineCompletion": {"deadlineMs": 120_000}, "capabilities": OWN_CAPABILITIES}
    await client.initialize({"plt": {**options, **settings}})
    client.open(URI, TEXT)
    return client


async def completed(client: LspClient, line: int = 5, character: int = 4) -> dict:
    """The report on one completion."""
    num_reports = len(client.received("plt/completionReport"))
    answer = await client.inline_completion(URI, line, character)
    report = (await client.wait_for("plt/completionReport", num_reports + 1))[-1]
    assert bool(answer["items"]) == (report["outcome"] == "completed")
    return report


async def engine_pid(client: LspClient) -> int:
    return (await client.request("plt/status"))["engine"]["pid"]


async def test_a_real_completion_and_what_it_reuses(start, real_pack):
    client = await started(start, real_pack)
    first = await completed(client)
    assert first["outcome"] not in TROUBLE
    assert (first["model"], first["metrics"]["loops"]) == ("tiny", 2)
    assert first["metrics"]["numCachedTokens"] == 0
    assert first["metrics"]["numComputedTokens"] == first["metrics"]["numPromptTokens"] > 10
    client.change(
        URI, 2, {"range": {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 4}}, "text": "x"}
    )
    second = await completed(client, 5, 5)
    assert second["metrics"]["numCachedTokens"] > first["metrics"]["numPromptTokens"] // 2
    info = (await client.request("plt/status"))["engine"]["info"]
    assert (info["loops"], info["defaultLoops"], info["pack"]) == ([1, 2], 2, "tiny")
    assert await client.shut_down() == 0


async def test_typing_what_was_suggested_asks_the_engine_once(start, real_pack):
    client = await started(start, real_pack)
    for i in range(40):  # a tiny model of random weights has nothing to say at many places
        client.change(URI, 2 + i, {"text": TEXT + f"# {i}\n    "})
        answer = await client.inline_completion(URI, 6, 4)
        text = answer["items"][0]["insertText"].removeprefix("    ") if answer["items"] else ""
        if len(text.partition("\n")[0]) > 1:
            break
    end = {"line": 6, "character": 4}
    client.change(URI, 100, {"range": {"start": end, "end": end}, "text": text[0]})
    finished = (await client.request("plt/status"))["engine"]["numFinished"]
    units = len(text[0].encode("utf-16-le")) // 2
    answer = await client.inline_completion(URI, 6, 4 + units, is_automatic=True)
    assert answer["items"][0]["insertText"] == "    " + text
    assert (await client.wait_for("plt/completionReport"))[-1]["kept"] is True
    assert (await client.request("plt/status"))["engine"]["numFinished"] == finished


async def test_the_loop_count_is_the_settings(start, real_pack):
    client = await started(start, real_pack, loops=1)
    assert (await completed(client))["metrics"]["loops"] == 1
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"loops": 3}}})
    assert (await completed(client))["outcome"] == "loops_refused"
    (message,) = client.received("window/showMessage")
    assert "loops is 3" in message["message"]
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"loops": 2}}})
    assert (await completed(client))["metrics"]["loops"] == 2


async def test_torch_is_in_the_engine_process_alone(start, real_pack):
    client = await started(start, real_pack)
    await completed(client)

    def libraries(pid: int) -> str:
        return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")

    assert "libtorch" in libraries(await engine_pid(client))
    assert "torch" not in libraries(client.pid)


async def test_kill_9_of_the_engine_in_mid_request(start, real_pack):
    client = await started(start, real_pack)
    await completed(client)
    pid = await engine_pid(client)
    os.kill(pid, signal.SIGSTOP)  # so that the request is certain to be running when the process dies
    answer = client.inline_completion(URI, 5, 4)
    os.kill(pid, signal.SIGKILL)
    assert (await answer)["items"] == []
    assert client.received("plt/completionReport")[-1]["outcome"] == "engine_died"
    assert (await completed(client))["outcome"] not in TROUBLE
    assert await engine_pid(client) != pid


async def test_a_cancelled_request_leaves_the_engine_ready_for_the_next(start, real_pack):
    client = await started(start, real_pack)
    await completed(client)
    pid = await engine_pid(client)
    os.kill(pid, signal.SIGSTOP)
    answer = client.inline_completion(URI, 1, 4)
    client.cancel(answer)
    with pytest.raises(ResponseError) as caught:
        await answer
    assert caught.value.code == -32800
    os.kill(pid, signal.SIGCONT)
    assert (await completed(client))["outcome"] not in TROUBLE
    assert await engine_pid(client) == pid


async def test_kill_9_of_the_server_ends_the_engine(start, real_pack):
    client = await started(start, real_pack)
    await completed(client)
    pid = await engine_pid(client)
    os.kill(client.pid, signal.SIGKILL)
    await until(lambda: not is_alive(pid))


async def test_a_missing_pack_is_served_once_it_is_built(start, data_dir):
    client = await start("--stdio")
    await client.initialize({"plt": {"model": "smollm2-135m", "capabilities": OWN_CAPABILITIES}})
    client.open(URI, TEXT)
    assert (await completed(client))["outcome"] == "no_pack"
    (message,) = client.received("window/showMessage")
    assert "`plt-lsp models build smollm2-135m`" in message["message"]
    tiny_pack(data_dir / "packs" / "smollm2-135m", loops=1)
    assert (await completed(client))["outcome"] not in TROUBLE


async def test_a_pack_with_a_wrong_hash_is_refused_by_name(start, tmp_path):
    pack = tiny_pack(tmp_path / "torn", loops=1)
    with (pack.folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    client = await started(start, pack.folder)
    assert (await completed(client))["outcome"] == "pack_error"
    (message,) = client.received("window/showMessage")
    assert "model.safetensors" in message["message"]


@pytest.fixture
def no_gpu(monkeypatch):
    """What is started from here on sees no GPU, whatever the machine has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "")


async def test_a_gpu_that_is_not_there_is_one_message_with_the_remedy(no_gpu, start, real_pack):
    client = await started(start, real_pack, engine={"device": "cuda"})
    assert (await completed(client))["outcome"] == "engine_error"
    [told] = [params["message"] for params in client.received("window/showMessage")]
    assert "torch sees no GPU" in told
    settings = {"model": str(real_pack), "engine": {"device": "auto"}}
    client.answer("workspace/configuration", lambda params: [settings for _ in params["items"]])
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": settings}})
    assert (await completed(client))["outcome"] not in TROUBLE


async def test_a_key_press_leaves_what_is_read_of_other_files_as_it_was(start, real_pack, tmp_path):
    prices = "".join(f"def price_{i}(first, second, third):\n    return first + {i}\n\n\n" for i in range(12))
    text = "from prices import price_1, price_2, price_3, price_4, price_5\n\n\n"
    workspace = write(tmp_path / "shop", {"prices.py": prices, "app.py": text})
    client = await start("--stdio")
    options = {"model": str(real_pack), "inlineCompletion": {"alternatives": 1}, "capabilities": OWN_CAPABILITIES}
    await client.initialize({"plt": {**options, "engine": {"foresight": False}}}, {}, [workspace.as_uri()])
    uri = (workspace / "app.py").as_uri()
    client.open(uri, text)
    await until_ready(client)
    shares = []
    for i, char in enumerate("price_1(price_2(1, 2, 3)"):
        end = {"line": 3, "character": i}
        client.change(uri, 2 + i, {"range": {"start": end, "end": end}, "text": char})
        num_reports = len(client.received("plt/completionReport"))
        await client.inline_completion(uri, 3, i + 1)
        report = (await client.wait_for("plt/completionReport", num_reports + 1))[-1]
        if report["metrics"] is not None and not report["kept"]:
            shares.append(report["metrics"]["numCachedTokens"] / report["metrics"]["numPromptTokens"])
    assert report["metrics"]["numPromptTokens"] > len(text) + 24, "no more tokens than characters stand in the file"
    assert median(shares) >= 0.95

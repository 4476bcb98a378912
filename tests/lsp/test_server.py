"""The server over stdio, driven by the project's own client, with a scripted engine where the text must be known."""

import asyncio
import itertools
import json
import os
import signal

import pytest

from plt_engine.types import Priority
from plt_lsp.client import LspClient, ResponseError, ServerGoneError
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.waiting import is_alive, until

URI = "file:///project/code/a.py"
BODY = "def f(a, b):\n    "


async def items(client: LspClient, line: int, character: int, **more) -> list:
    answer = await client.inline_completion(URI, line, character, **more)
    return answer["items"]


def generations(pack) -> list:
    """What the engine was asked for, without what it did of itself (test_foresight)."""
    asked = [entry for entry in read_journal(pack) if entry["event"] == "generate"]
    return [entry for entry in asked if entry["request"]["priority"] == Priority.INTERACTIVE]


async def running(client: LspClient, pack, count: int = 1) -> None:
    """Return once the engine has begun so many generations and shown the first piece of the last."""
    await until(lambda: len(generations(pack)) >= count)
    await client.wait_for("plt/inlineCompletionProgress")


async def test_initialize_starts_no_engine_and_advertises_inline_completion(start, pack):
    client = await start()
    result = await client.initialize({"plt": {"model": str(pack)}})
    assert result["capabilities"]["inlineCompletionProvider"] == {}
    assert result["capabilities"]["textDocumentSync"]["change"] == 2
    assert result["capabilities"]["textDocumentSync"]["openClose"] is True
    client.open(URI, BODY)
    status = await client.request("plt/status")
    assert status["engine"] is None
    assert read_journal(pack) == []


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, "utf-16"), (["utf-8", "utf-16"], "utf-8"), (["utf-32"], "utf-32"), (["x", "utf-16"], "utf-16")],
)
async def test_positions_are_counted_in_the_encoding_agreed_on(start, pack, offered, chosen):
    client = await start()
    general = {"positionEncodings": offered} if offered else {}
    result = await client.initialize({"plt": {"model": str(pack)}}, {"general": general})
    assert result["capabilities"]["positionEncoding"] == chosen
    text = "s = '😀é'; "
    end = len(text.encode("utf-16-le" if chosen == "utf-16" else "utf-32-le" if chosen == "utf-32" else "utf-8"))
    end //= {"utf-16": 2, "utf-32": 4, "utf-8": 1}[chosen]
    client.open(URI, text)
    (item,) = await items(client, 0, end)
    assert item["range"] == {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": end}}
    assert item["insertText"] == text + "return a + b"
    assert generations(pack)[0]["request"]["prompt"]["prefix"] == text


async def test_the_item_replaces_the_typed_part_of_the_line(client):
    client.open(URI, BODY)
    (item,) = await items(client, 1, 4, is_automatic=True)
    assert item["insertText"] == "    return a + b"
    assert item["range"] == span(1, 0, 1, 4)
    assert item["command"]["command"] == "plt.completionAccepted"


async def test_the_engine_sees_the_text_as_edited(client, pack):
    client.open(URI, "one\r\ntwo\r\nthree")
    client.change(
        URI,
        2,
        {"range": span(1, 0, 2, 0), "text": ""},
        {"range": span(1, 99, 1, 99), "text": "!\n"},
    )
    await items(client, 2, 0)
    prompt = generations(pack)[0]["request"]["prompt"]
    assert (prompt["prefix"], prompt["suffix"], prompt["path"]) == ("one\nthree!\n", "", "a.py")
    client.change(URI, 3, {"text": "all new"})
    await items(client, 0, 3)
    prompt = generations(pack)[1]["request"]["prompt"]
    assert (prompt["prefix"], prompt["suffix"]) == ("all", " new")


def span(line: int, character: int, end_line: int, end_character: int) -> dict:
    return {"start": {"line": line, "character": character}, "end": {"line": end_line, "character": end_character}}


async def test_the_path_is_relative_to_the_workspace_folder(start, pack):
    client = await start()
    await client.initialize(
        {"plt": {"model": str(pack)}}, workspace_folders=["file:///project", "file:///project/code/lib"]
    )
    client.open("file:///project/code/lib/x%20y.py", "x")
    await client.inline_completion("file:///project/code/lib/x%20y.py", 0, 1)
    assert generations(pack)[0]["request"]["prompt"]["path"] == "x y.py"


async def test_folders_come_and_go(client, pack):
    uri = "file:///other/lib/x.py"
    client.open(uri, "x = ")

    def change(**event) -> None:
        folders = {key: [{"uri": folder, "name": folder}] for key, folder in event.items()}
        client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [], **folders}})

    for event in ({}, {"added": "file:///other"}, {"removed": "file:///other"}):
        change(**event)
        await client.inline_completion(uri, 0, 4)
    assert [entry["request"]["prompt"]["path"] for entry in generations(pack)] == ["x.py", "lib/x.py", "x.py"]


async def test_text_on_the_right_means_one_line_that_stops_before_it(client, pack):
    write_script(pack, text="first, second) + 1")
    client.open(URI, "    print()  # shown\n")
    (item,) = await items(client, 0, 10)
    assert item["insertText"] == "    print(first, second"
    assert generations(pack)[0]["request"]["stop"]["unit"] == "line"


async def test_a_block_asks_for_its_indentation(client, pack):
    client.open(URI, "class A:\n\tdef f(self):\n\t\t")
    await items(client, 2, 2)
    stop = generations(pack)[0]["request"]["stop"]
    assert (stop["unit"], stop["indent_columns"], stop["max_tokens"]) == ("block", 16, 96)


async def test_a_final_text_stops_the_engine(client, pack, tmp_path):
    write_script(pack, text="x\n" * 8 + "never", wait_for=str(tmp_path / "never"), free_pieces=17)
    client.open(URI, "")
    (item,) = await items(client, 0, 0)
    assert item["insertText"] == "\n".join(["x"] * 8)
    report = (await client.wait_for("plt/completionReport"))[0]
    assert (report["outcome"], report["finishReason"]) == ("completed", "aborted")


async def test_progress_grows_and_the_last_is_the_offered_text(client, pack):
    write_script(pack, text="return a + b", pause_ms=40)
    client.open(URI, BODY)
    await items(client, 1, 4)
    *parts, last = client.received("plt/inlineCompletionProgress")
    texts = [part["text"] for part in parts]
    assert texts[0]
    assert all(new.startswith(old) and new != old for old, new in itertools.pairwise(texts))
    assert last == {
        "requestId": 2,
        "uri": URI,
        "position": {"line": 1, "character": 4},
        "text": "return a + b",
        "done": True,
        "cancelled": False,
    }


async def test_stock_clients_receive_nothing_of_our_own(start, pack):
    client = await start()
    await client.initialize({"plt": {"model": str(pack)}})
    client.open(URI, BODY)
    assert await items(client, 1, 4)
    assert client.notifications == []


async def test_the_newest_request_wins(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "go"))
    client.open(URI, BODY)
    first = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    second = client.inline_completion(URI, 1, 2)
    assert await first is None
    await until(lambda: any(entry.get("reason") == "aborted" for entry in read_journal(pack)))
    assert next(e for e in read_journal(pack) if e["event"] == "end")["text"] == "a"
    (tmp_path / "go").touch()
    assert (await second)["items"][0]["insertText"] == "  abc"


async def test_a_storm_of_requests_gets_one_answer_each(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "go"))
    client.open(URI, BODY)
    answers = [client.inline_completion(URI, 1, 4 if i % 2 else 2) for i in range(40)]
    assert await asyncio.gather(*answers[:-1]) == [None] * 39
    (tmp_path / "go").touch()
    assert (await answers[-1])["items"][0]["insertText"] == "    abc"
    assert len(generations(pack)) <= 40


async def test_requests_for_two_documents_do_not_stop_each_other(client, pack):
    other = "file:///project/code/b.py"
    client.open(URI, BODY)
    client.open(other, BODY)
    answers = await asyncio.gather(client.inline_completion(URI, 1, 4), client.inline_completion(other, 1, 4))
    assert [answer["items"][0]["insertText"] for answer in answers] == ["    return a + b"] * 2


async def test_an_edit_stops_what_ran_on_the_older_text(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    client.change(URI, 2, {"range": span(1, 4, 1, 4), "text": "r"})
    assert await answer is None
    await until(lambda: read_journal(pack)[-1].get("reason") == "aborted")
    counts = (await client.request("plt/status"))["counts"]
    assert counts["completion.edited"] == 1


async def test_a_request_sees_the_text_from_before_the_change_that_follows_it(client, pack):
    client.open(URI, BODY)
    await items(client, 0, 12)  # the engine is loaded now, so that the next request reaches it at once
    answer = client.inline_completion(URI, 1, 4)
    client.change(URI, 2, {"text": "gone"})
    assert await answer is None
    assert {entry["request"]["prompt"]["prefix"] for entry in generations(pack)} <= {BODY, BODY[:12]}


async def test_a_cancelled_request_is_answered_with_its_code_and_stops_the_engine(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    client.cancel(answer)
    with pytest.raises(ResponseError) as caught:
        await answer
    assert caught.value.code == -32800
    await until(lambda: read_journal(pack)[-1].get("reason") == "aborted")
    assert client.received("plt/completionReport")[0]["outcome"] == "cancelled"


async def test_cancelling_what_is_over_or_unknown_does_nothing(client):
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await answer
    client.cancel(answer)
    client.notify("$/cancelRequest", {"id": "nobody"})
    assert await items(client, 1, 4)
    assert client.received("window/showMessage") == []


async def test_closing_a_document_stops_its_request_and_forgets_its_session(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await answer is None
    await until(lambda: read_journal(pack)[-1]["event"] == "close_session")
    assert read_journal(pack)[-1]["session_id"] == generations(pack)[0]["request"]["session_id"]
    assert await items(client, 0, 0) == []


async def test_an_unopened_document_is_no_matter_for_the_user(client):
    client.change(URI, 2, {"text": "x"})
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await items(client, 0, 0) == []
    counts = (await client.request("plt/status"))["counts"]
    assert counts["sync.not_open"] == 1
    assert counts["completion.not_open"] == 1
    assert client.received("window/showMessage") == []


async def test_a_stale_change_leaves_the_text_as_it_was(client, pack):
    client.open(URI, "x", version=3)
    client.change(URI, 3, {"text": "stale"})
    await items(client, 0, 1)
    assert generations(pack)[0]["request"]["prompt"]["prefix"] == "x"
    assert (await client.request("plt/status"))["counts"]["sync.stale_version"] == 1


async def test_a_change_that_cannot_be_read_stops_completions_until_the_whole_text_comes(client, pack):
    client.open(URI, "x")
    client.change(URI, 2, {"range": span(-1, 0, 0, 0), "text": "y"})
    assert await items(client, 0, 1) == []
    client.change(URI, 3, {"text": "z; "})
    assert await items(client, 0, 3)
    assert generations(pack)[0]["request"]["prompt"]["prefix"] == "z; "
    counts = (await client.request("plt/status"))["counts"]
    assert (counts["sync.malformed"], counts["completion.out_of_sync"]) == (1, 1)
    assert client.received("window/showMessage") == []


async def test_half_a_surrogate_pair_reaches_the_engine_as_a_character(client, pack):
    client.open(URI, "x = '")
    client.change(URI, 2, {"range": span(0, 5, 0, 5), "text": "\ud83d"})
    assert await items(client, 0, 6)
    client.change(URI, 3, {"range": span(0, 6, 0, 6), "text": "\ude00"})
    (item,) = await items(client, 0, 7)
    assert [entry["request"]["prompt"]["prefix"] for entry in generations(pack)] == ["x = '\ufffd", "x = '😀"]
    assert item["insertText"].startswith("x = '😀")


async def test_a_selected_menu_item_is_extended_in_its_own_range(client, pack):
    write_script(pack, text="(path)")
    client.open(URI, "import os\nos.pa")
    selected = {"range": span(1, 3, 1, 5), "text": "path"}
    (item,) = await items(client, 1, 5, is_automatic=True, selected=selected)
    assert (item["insertText"], item["range"]) == ("path(path)", span(1, 3, 1, 5))
    assert generations(pack)[0]["request"]["prompt"]["prefix"] == "import os\nos.path"


@pytest.mark.parametrize(
    "selected",
    [
        {"range": span(0, 0, 0, 3), "text": "path"},
        {"range": span(1, 0, 1, 2), "text": "path"},
        {"range": span(1, 3, 1, 5), "text": "path\nmore"},
    ],
)
async def test_a_selected_item_elsewhere_means_no_item(client, selected):
    client.open(URI, "import os\nos.pa")
    assert await items(client, 1, 5, selected=selected) == []
    assert (await client.request("plt/status"))["counts"] == {"completion.selection_elsewhere": 1}


async def test_typing_in_the_middle_of_a_word_offers_nothing_by_itself(client, pack):
    write_script(pack, text="r")
    client.open(URI, "value")
    assert await items(client, 0, 2, is_automatic=True) == []
    assert await items(client, 0, 2)
    assert (await client.request("plt/status"))["counts"]["completion.mid_word"] == 1


async def test_a_model_that_adds_nothing_yields_no_item(client, pack):
    write_script(pack, text="   \n")
    client.open(URI, BODY)
    assert await items(client, 1, 4) == []
    write_script(pack, text="return 1\n    return 2")
    client.change(URI, 2, {"text": BODY + "\n    return 1\n"})
    assert await items(client, 1, 4) == []
    counts = (await client.request("plt/status"))["counts"]
    assert counts == {"completion.blank": 1, "completion.repeats_suffix": 1}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"enable": False}, "disabled"),
        ({"disabledLanguages": ["python"]}, "language_disabled"),
        ({"inlineCompletion": {"trigger": "manual"}}, "manual_only"),
    ],
)
async def test_settings_that_ask_for_silence(start, pack, settings, reason):
    client = await start()
    await client.initialize({"plt": {"model": str(pack), **settings}})
    client.open(URI, BODY)
    assert await items(client, 1, 4, is_automatic=True) == []
    assert (await client.request("plt/status"))["counts"] == {f"completion.{reason}": 1}
    assert read_journal(pack) == []


async def test_a_bad_setting_is_one_message_and_its_default_holds(start, pack):
    client = await start()
    options = {"model": str(pack), "inlineCompletion": {"maxTokens": 0, "deadlineMs": "soon"}, "loops": 2}
    await client.initialize({"plt": options})
    (message,) = await client.wait_for("window/showMessage")
    assert message["message"].splitlines() == [
        "plt.inlineCompletion.maxTokens = 0 is not allowed: it must be a whole number from 1 to 2048 (tokens); "
        "the default, 96, holds.",
        'plt.inlineCompletion.deadlineMs = "soon" is not allowed: it must be a whole number from 50 to 120000 '
        "(milliseconds); the default, 5000, holds.",
    ]
    client.open(URI, BODY)
    assert await items(client, 1, 4)
    request = generations(pack)[0]["request"]
    assert (request["stop"]["max_tokens"], request["stop"]["deadline_ms"], request["loops"]) == (96, 5000.0, 2)
    assert len(client.received("window/showMessage")) == 1


async def test_configuration_is_asked_for_and_followed(start, pack):
    client = await start()
    asked, answers = [], [{"inlineCompletion": {"maxTokens": 7, "alternatives": 1}, "loops": None}]
    client.answer("workspace/configuration", lambda params: (asked.append(params), [answers[-1]])[1])
    await client.initialize({"plt": {"model": str(pack)}}, {"workspace": {"configuration": True}})
    await until(lambda: len(asked) == 1)
    assert asked == [{"items": [{"section": "plt"}]}]
    client.open(URI, BODY)
    await items(client, 1, 4)
    answers.append({"inlineCompletion": {"maxTokens": 9, "alternatives": 1}})
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(asked) == 2)
    await items(client, 1, 4)
    client.notify(
        "workspace/didChangeConfiguration",
        {"settings": {"plt": {"inlineCompletion": {"maxTokens": 11, "alternatives": 1}}}},
    )
    await items(client, 1, 4)
    assert [entry["request"]["stop"]["max_tokens"] for entry in generations(pack)] == [7, 9, 11]


async def test_a_workspace_cannot_bring_its_own_weights(start, pack, tmp_path):
    client = await start()
    foreign = write_script(tmp_path / "foreign", text="bad")
    await client.initialize({"plt": {"model": str(pack)}})
    client.notify("workspace/didChangeConfiguration", {"settings": {"plt": {"model": str(foreign)}}})
    (message,) = await client.wait_for("window/showMessage")
    assert str(foreign) in message["message"]
    assert "initializationOptions" in message["message"]
    client.open(URI, BODY)
    assert await items(client, 1, 4)
    assert read_journal(foreign) == []


async def test_a_missing_pack_is_one_message_and_completions_come_once_it_is_there(start, data_dir):
    client = await start()
    await client.initialize({"plt": {"model": "smollm2-135m"}})
    client.open(URI, BODY)
    for _ in range(3):
        assert await items(client, 1, 4) == []
    (message,) = client.received("window/showMessage")
    assert "`plt-lsp models build smollm2-135m`" in message["message"]
    status = await client.request("plt/status")
    assert status["engine"] is None
    assert status["counts"] == {"completion.no_pack": 3}
    write_script(data_dir / "packs" / "smollm2-135m", text="pass")
    (item,) = await items(client, 1, 4)
    assert item["insertText"] == "    pass"
    assert len(client.received("window/showMessage")) == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"load_error": ["PackHashError", "a hash differs"]}, "pack_error"),
        ({"load_error": ["ConfigError", "an odd config"]}, "pack_error"),
        ({"error": ["LoopCountError", "no evidence"]}, "loops_refused"),
        ({"error": ["RequestError", "too long"]}, "engine_error"),
    ],
)
async def test_an_error_of_the_engine_is_one_message_and_no_completion(client, pack, script, reason):
    write_script(pack, **script)
    client.open(URI, BODY)
    assert await items(client, 1, 4) == []
    assert await items(client, 1, 4) == []
    (message,) = client.received("window/showMessage")
    ((_, text),) = script.values()
    assert text in message["message"]
    assert (await client.request("plt/status"))["counts"] == {f"completion.{reason}": 2}
    write_script(pack, text="fine")
    assert await items(client, 1, 4)


async def test_kill_9_of_the_engine_in_mid_generation_costs_one_completion(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    pid = (await client.request("plt/status"))["engine"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert (await answer)["items"] == []
    (message,) = client.received("window/showMessage")
    assert "killed by signal 9" in message["message"]
    write_script(pack, text="again")
    assert (await items(client, 1, 4))[0]["insertText"] == "    again"
    engine = (await client.request("plt/status"))["engine"]
    assert engine["pid"] != pid
    assert engine["numStarts"] == 2


async def test_an_engine_that_dies_again_and_again_does_not_take_the_server_along(client, pack):
    write_script(pack, exit_on_load=7)
    client.open(URI, BODY)
    for _ in range(6):
        assert await items(client, 1, 4) == []
    (message,) = client.received("window/showMessage")
    assert "exit code 7" in message["message"]
    assert (await client.request("plt/status"))["counts"] == {"completion.engine_died": 6}


async def test_shutdown_and_exit(client):
    client.open(URI, BODY)
    await items(client, 1, 4)
    pid = (await client.request("plt/status"))["engine"]["pid"]
    assert await client.shut_down() == 0
    await until(lambda: not is_alive(pid))


async def test_exit_without_shutdown_is_a_failure(client):
    assert await client.exit() == 1


async def test_exit_before_initialize(start):
    assert await (await start()).exit() == 1


async def test_shutdown_cancels_what_runs_and_refuses_what_comes(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    assert await client.request("shutdown") is None
    with pytest.raises(ResponseError) as caught:
        await answer
    assert caught.value.code == -32800
    with pytest.raises(ResponseError) as caught:
        await client.inline_completion(URI, 1, 4)
    assert caught.value.code == -32600
    assert await client.exit() == 0


async def test_the_end_of_the_input_ends_the_server_and_the_engine(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    pid = (await client.request("plt/status"))["engine"]["pid"]
    assert await client.end_input() == 1
    await until(lambda: not is_alive(pid))
    with pytest.raises(ServerGoneError):
        await answer


async def test_kill_9_of_the_server_ends_the_engine(client, pack, tmp_path):
    write_script(pack, text="abc", wait_for=str(tmp_path / "never"))
    client.open(URI, BODY)
    answer = client.inline_completion(URI, 1, 4)
    await running(client, pack)
    pid = (await client.request("plt/status"))["engine"]["pid"]
    os.kill(client.pid, signal.SIGKILL)
    await until(lambda: not is_alive(pid))
    with pytest.raises(ServerGoneError):
        await answer


async def test_requests_before_initialize_are_refused_and_notifications_ignored(start, pack):
    client = await start()
    client.open(URI, BODY)
    with pytest.raises(ResponseError) as caught:
        await client.inline_completion(URI, 1, 4)
    assert caught.value.code == -32002
    await client.initialize({"plt": {"model": str(pack)}})
    assert await items(client, 1, 4) == []
    with pytest.raises(ResponseError) as caught:
        await client.initialize()
    assert caught.value.code == -32600


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("textDocument/inlineCompletion", {"position": 5}, -32602),
        ("textDocument/inlineCompletion", None, -32602),
        ("no/such/method", {}, -32601),
    ],
)
async def test_every_request_is_answered(client, method, params, code):
    with pytest.raises(ResponseError) as caught:
        await client.request(method, params)
    assert caught.value.code == code
    assert client.received("window/showMessage") == []
    client.open(URI, BODY)
    assert await items(client, 1, 4)


async def test_a_body_that_is_no_json_is_survived(client):
    client.write_raw(b"Content-Length: 5\r\n\r\n{nope")
    client.open(URI, BODY)
    assert await items(client, 1, 4)
    assert [(stray["id"], stray["error"]["code"]) for stray in client.strays] == [(None, -32700)]


async def test_a_broken_header_ends_the_server(client):
    client.write_raw(b"Content-Length: many\r\n\r\n")
    assert await client.wait() == 1


async def test_nothing_of_the_users_code_is_logged(start, pack, environment, tmp_path):
    log = tmp_path / "log"
    client = await start("--engine-factory", "tests.lsp.scripted_engine:load", "--log-file", str(log))
    await client.initialize({"plt": {"model": str(pack), "capabilities": OWN_CAPABILITIES}})
    secret = "hunter2"
    write_script(pack, text=f"token = '{secret}'")
    client.open(URI, f"password = '{secret}'\n")
    client.change(URI, 2, {"range": span(-1, 0, 0, 0), "text": secret})
    client.change(URI, 3, {"text": f"password = '{secret}'\n"})
    assert await items(client, 1, 0)
    client.notify("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [{"text": {secret: 1}}]})
    with pytest.raises(ResponseError):
        await client.request("textDocument/hover", {secret: secret})
    await client.shut_down()
    written = log.read_text(encoding="utf-8")
    assert "completed" in written
    assert secret not in written


async def test_the_server_process_never_imports_torch(client, pack):
    client.open(URI, BODY)
    await items(client, 1, 4)
    maps = open(f"/proc/{client.pid}/maps", encoding="utf-8").read()  # noqa: SIM115, ASYNC230
    assert "python" in maps
    assert "torch" not in maps
    assert "tokenizers" not in maps
    assert json.dumps(read_journal(pack)[0]["torch"]) == "false"

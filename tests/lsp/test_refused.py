"""What is not offered although it could be: while snoozed, what was dismissed or just deleted, and whole files."""

from datetime import datetime, timedelta

import pytest

from plt_lsp.client import LspClient, ResponseError
from plt_lsp.snooze import MAX_MINUTES, Snooze
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import BODY, URI, items
from tests.lsp.test_status import started, until_told
from tests.lsp.test_type_through import REPORT, typist


async def run(client: LspClient, command: str, *arguments: object):
    return await client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})


class Clock:
    """A wall clock with timers that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 14, 0).astimezone()
        self.timers: list = []

    def call_later(self, seconds, function):
        self.timers.append((seconds, function))
        return self

    def cancel(self) -> None:
        self.timers.clear()


def test_a_snooze_ends_by_the_wall_clock_and_tells_of_it():
    clock, told = Clock(), []
    snooze = Snooze(lambda: told.append(snooze.until), clock.call_later, lambda: clock.now)
    assert snooze.until is None
    snooze.start(5)
    assert snooze.until == "14:05"
    snooze.start(30)
    assert snooze.until == "14:30"
    ((seconds, end),) = clock.timers
    assert seconds == 1800
    clock.now += timedelta(minutes=30)
    assert snooze.until is None
    end()
    assert told == ["14:05", "14:30", None]


@pytest.mark.parametrize("minutes", [-1, MAX_MINUTES + 1, float("nan")])
def test_an_impossible_snooze_is_named(minutes):
    with pytest.raises(ValueError, match=f"{minutes:g} minutes"):
        Snooze(lambda: None, Clock().call_later).start(minutes)


async def test_snoozed_nothing_comes_by_itself_and_what_is_asked_for_does(start, pack):
    client = await started(start, pack)
    until = (await run(client, "plt.snoozeFor", 10))["until"]
    told = await until_told(client, "Inactive", "snoozed")
    assert until in told["message"]
    assert await items(client, 1, 4, is_automatic=True) == []
    assert await items(client, 1, 4)
    assert await run(client, told["command"]["command"], *told["command"]["arguments"]) == {"until": None}
    assert await items(client, 1, 4, is_automatic=True)


async def test_a_snooze_of_no_minutes_is_an_error_for_its_own_request(client):
    for arguments in ([], ["x"], [True], [-1], [None]):
        with pytest.raises(ResponseError, match="minutes"):
            await run(client, "plt.snoozeFor", *arguments)
    client.open(URI, BODY)
    assert await items(client, 1, 4, is_automatic=True)


async def test_what_was_dismissed_is_not_offered_there_again(start, pack):
    hand = await typist(start, pack)
    assert await hand.suggestion() == "return a + b"
    hand.client.notify("plt/didDismissCompletion", {"textDocument": {"uri": URI}})
    assert await hand.suggestion() is None
    assert (await hand.report())["outcome"] == "dismissed"
    hand.type("ret")
    write_script(pack, text="urn a + b\n")
    assert await hand.suggestion() is None
    write_script(pack, text="urn b\n")
    hand.type("u")
    write_script(pack, text="rn b\n")
    assert await hand.suggestion() == "rn b"
    counts = (await hand.client.request("plt/status"))["counts"]
    assert counts["dismissed"] == 1


async def test_a_dismissal_of_nothing_is_ignored(client):
    client.open(URI, BODY)
    for params in (None, {}, {"textDocument": {}}, {"textDocument": {"uri": "file:///other.py"}}):
        client.notify("plt/didDismissCompletion", params)
        assert await items(client, 1, 4), params


async def test_what_was_just_deleted_is_not_offered_until_something_else_is_typed(start, pack):
    hand = await typist(start, pack)
    hand.type("return a + b")
    for _ in range(12):
        hand.erase(1)
    assert (await hand.ask(is_automatic=False))["items"] == []
    assert hand.client.received(REPORT)[-1]["outcome"] == "just_deleted"
    hand.type(" ")
    hand.erase(1)
    assert (await hand.ask(is_automatic=False))["items"]


async def test_a_file_that_is_too_large_or_no_text_is_inactive_with_the_reason(start, pack):
    client = await started(start, pack, maxFileChars=100)
    assert await items(client, 1, 4)
    client.open("file:///large.py", "x = 1\n" * 20)
    assert (await client.inline_completion("file:///large.py", 3, 0))["items"] == []
    told = await until_told(client, "Inactive", "file_too_large")
    assert "plt.maxFileChars" in told["message"]
    client.open("file:///binary.py", "x\0y\n")
    assert (await client.inline_completion("file:///binary.py", 1, 0))["items"] == []
    await until_told(client, "Inactive", "binary")
    assert await items(client, 1, 4)
    assert (await client.request("plt/status"))["kind"] == "Normal"


async def test_the_context_is_shown_as_the_model_sees_it(client):
    client.open(URI, "def f(a, b):\n    \nlast = 1\n")
    shown = await run(client, "plt.showContext", URI, {"line": 1, "character": 4})
    assert shown["prompt"]["prefix"] == "def f(a, b):\n    "
    assert shown["prompt"]["suffix"] == "\nlast = 1\n"
    assert "line 2, column 5" in shown["text"]
    assert "17 characters before the cursor" in shown["text"]


async def test_of_a_long_file_its_imports_and_signatures_are_shown(client):
    others = "".join(f"def other{i}(value):\n    return value * {i}\n\n\n" for i in range(300))
    client.open(URI, f"import math\n\n\n{others}def last(a):\n    \n")
    line = 3 + 300 * 4 + 1
    shown = await run(client, "plt.showContext", URI, {"line": line, "character": 4})
    prefix = shown["prompt"]["prefix"]
    assert prefix.startswith("import math\ndef other")
    assert "(value): ...\n" in prefix
    assert prefix.endswith("def last(a):\n    ")
    assert len(prefix) <= 4000
    sources = [part["source"] for part in shown["report"]["parts"]]
    assert sources == ["imports", "siblings", "mark", "before", "after"]
    assert all(source in shown["text"] for source in sources)


async def test_a_context_of_no_place_is_an_error_for_its_own_request(client):
    here = {"line": 0, "character": 0}
    for arguments in ([], [URI], [URI, {**here, "line": "x"}], [3, here], ["file:///no.py"]):
        with pytest.raises(ResponseError, match=r"plt\.showContext takes"):
            await run(client, "plt.showContext", *arguments)


async def test_a_context_that_is_not_to_be_shown_says_why(client):
    with pytest.raises(ResponseError, match="not_open"):
        await run(client, "plt.showContext", "file:///no.py", {"line": 0, "character": 0})

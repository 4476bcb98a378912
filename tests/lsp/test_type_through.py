"""Typing what was suggested, early answers and growing text, over stdio with an engine whose text the test chooses."""

import itertools

import pytest

from plt_lsp.client import LspClient
from tests.lsp.conftest import OWN_CAPABILITIES
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.test_server import URI, generations
from tests.lsp.waiting import until

TEXT = "def f(a, b):\n    "
PROGRESS, REPORT = "plt/inlineCompletionProgress", "plt/completionReport"


class Typist:
    """Types at the end of a document, and asks as editors do."""

    def __init__(self, client: LspClient) -> None:
        self.client = client
        self.text = TEXT
        self._version = 1
        client.open(URI, TEXT)

    def _cursor(self) -> dict:
        lines = self.text.split("\n")
        return {"line": len(lines) - 1, "character": len(lines[-1])}

    def type(self, text: str) -> None:
        at, self._version = self._cursor(), self._version + 1
        self.client.change(URI, self._version, {"range": {"start": at, "end": at}, "text": text})
        self.text += text

    def erase(self, num_chars: int) -> None:
        end = self._cursor()
        self.text = self.text[:-num_chars]
        self._version += 1
        self.client.change(URI, self._version, {"range": {"start": self._cursor(), "end": end}, "text": ""})

    def ask(self, *, is_automatic: bool = True):
        at = self._cursor()
        return self.client.inline_completion(URI, at["line"], at["character"], is_automatic=is_automatic)

    async def suggestion(self) -> str | None:
        answer = await self.ask()
        line = self.text.rpartition("\n")[2]
        return answer["items"][0]["insertText"].removeprefix(line) if answer["items"] else None

    async def report(self) -> dict:
        return self.client.received(REPORT)[-1]


async def typist(start, pack, **inline) -> Typist:
    client = await start()
    settings = {"inlineCompletion": {"latencyBudgetMs": 120_000, **inline}}
    await client.initialize({"plt": {"model": str(pack), "capabilities": OWN_CAPABILITIES, **settings}})
    return Typist(client)


async def test_typing_what_was_suggested_asks_the_engine_once(start, pack):
    hand = await typist(start, pack)
    assert await hand.suggestion() == "return a + b"
    for typed, rest in (("r", "eturn a + b"), ("eturn", " a + b"), (" ", "a + b")):
        hand.type(typed)
        assert await hand.suggestion() == rest
        assert (await hand.report())["kept"] is True
    assert len(generations(pack)) == 1
    assert (await hand.client.request("plt/status"))["counts"]["kept"] == 3


async def test_backspace_over_typed_text_keeps_it(start, pack):
    hand = await typist(start, pack)
    await hand.suggestion()
    hand.type("return")
    hand.erase(4)
    assert await hand.suggestion() == "turn a + b"
    hand.erase(2)
    assert await hand.suggestion() == "return a + b"
    hand.erase(1)
    assert await hand.suggestion() is None
    assert (await hand.report())["outcome"] == "deleting"
    assert len(generations(pack)) == 1


async def test_a_line_break_is_typed_through(start, pack):
    write_script(pack, text="x = 1\n    return x\n")
    hand = await typist(start, pack)
    await hand.suggestion()
    hand.type("x = 1\n    ")
    assert await hand.suggestion() == "return x"
    assert len(generations(pack)) == 1


async def test_other_text_and_the_whole_text_ask_anew(start, pack):
    hand = await typist(start, pack)
    await hand.suggestion()
    hand.type("q; ")
    assert await hand.suggestion() == "return a + b"
    assert len(generations(pack)) == 2
    hand.type("return a + b")
    await hand.suggestion()
    asked = [entry for entry in read_journal(pack) if entry["event"] == "generate"]
    assert len(asked) == 3  # the last began with the accept, before it was asked for


async def test_a_changed_setting_asks_anew(start, pack):
    hand = await typist(start, pack)
    await hand.suggestion()
    hand.client.notify(
        "workspace/didChangeConfiguration", {"settings": {"plt": {"inlineCompletion": {"maxTokens": 7}}}}
    )
    await hand.suggestion()
    assert [entry["request"]["stop"]["max_tokens"] for entry in generations(pack)] == [96, 7]


async def test_who_asks_is_given_what_is_kept_and_others(start, pack):
    write_script(pack, text="abc", alternatives=[["xyz", 0], ["a!", 0]])
    hand = await typist(start, pack, alternatives=2)
    assert await hand.suggestion() == "abc"
    hand.type("a")
    answer = await hand.ask(is_automatic=False)
    assert [item["insertText"] for item in answer["items"]] == ["    abc", "    axyz"]
    assert [entry["request"]["sampling"]["seed"] for entry in generations(pack)] == [None, 1]


async def test_a_running_generation_goes_on_while_its_own_text_is_typed(start, pack, tmp_path):
    write_script(pack, text="abcdef", wait_for=str(tmp_path / "go"), free_pieces=2)
    hand = await typist(start, pack)
    first = hand.ask()
    await hand.client.wait_for(PROGRESS)
    hand.type("a")
    assert await first is None
    second = hand.ask()
    hand.type("bc")  # more than there is yet
    assert await second is None
    third = hand.ask()
    (tmp_path / "go").touch()
    assert (await third)["items"][0]["insertText"] == "    abcdef"
    assert (await hand.report())["kept"] is True
    assert [entry["reason"] for entry in read_journal(pack) if entry["event"] == "end"] == ["end_of_text"]


async def test_a_cancel_that_typing_caused_leaves_it_running_and_one_without_does_not(start, pack, tmp_path):
    write_script(pack, text="abcdef", wait_for=str(tmp_path / "never"), free_pieces=2)
    hand = await typist(start, pack)
    first = hand.ask()
    await hand.client.wait_for(PROGRESS)
    hand.type("a")
    hand.client.cancel(first)
    second = hand.ask()
    await hand.client.wait_for(PROGRESS, 3)
    assert len(generations(pack)) == 1
    hand.client.cancel(second)
    await until(lambda: read_journal(pack)[-1].get("reason") == "aborted")


async def test_a_deviation_stops_it_at_once(start, pack, tmp_path):
    write_script(pack, text="abcdef", wait_for=str(tmp_path / "never"), free_pieces=2)
    hand = await typist(start, pack)
    hand.ask()
    await hand.client.wait_for(PROGRESS)
    hand.type("x")
    await until(lambda: read_journal(pack)[-1].get("reason") == "aborted")


async def test_what_comes_later_and_differs_from_the_typed_is_asked_for_anew(start, pack, tmp_path):
    write_script(pack, text="abcdef", wait_for=str(tmp_path / "go"), free_pieces=2)
    hand = await typist(start, pack)
    hand.ask()
    await hand.client.wait_for(PROGRESS)
    hand.type("abX")
    answer = hand.ask()
    write_script(pack, text="new")
    (tmp_path / "go").touch()
    assert (await answer)["items"][0]["insertText"] == "    abXnew"


async def test_the_budget_yields_the_complete_lines_and_the_next_request_the_rest(start, pack, tmp_path):
    write_script(pack, text="x = 1\n    y = 2\n    z", wait_for=str(tmp_path / "go"), free_pieces=len("x = 1\n  "))
    hand = await typist(start, pack, latencyBudgetMs=0)
    assert await hand.suggestion() == "x = 1"
    report = await hand.report()
    assert (report["partial"], report["finishReason"]) == (True, None)
    (tmp_path / "go").touch()
    await until(lambda: any(entry["event"] == "end" for entry in read_journal(pack)))
    await until(lambda: hand.client.received(PROGRESS)[-1]["done"])
    hand.type("x")
    assert await hand.suggestion() == " = 1\n    y = 2\n    z"
    assert (await hand.report())["partial"] is False
    assert len(generations(pack)) == 1


async def test_a_line_that_is_not_complete_is_waited_for(start, pack, tmp_path):
    write_script(pack, text="\n\n    long", wait_for=str(tmp_path / "go"), free_pieces=7)
    hand = await typist(start, pack, latencyBudgetMs=0)
    answer = hand.ask()
    await hand.client.wait_for(PROGRESS)
    (tmp_path / "go").touch()
    assert (await answer)["items"][0]["insertText"] == "    \n\n    long"


async def test_progress_goes_on_after_an_early_answer_until_done(start, pack, tmp_path):
    text = "x = 1\n    y = 2\n    z = 3"
    write_script(pack, text=text, wait_for=str(tmp_path / "go"), free_pieces=len("x = 1\n  "))
    hand = await typist(start, pack, latencyBudgetMs=0)
    assert await hand.suggestion() == "x = 1"
    count = len(hand.client.received(PROGRESS))
    assert not any(part["done"] for part in hand.client.received(PROGRESS))
    (tmp_path / "go").touch()
    await until(lambda: hand.client.received(PROGRESS)[-1]["done"])
    parts = hand.client.received(PROGRESS)
    assert len(parts) > count
    assert {part["requestId"] for part in parts} == {2}
    assert all(new["text"].startswith(old["text"]) for old, new in itertools.pairwise(parts))
    assert (parts[-1]["text"], parts[-1]["cancelled"]) == (text, False)


@pytest.mark.parametrize("what", ["edit", "request", "close"])
async def test_progress_ends_cancelled_once_something_newer_comes(start, pack, tmp_path, what):
    write_script(pack, text="x = 1\n    y", wait_for=str(tmp_path / "never"), free_pieces=8)
    hand = await typist(start, pack, latencyBudgetMs=0)
    await hand.suggestion()
    count = len(hand.client.received(PROGRESS))
    if what == "edit":
        hand.type("x")
    elif what == "request":
        hand.ask()
    else:
        hand.client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    parts = await hand.client.wait_for(PROGRESS, count + 1)
    assert (parts[count]["done"], parts[count]["cancelled"], parts[count]["requestId"]) == (True, True, 2)

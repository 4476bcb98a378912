"""Explanations over the wire: what is said, how it reaches each client, and what ends it."""

import asyncio

import pytest

from plt_lsp.client import ResponseError
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from plt_lsp.explain.explanation import Explanation
from plt_lsp.explain.kinds import Kind
from plt_lsp.explain.repetition import repetition_start
from plt_lsp.explain.subject import subject_of
from plt_lsp.positions import Cursor
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp.conftest import FACTORY
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.snapshots import snapshot_at
from tests.lsp.waiting import until

URI = "file:///project/a.py"
TEXT = """import os

password = "hunter2-Xy7Qw9Lm"


def size_of(path: str) -> int:
    '''How long a file is.'''
    if not path:
        raise ValueError(path)
    return os.stat(path).st_size


print(size_of("a"))
"""
CONTENT = {"workspace": {"textDocumentContent": {"dynamicRegistration": True}}}
PROGRESS = {"window": {"workDoneProgress": True}}


def rows(first, last):
    return {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}


FUNCTION = rows(5, 10)


@pytest.fixture
def opened(start, pack):
    async def open_with(own=None, capabilities=None, answers=None, **settings):
        client = await start("--engine-factory", FACTORY)
        for method, handler in (answers or {}).items():
            client.answer(method, handler)
        await client.initialize({"plt": {"model": str(pack), "capabilities": own or {}, **settings}}, capabilities)
        client.open(URI, TEXT)
        return client

    return open_with


def run(client, command, *arguments):
    return client.send("workspace/executeCommand", {"command": command, "arguments": list(arguments)})


async def test_the_answer_opens_with_facts_and_marks_what_the_model_says(opened, pack):
    write_script(pack, text="It measures <b>files</b>.", piece_chars=5)
    client = await opened()
    answer = await run(client, "plt.explainSelection", URI, FUNCTION)
    assert answer["text"] == (
        "# Explanation: `size_of`, `a.py`, lines 6 to 10\n\n"
        "- A function, lines 6 to 10\n"
        "- Signature: `def size_of(path: str) -> int`\n"
        "- Its documentation begins: `How long a file is.`\n"
        "- Calls `os.stat` (imported from `os`)\n"
        "- Raises `ValueError` (line 9)\n"
        "- Its `return` gives `os.stat(path).st_size` (line 10)\n"
        "- Has 1 branch\n"
        "- Reaches files by `os.stat` (line 10)\n\n"
        "The model `pack` says, and it may be wrong:\n\n"
        "> It measures `<b>files</b>`.\n"
    )
    assert (answer["done"], answer["cancelled"], answer["outcome"], answer["kind"]) == (
        True, False, "end_of_text", "explain",
    )  # fmt: skip
    assert answer["document"] is None


async def test_the_model_is_asked_behind_typing_about_the_code_without_secrets(opened, pack):
    client = await opened()
    await run(client, "plt.explainSelection", URI, rows(0, 13), "whatCouldGoWrong")
    (request,) = [entry["request"] for entry in read_journal(pack) if entry["event"] == "generate"]
    question = request["question"]
    assert request["priority"] == 1
    assert "hunter2" not in str(request)
    assert 'password = "redacted"' in question["code"]
    assert (question["language"], question["path"]) == ("python", "a.py")
    assert "fail" in question["text"]
    assert request["stop"]["deadline_ms"] > 0


LONG = "def long(a):\n" + "    a = a + 1\n" * 90


async def test_the_first_word_has_a_budget_and_code_that_is_shortened_for_it_is_said_to_be(opened, pack):
    write_script(pack, text="one two", piece_chars=4, wait_for=str(pack / "go"), decision={"shortened": 1})
    client = await opened({"explanationProgress": True}, explain={"latencyBudgetMs": 700})
    client.open(URI + "y", LONG)
    answer = run(client, "plt.explainSelection", URI + "y", rows(0, 91))

    def seen():
        return [told["text"] for told in client.received("plt/explanationProgress")]

    await until(lambda: any("> one" in text for text in seen()))
    said = "was shown a shortened form of this; it says, and it may be wrong:"
    assert all((said in text) == ("> one" in text) for text in seen())
    (pack / "go").touch()
    assert said in (await answer)["text"]
    (request,) = [entry["request"] for entry in read_journal(pack) if entry["event"] == "generate"]
    assert (request["kind"], request["budget_ms"]) == ("explain", 700.0)
    question = request["question"]
    assert question["code"] == LONG.strip()
    assert [len(code) // 100 for code in question["shorter"]] == [10, 4]
    assert (await client.request("plt/status", None))["decision"]["budgetMs"] == 700.0


async def test_an_explanation_that_typing_interrupts_goes_on_with_the_code_it_began_with(opened, pack):
    write_script(pack, text="one two", piece_chars=4, wait_for=str(pack / "go"), decision={"shortened": 1})
    client = await opened({"explanationProgress": True})
    client.open(URI + "y", LONG)
    answer = run(client, "plt.explainSelection", URI + "y", rows(0, 91))
    await until(lambda: any("> one" in told["text"] for told in client.received("plt/explanationProgress")))
    typing = client.inline_completion(URI + "y", 5, 4)
    await until(lambda: len([1 for entry in read_journal(pack) if entry["event"] == "end"]) >= 1)
    (pack / "go").touch()
    await typing
    await answer
    requests = [entry["request"] for entry in read_journal(pack) if entry["event"] == "generate"]
    first, *others = [request for request in requests if request["question"]]
    assert first["budget_ms"] == 1000.0
    for other in others:
        assert other["question"]["answer"].startswith("one ")
        assert other["question"]["code"] == first["question"]["shorter"][0]
        assert other["question"]["shorter"] == []
        assert other["budget_ms"] is None
    assert others


async def test_without_a_budget_nothing_is_shortened_for_it(opened, pack):
    client = await opened(explain={"latencyBudgetMs": 0})
    await run(client, "plt.explainSelection", URI, FUNCTION)
    (request,) = [entry["request"] for entry in read_journal(pack) if entry["event"] == "generate"]
    assert request["budget_ms"] is None


async def test_a_pack_that_cannot_chat_leaves_the_facts_alone(opened, pack):
    write_script(pack, error=["NoChatError", "The pack p has no chat format, so it answers no questions."])
    client = await opened()
    answer = await run(client, "plt.explainSelection", URI, FUNCTION)
    assert answer["outcome"] == "no_chat"
    assert "- Raises `ValueError` (line 9)" in answer["text"]
    assert "These facts stand alone. The pack p has no chat format" in answer["text"]
    assert "says, and" not in answer["text"]


async def test_without_a_pack_the_facts_stand_alone_and_say_how_to_mend_it(start):
    client = await start("--engine-factory", FACTORY)
    await client.initialize({"plt": {"model": "nowhere"}})
    client.open(URI, TEXT)
    answer = await run(client, "plt.explainSelection", URI, FUNCTION)
    assert answer["outcome"] == "failed"
    assert "nowhere" in answer["text"]


async def test_a_fault_of_the_program_ends_an_explanation_with_its_facts():
    snapshot = snapshot_at("def f():\n    return 1\n‸")
    tree = SyntaxTree.parse("python", "".join(snapshot.lines))
    made = Explanation(1, subject_of(snapshot, tree, Cursor(0, 0), Cursor(1, 0), None), Kind.EXPLAIN)
    seen = []

    def find():
        raise LookupError("a defect")

    await made.run(EngineClient(HostCommand()), find, lambda: seen.append(made.is_over))
    assert (made.outcome, seen) == ("failed", [True])
    text = made.markdown("pack")
    assert "Its `return` gives `1`" in text
    assert text.endswith("These facts stand alone. It has failed (LookupError); the log says more.\n")


async def test_a_client_that_takes_notifications_sees_it_grow(opened, pack):
    write_script(pack, text="one two", piece_chars=4, wait_for=str(pack / "go"))
    client = await opened({"explanationProgress": True})
    answer = run(client, "plt.explainSelection", URI, FUNCTION)
    await until(lambda: any("> one" in told["text"] for told in client.received("plt/explanationProgress")))
    assert not answer.done()
    assert client.received("plt/explanationProgress")[-1]["done"] is False
    (pack / "go").touch()
    final = await answer
    last = client.received("plt/explanationProgress")[-1]
    assert (last["text"], last["done"], last["id"], last["uri"]) == (final["text"], True, final["id"], URI)
    assert "> one two" in final["text"]


async def test_a_client_that_takes_documents_reads_one_that_grows(opened, pack):
    write_script(pack, text="one two", piece_chars=4, wait_for=str(pack / "go"))
    registered, refreshed = [], []
    client = await opened(
        {"explanationProgress": True},
        CONTENT,
        {
            "client/registerCapability": lambda params: registered.extend(params["registrations"]),
            "workspace/textDocumentContent/refresh": lambda params: refreshed.append(params["uri"]),
        },
    )
    answer = await run(client, "plt.explainSelection", URI, FUNCTION)
    assert answer["done"] is False
    assert answer["document"].startswith("plt-explanation:/")
    (registration,) = [one for one in registered if one["method"] == "workspace/textDocumentContent"]
    assert registration["registerOptions"]["schemes"] == ["plt-explanation"]

    async def content():
        return (await client.request("workspace/textDocumentContent", {"uri": answer["document"]}))["text"]

    await until(lambda: refreshed)
    assert "- Raises `ValueError`" in await content()
    (pack / "go").touch()
    async with asyncio.timeout(20):
        while "> one two" not in await content():
            seen = len(refreshed)
            await until(lambda seen=seen: len(refreshed) > seen)
    assert set(refreshed) == {answer["document"]}
    assert client.received("plt/explanationProgress") == []
    assert (await client.request("workspace/textDocumentContent", {"uri": "plt-explanation:/9/x.md"}))["text"] == ""


async def test_a_client_that_takes_neither_can_hover(opened, pack):
    write_script(pack, text="It measures files. " * 300)
    client = await opened(capabilities={"textDocument": {"hover": {}}})
    position = {"textDocument": {"uri": URI}, "position": {"line": 7, "character": 0}}
    assert await client.request("textDocument/hover", position) is None
    await run(client, "plt.explainSelection", URI, FUNCTION)
    shown = (await client.request("textDocument/hover", position))["contents"]["value"]
    assert "Raises `ValueError`" in shown
    assert len(shown) < 2100
    outside = {**position, "position": {"line": 1, "character": 0}}
    assert await client.request("textDocument/hover", outside) is None
    client.change(URI, 2, {"text": TEXT + "\n"})
    assert await client.request("textDocument/hover", position) is None


async def growing(client, pack):
    answer = run(client, "plt.explainSelection", URI, FUNCTION)
    await until(lambda: any(entry["event"] == "generate" for entry in read_journal(pack)))
    return answer


async def ended(pack, count=1):
    await until(lambda: len([entry for entry in read_journal(pack) if entry["event"] == "end"]) >= count)
    return [entry["reason"] for entry in read_journal(pack) if entry["event"] == "end"]


async def test_a_model_that_turns_in_circles_is_ended_where_it_begins_to(opened, pack):
    said = "It measures files. The code is written in Python. The code is written in Python. "
    write_script(pack, text=said + "The code is", piece_chars=len(said), wait_for="never to come")
    client = await opened()
    answer = await run(client, "plt.explainSelection", URI, FUNCTION)
    assert answer["text"].endswith(
        "> It measures files. The code is written in Python.\n\nIt began to repeat itself and was ended.\n"
    )
    assert (answer["outcome"], answer["cancelled"]) == ("repetition", False)
    await until(lambda: [entry["reason"] for entry in read_journal(pack) if entry["event"] == "end"] == ["aborted"])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A first sentence of words. A first sentence of words. ", "A first sentence of words. "),
        ("1. It calls os.path here.\n2. It calls os.path here.\n", "1. It calls os.path here.\n"),
        ("It is one long sentence. That is one as well. " * 3, "It is one long sentence. That is one as well. " * 2),
        ("The file is read once. THE FILE is\tread once. ", "The file is read once. "),
        ("It calls `os.path.join(a, b)`. It calls `os.path.join(a, b)`, too. It calls `os.path.join(a, b)`", None),
        ("It is a loop. It is a loop. It is a loop. ", None),
        ("The same long sentence. Something else is said. The same long sentence. ", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_repetition_begins_with_the_sentence_that_was_said_before(text, kept):
    start = repetition_start(text)
    assert (None if start is None else text[:start].strip()) == (None if kept is None else kept.strip())


async def test_cancelling_the_request_stops_the_model(opened, pack):
    write_script(pack, text="one two", wait_for=str(pack / "never"))
    client = await opened()
    answer = await growing(client, pack)
    client.cancel(answer)
    with pytest.raises(ResponseError):
        await answer
    assert await ended(pack) == ["aborted"]


async def test_the_command_and_the_button_of_the_progress_stop_it_too(opened, pack):
    write_script(pack, text="one two", wait_for=str(pack / "never"))
    tokens = []
    answers = {"window/workDoneProgress/create": lambda params: tokens.append(params["token"])}
    client = await opened(capabilities=PROGRESS, answers=answers)
    answer = await growing(client, pack)
    await run(client, "plt.cancelExplanation")
    stopped = await answer
    assert (stopped["cancelled"], stopped["outcome"]) == (True, "cancelled")
    assert "It was cancelled." in stopped["text"]
    answer = run(client, "plt.explainSelection", URI, FUNCTION)

    def begun():
        return [one["value"] for one in client.received("$/progress") if "Explaining" in str(one)]

    await until(lambda: len(begun()) == 2)
    assert begun()[0]["cancellable"] is True
    client.notify("window/workDoneProgress/cancel", {"token": tokens[-1]})
    assert (await answer)["cancelled"] is True


async def test_a_newer_explanation_ends_the_older(opened, pack):
    write_script(pack, text="one two", wait_for=str(pack / "go"))
    client = await opened()
    older = await growing(client, pack)
    newer = run(client, "plt.explainInOneSentence")
    assert (await older)["cancelled"] is True
    (pack / "go").touch()
    answer = await newer
    assert (answer["cancelled"], answer["kind"]) == (False, "oneSentence")
    assert answer["text"].startswith("# In one sentence: `size_of`")


async def test_an_answer_of_the_client_that_comes_after_a_cancel_does_no_harm(opened, pack):
    write_script(pack, text="one two")
    client = await opened(capabilities=PROGRESS, answers={"window/workDoneProgress/create": lambda _: None})
    answers = [run(client, "plt.explainSelection", URI, FUNCTION) for _ in range(8)]
    await asyncio.gather(*answers)
    assert [answer.result()["cancelled"] for answer in answers] == [True] * 7 + [False]
    assert (await client.request("plt/status"))["counts"]["explanation.cancelled"] == 7
    assert await client.shut_down() == 0


async def test_a_completion_is_not_delayed_and_the_explanation_goes_on_afterwards(opened, pack):
    write_script(pack, text="one two", piece_chars=4, wait_for=str(pack / "go"))
    client = await opened({"completionReport": True}, inlineCompletion={"alternatives": 1, "maxLines": 1})
    answer = await growing(client, pack)
    await until(lambda: read_journal(pack))
    completion = client.inline_completion(URI, 12, 5)
    assert (await ended(pack))[0] == "aborted"
    (pack / "go").touch()
    await completion
    final = await answer
    resumed = [entry["request"]["question"] for entry in read_journal(pack) if entry["event"] == "generate"]
    asked = [question["answer"] for question in resumed if question is not None]
    assert asked[0] == ""
    assert asked[1] in ("", "one ")
    assert final["outcome"] == "end_of_text"
    assert "one " in final["text"]


async def test_follow_ups_ask_of_the_same_code_or_of_a_place(opened, pack):
    client = await opened()
    with pytest.raises(ResponseError, match="Nothing was explained yet"):
        await run(client, "plt.explainLineByLine")
    await run(client, "plt.explainSelection", URI, FUNCTION)
    await run(client, "plt.explainLineByLine")
    await run(client, "plt.explainWhatCouldGoWrong", URI, FUNCTION)
    asked = [entry["request"] for entry in read_journal(pack) if entry["event"] == "generate"]
    assert len({one["question"]["code"] for one in asked}) == len({one["session_id"] for one in asked}) == 1
    assert len({one["question"]["text"] for one in asked}) == 3
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    with pytest.raises(ResponseError, match="Nothing was explained yet"):
        await run(client, "plt.explainLineByLine")
    await until(lambda: any(entry["event"] == "close_session" for entry in read_journal(pack)))


async def test_other_arguments_are_refused_with_what_is_right(opened):
    client = await opened()
    for arguments, words in (
        ([], "takes a document's URI and a range"),
        ([URI, {"start": {"line": -1, "character": 0}, "end": {"line": 1, "character": 0}}], "takes a document's URI"),
        ([URI, FUNCTION, "haiku"], "'haiku' is no kind of explanation; there are explain, oneSentence"),
        (["file:///other.py", FUNCTION], "not_open"),
    ):
        with pytest.raises(ResponseError, match=words):
            await run(client, "plt.explainSelection", *arguments)


async def test_nothing_is_explained_in_files_that_are_secret(opened, pack):
    client = await opened()
    for name in (".env", "id_rsa", "deploy/credentials.json", "a/.aws/x.py"):
        client.open(f"file:///project/{name}", TEXT)
        with pytest.raises(ResponseError, match=r"excluded|credentials"):
            await run(client, "plt.explainSelection", f"file:///project/{name}", FUNCTION)
    assert read_journal(pack) == []

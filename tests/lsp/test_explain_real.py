"""Explanations by the real engine and a tiny pack of random weights: what is read once, and the command line.

What the model says means nothing.
"""

import json
import subprocess
import sys

import pytest

from plt_lsp.explain.kinds import Kind
from plt_lsp.explain_command import parse_lines, range_of
from tests.packs import CHAT, tiny_pack

URI = "file:///project/a.py"
TEXT = "def add(first, second):\n    if first:\n        raise ValueError(first)\n    return first + second\n"
ROWS = {"start": {"line": 0, "character": 0}, "end": {"line": 4, "character": 0}}


@pytest.fixture(scope="module")
def chatty(tmp_path_factory):
    return tiny_pack(tmp_path_factory.mktemp("packs") / "chatty", loops=2, chat=CHAT, name="chatty").folder


@pytest.fixture(scope="module")
def mute(tmp_path_factory):
    return tiny_pack(tmp_path_factory.mktemp("packs") / "mute", loops=1, name="mute").folder


async def test_a_follow_up_does_not_read_the_selection_again(start, chatty):
    client = await start("--stdio")
    await client.initialize({"plt": {"model": str(chatty)}})
    client.open(URI, TEXT)

    async def run(command, *arguments):
        return await client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})

    first = await run("plt.explainSelection", URI, ROWS)
    assert first["model"] == "chatty"
    assert first["metrics"]["numCachedTokens"] == 0
    for command in ("plt.explainInOneSentence", "plt.explainWhatCouldGoWrong", "plt.explainLineByLine"):
        answer = await run(command)
        metrics = answer["metrics"]
        assert metrics["numCachedTokens"] > len(TEXT) // 4  # the code, at no more than four characters a token
        assert metrics["numComputedTokens"] < metrics["numPromptTokens"] // 2
        assert "- Raises `ValueError` (line 3)" in answer["text"]
    assert await client.shut_down() == 0


def plt_lsp(*words, environment, folder):
    command = [sys.executable, "-m", "plt_lsp.cli", "explain", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)


def test_the_command_prints_facts_that_stand_alone(environment, mute, tmp_path):
    (tmp_path / "a.py").write_text(TEXT, encoding="utf-8")
    result = plt_lsp("a.py:1-4", "--model", str(mute), environment=environment, folder=tmp_path)
    assert result.returncode == 1
    assert result.stdout.startswith("# Explanation: `add`, `a.py`, lines 1 to 4\n")
    assert "These facts stand alone. The pack mute has no chat format" in result.stdout


def test_the_command_prints_json(environment, chatty, tmp_path):
    (tmp_path / "a.py").write_text(TEXT, encoding="utf-8")
    words = ("a.py:4", "--kind", "oneSentence", "--model", str(chatty), "--json")
    result = plt_lsp(*words, environment=environment, folder=tmp_path)
    answer = json.loads(result.stdout)
    assert result.returncode == 0
    assert (answer["kind"], answer["done"]) == (Kind.ONE_SENTENCE, True)
    assert "A part of the function `add`, line 4" in answer["text"]


@pytest.mark.parametrize("place", ["a.py", "a.py:", "a.py:x-3", ":1-2", "a.py:1-"])
def test_a_place_of_another_form_is_refused(place):
    with pytest.raises(ValueError, match="write FILE:START-END"):
        parse_lines(place)


def test_lines_that_are_not_there_are_refused():
    assert range_of("a\nbc", 1, 2)["end"] == {"line": 1, "character": 2}
    for first, last in ((0, 1), (2, 1), (1, 3)):
        with pytest.raises(ValueError, match="the file has 2"):
            range_of("a\nbc", first, last)

"""The commands of the server's half: `plt-lsp complete`, the demo's places, and the words that find them."""

import json
import subprocess
import sys

import pytest

from plt_lsp import __version__
from plt_lsp.ask import cursor_at
from plt_lsp.complete import parse_place
from plt_lsp.demo_cursors import CURSORS, find_place
from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.postprocess.reasons import Reason
from tests.packs import tiny_pack


def plt_lsp(*words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plt_lsp.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_complete_prints_one_line_of_json_with_what_it_cost(environment, tmp_path):
    pack = tiny_pack(tmp_path / "tiny", loops=2)
    file = tmp_path / "a.py"
    file.write_text("def add(first, second):\n    return \n", encoding="utf-8")
    words = ("complete", f"{file}:2:12", "--model", str(pack.folder), "--max-tokens", "5", "--json")
    result = plt_lsp(*words, environment=environment)
    answer = json.loads(result.stdout)
    assert answer["outcome"] in {"completed", *Reason}
    assert result.returncode == (0 if answer["text"] else 1)
    assert (answer["model"], answer["metrics"]["loops"]) == ("tiny", 2)
    assert 1 <= answer["metrics"]["num_generated_tokens"] <= 5
    refused = plt_lsp(*words[:4], "--loops", "3", environment=environment)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "loops is 3" in refused.stderr
    assert "loops_refused" in refused.stderr


def test_complete_without_a_pack_names_the_command_that_builds_it(environment, tmp_path):
    file = tmp_path / "a.py"
    file.write_text("x = ", encoding="utf-8")
    result = plt_lsp("complete", f"{file}:1:5", "--model", "smollm2-135m", environment=environment)
    assert result.returncode == 1
    assert "plt-lsp models build smollm2-135m" in result.stderr


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere.py:1:1", "No such file"),
        ("{file}:9:1", "there is no line 9; the file has 2"),
        ("{file}:1:9", "line 1 has no column 9; the last one is 5"),
        ("{file}:0:1", "there is no line 0"),
        ("{file}", "write FILE:LINE:COL"),
    ],
)
def test_complete_refuses_a_place_that_is_not_there(environment, tmp_path, place, words):
    file = tmp_path / "a.py"
    file.write_text("x = \n", encoding="utf-8")
    result = plt_lsp("complete", place.format(file=file), environment=environment)
    assert result.returncode == 2
    assert words in result.stderr


def test_the_command_line_names_its_commands(environment):
    result = plt_lsp("--help", environment=environment)
    assert result.returncode == 0
    for command in ("serve", "complete", "demo", "doctor", "models"):
        assert command in result.stdout
    assert plt_lsp("--version", environment=environment).stdout == f"plt-lsp {__version__}\n"
    assert plt_lsp("sing", environment=environment).returncode == 2
    assert "--stdio" in plt_lsp("serve", "--help", environment=environment).stdout


def test_models_is_the_engines_command(environment):
    result = plt_lsp("models", "show", "nobody", environment=environment)
    assert result.returncode != 0
    assert "nobody" in result.stderr


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda cursor: cursor.title)
def test_the_demos_places_are_in_this_python(cursor):
    place = find_place(cursor)
    lines = split_lines(place.text)
    before = "".join(lines[: place.cursor.line]) + lines[place.cursor.line][: place.cursor.column]
    assert before.endswith(cursor.before)
    assert place.text[len(before) :].startswith(cursor.hole)
    assert place.text[len(before) :].strip() != cursor.hole


def test_a_place_of_windows_keeps_its_drive():
    path, line, column = parse_place("C:\\a.py:3:4")
    assert (str(path), line, column) == ("C:\\a.py", 3, 4)


def test_columns_count_characters():
    assert cursor_at("😀x\r\ny", 1, 3) == Cursor(0, 2)
    with pytest.raises(ValueError, match="the last one is 3"):
        cursor_at("😀x\r\ny", 1, 4)

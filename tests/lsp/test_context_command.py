"""`plt-lsp context`: what the model would be shown, told without a server or an engine."""

import json

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE, TOKENIZER_FILE
from plt_engine.tokenizer import Tokenizer
from plt_lsp.cli import main
from plt_lsp.index.places import database_of
from tests.lsp import samples
from tests.lsp.indexed import keep_index
from tests.lsp.snapshots import CURSOR
from tests.lsp.workspaces import write
from tests.packs import tiny_pack

APP = "from prices import total\n\ntotal(\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A file of a folder that is worked in, and a cursor in it; no model is there."""
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    before = samples.sample("python").partition(CURSOR)[0]
    (tmp_path / "store.py").write_text(samples.sample("python").replace(CURSOR, ""), encoding="utf-8")
    return f"store.py:{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"


def test_it_tells_the_parts_and_shows_the_text(place, capsys):
    assert main(["context", place, "--model", "none", "--max-prefix-chars", "600", "--max-suffix-chars", "200"]) == 0
    told = capsys.readouterr().out
    prefix, _, rest = samples.expected("python", "prompt").partition(CURSOR)
    suffix, _, table = rest.partition("\n--------\n")
    assert f"--- before the cursor\n{prefix}\n--- after the cursor\n{suffix}" in told
    assert table in told
    assert told.startswith("file      store.py (python), line 72")
    assert "asks for  a line" in told


def test_it_tells_them_as_json(place, capsys):
    assert main(["context", place, "--json", "--max-prefix-chars", "600"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["prompt"]["path"] == "store.py"
    assert [part["source"] for part in told["report"]["parts"]] == [
        "imports",
        "headers",
        "siblings",
        "mark",
        "before",
        "after",
    ]
    assert sum(part["num_chars"] for part in told["report"]["parts"][:-1]) == len(told["prompt"]["prefix"])


def test_the_tokens_of_each_part_are_counted(place, tmp_path, capsys):
    tokenizer = Tokenizer.from_file(tiny_pack(tmp_path / "data" / "packs" / "tiny").folder / TOKENIZER_FILE)
    words = ["context", place, "--model", "tiny", "--max-prefix-chars", "600"]
    assert main(words) == 0
    assert "chars  tokens  score  why" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    *before, after = (part["num_tokens"] for part in told["report"]["parts"])
    assert after == len(tokenizer.encode(told["prompt"]["suffix"]))
    window = told["prompt"]["prefix"][-told["report"]["parts"][-2]["num_chars"] :]
    assert before[-1] == len(tokenizer.encode(window))
    assert all(before)


def test_without_the_model_it_is_told_that_no_tokens_are_counted(place, capsys):
    assert main(["context", place, "--model", "smollm2-135m"]) == 0
    told = capsys.readouterr().out
    assert "chars  score  why" in told
    assert "the tokens are not counted: There is no model pack 'smollm2-135m'" in told


def test_a_file_within_the_budget_is_one_part(place, capsys):
    assert main(["context", place]) == 0
    assert capsys.readouterr().out.count("all of it") == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["no.py:1:1"], 2, "No such file"),
        (["store.py"], 2, "write FILE:LINE:COL"),
        (["store.py:999:1"], 2, "there is no line 999"),
        (["store.py:1:1", "--max-prefix-chars", "9"], 2, "--max-prefix-chars 9: write 100 or more"),
        ([".env:1:1"], 1, "excluded"),
    ],
)
def test_what_it_cannot_show_it_says(place, tmp_path, capsys, words, code, message):
    (tmp_path / ".env").write_text("KEY=1\n")
    assert main(["context", *words]) == code
    heard = capsys.readouterr()
    assert heard.out == ""
    assert message in heard.err


def test_it_shows_what_of_other_files_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "data"))
    root = write(tmp_path / "shop", {"prices.py": "def total(items):\n    return sum(items)\n", "app.py": APP})
    monkeypatch.chdir(root)
    assert main(["context", "app.py:3:7"]) == 0
    told = capsys.readouterr()
    assert "--- of" not in told.out
    assert "has no index yet" in told.err
    keep_index(root, database_of(root.resolve()))
    assert main(["context", "app.py:3:7"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "--- of prices.py\ndef total(items): ...\n" in told.out
    assert "definitions  prices.py" in told.out
    assert "total is used" in told.out
    assert main(["context", "app.py:3:7", "--max-chunk-chars", "0"]) == 0
    assert "--- of" not in capsys.readouterr().out

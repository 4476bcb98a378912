"""`plt-lsp doctor`: what it finds, with real packs and a real engine, and what its exit code says."""

import subprocess
import sys
from importlib import metadata

import orjson
import pytest

from plt_engine.pack import DATA_DIR_VARIABLE
from plt_lsp import doctor
from plt_lsp.check import State
from plt_lsp.doctor_engine import check_engine
from plt_lsp.settings import Settings
from tests.packs import tiny_pack


@pytest.fixture
def packs(tmp_path, monkeypatch, without_shipped_packs):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    return tmp_path / "packs"


def by_name(checks):
    return {check.name: check for check in checks}


def test_a_sound_installation_with_a_sound_pack_is_well(packs, capsys):
    tiny_pack(packs / "tiny")
    code = doctor.main(["--model", "tiny"])
    lines = capsys.readouterr().out.splitlines()
    assert (code, lines[-1]) == (0, "All is well."), "\n".join(lines)
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "note"}
    told = {line.split(": ")[0].split()[-1]: line.split(": ", 1)[1] for line in lines[:-1]}
    assert told["tiny"].startswith("3 hashes verified; float32, loops 1, 2")
    assert told["load"].startswith("tiny in ")
    spoken = [line for line in lines if " completion: " in line]
    assert [f"R = {loops}," in line for loops, line in zip((1, 2), spoken, strict=True)] == [True, True]
    assert "prompt tokens reused" in told["cache"]
    assert " MB at most, in process " in told["memory"]


def test_a_changed_pack_is_told_by_the_packs_check_and_by_the_engine(packs, capsys):
    folder = tiny_pack(packs / "tiny").folder
    (folder / "tokenizer.json").write_text("{}")
    code = doctor.main(["--model", "tiny", "--json"])
    document = orjson.loads(capsys.readouterr().out)
    failed = {
        (check["section"], check["name"]): check["detail"] for check in document["checks"] if check["state"] == "failed"
    }
    assert (code, document["ok"]) == (1, False)
    assert failed.keys() == {("packs", "tiny"), ("engine", "load")}
    for detail in failed.values():
        assert str(folder / "tokenizer.json") in detail
        assert "expected sha256" in detail


def test_without_a_pack_the_command_that_builds_one_is_told(packs):
    [check] = doctor.check_packs()
    assert check.state is State.FAILED
    assert "plt-lsp models list" in check.detail
    [check] = check_engine("smollm2-135m")
    assert check.state is State.FAILED
    assert "plt-lsp models build smollm2-135m" in check.detail


def test_one_broken_pack_does_not_hide_the_others(packs):
    tiny_pack(packs / "a")
    (packs / "b").mkdir()
    tiny_pack(packs / "c", fim=False)
    checks = by_name(doctor.check_packs())
    assert [(name, check.state) for name, check in checks.items()] == [
        ("a", State.OK), ("b", State.FAILED), ("c", State.OK),
    ]  # fmt: skip
    assert "pack.json does not exist" in checks["b"].detail


def test_versions_are_those_installed():
    checks = by_name(doctor.check_versions())
    for name in ("plt-lsp", "torch", "pygls", "safetensors", "tokenizers"):
        assert (checks[name].state, checks[name].detail) == (State.OK, metadata.version(name))
    assert "pytest" not in checks


def test_a_missing_dependency_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["no-such-thing>=1", "pytest>=9; extra == 'dev'"])
    checks = by_name(doctor.check_versions())
    assert checks["no-such-thing"].state is State.FAILED
    assert "-m pip install no-such-thing`" in checks["no-such-thing"].detail
    assert "pytest" not in checks


def test_an_installation_without_metadata_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-thing")
    assert by_name(doctor.check_versions())["no-such-thing"].state is State.FAILED


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("torch>=2.11", "torch"), ("a.b-c_d", "a.b-c_d"), ("x[y]; python_version < '4'", "x"), ("x (>=1)", "x")],
)
def test_the_name_in_a_requirement(requirement, name):
    assert doctor.name_of(requirement) == name


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("model name\t: x\nflags\t\t: fpu avx2 fma\nbugs\t: none\nflags\t\t: other\n", {"fpu", "avx2", "fma"}),
        ("Features\t: fp asimd bf16\n", {"fp", "asimd", "bf16"}),
        ("nothing of the kind\n", None),
    ],
)
def test_the_processors_features_as_linux_lists_them(tmp_path, text, features):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert doctor.cpu_features(path) == features


def test_where_nothing_lists_features_there_are_none(tmp_path):
    assert doctor.cpu_features(tmp_path / "nothing") is None


def test_the_doctor_loads_no_tensor_library():
    code = (
        "import sys, plt_lsp.doctor; print(sorted({'torch', 'numpy', 'safetensors', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_last_errors_and_the_place_of_the_log_are_told(packs, tmp_path):
    log = tmp_path / "logs" / "server.log"
    log.parent.mkdir()
    log.write_text(
        "2026-01-01 10:00:00,000 INFO [-] plt_lsp.server: fine\n"
        "2026-01-01 10:00:01,000 WARNING [3 +12 ms] plt_lsp.session: No completion: do this.\n"
    )
    where, error = doctor.check_log()
    assert where.detail == str(log)
    assert (error.name, error.detail) == ("2026-01-01 10:00:01,000", "warning: No completion: do this.")


def test_the_exclusions_that_apply_to_a_file_are_told():
    settings = Settings(excluded_files=("*.pem", "secret/**"))
    assert "'*.pem'" in doctor.check_file("deep/key.pem", settings).detail
    assert "'secret/**'" in doctor.check_file("secret/a.py", settings).detail
    assert doctor.check_file("a.py", settings).state is State.OK


async def test_the_servers_own_command_knows_its_client(client, pack):
    client.open("file:///a.py", "x = 1\n")
    answer = await client.request("workspace/executeCommand", {"command": "plt.doctor", "arguments": []})
    found = {(check["section"], check["name"]): check for check in answer["checks"]}
    assert answer["ok"]
    assert "utf-" in found["client", "encoding"]["detail"]
    assert found["engine", "process"]["detail"] == "none runs; the first request starts one"
    await client.inline_completion("file:///a.py", 1, 0)
    answer = await client.request("workspace/executeCommand", {"command": "plt.doctor", "arguments": []})
    found = {(check["section"], check["name"]): check for check in answer["checks"]}
    assert "this window's own" in found["engine", "process"]["detail"]
    assert answer["text"].count("\n") == len(answer["checks"])

"""`plt-lsp models add OWNER/NAME` with the real client library against a hub on the loopback interface."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from plt_engine import hub as hub_module
from plt_engine.conversion import source_files
from plt_engine.errors import PackError
from plt_engine.pack import load_pack, verify_pack
from tests.checkpoints import iquest_loop_config, iquest_loop_weights, loopcoder_config, write_checkpoint
from tests.fork_server import ForkServer
from tests.hub_server import COMMIT, REPO, serve


@pytest.fixture
def repository(tmp_path):
    """A repository as they are published: with remote code, pickles and pictures beside what is wanted."""
    folder = write_checkpoint(tmp_path / "repository", loopcoder_config())
    for name in ("modeling_x.py", "pytorch_model.bin", "picture.png", "original/consolidated.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"not wanted")
    return folder


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Where the commands come from, with all that converting a checkpoint imports; the client library is not of it."""
    imports = ("plt_engine.conversion", "plt_engine.hub")
    with ForkServer(tmp_path_factory.mktemp("forks"), "plt_engine.cli", *imports, OMP_NUM_THREADS="1") as server:
        yield server


@pytest.fixture
def start(tmp_path, commands):
    """Start the command in a process of its own, since the library reads its endpoint once."""

    def command(hub, *words):
        environment = {
            **os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"),
            "PLT_LSP_DATA_DIR": str(tmp_path / "data"), "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        environment.pop("HF_HUB_OFFLINE", None)
        return commands.begin(("models", "add", *words), environment)

    return command


def test_a_repository_becomes_a_pack_and_only_what_is_wanted_is_fetched(tmp_path, repository, start):
    with serve(repository) as hub:
        code, out, err = start(hub, REPO, "--quantize", "int4").finish()
    assert code == 0, err
    assert "added tiny-coder-int4" in out
    assert "plt_num_loops 2" in out
    assert "FIM: iquest" in out
    pack = load_pack(tmp_path / "data" / "packs" / "tiny-coder-int4")
    verify_pack(pack)
    assert pack.manifest.source.identity == f"{REPO}@{COMMIT}"
    assert pack.manifest.source.command == f"plt-lsp models add {REPO} --quantize int4"
    assert pack.manifest.license == "apache-2.0"
    assert {name for _, name, _ in hub.asked} == {path.name for path in source_files(repository)}
    assert list((tmp_path / "data" / "downloads").iterdir()) == []


def test_a_cut_off_fetch_goes_on_where_it_stopped(tmp_path, start):
    """The client writes ten megabytes at a time, so that the file must be larger than that."""
    config = {**iquest_loop_config(), "vocab_size": 100_000}
    source = write_checkpoint(tmp_path / "repository", config, iquest_loop_weights(config), num_shards=1)
    size = (source / "model.safetensors").stat().st_size
    with serve(source) as hub:
        hub.stalls_at = ("model.safetensors", size * 4 // 5)
        child = start(hub, f"{REPO}@{COMMIT}", "--keep-download")
        assert hub.stalled.wait(100)
        [partial] = wait_for(lambda: [path for path in tmp_path.rglob("*.part") if path.stat().st_size > 10_000_000])
        child.kill()
        assert child.finish()[0] == -signal.SIGKILL
        held = partial.stat().st_size
        hub.stalls_at = None
        hub.asked.clear()
        code, _, err = start(hub, f"{REPO}@{COMMIT}", "--keep-download").finish()
    assert code == 0, err
    assert [start for method, name, start in hub.asked if (method, name) == ("GET", "model.safetensors")] == [held]
    assert 0 < held < size
    verify_pack(load_pack(tmp_path / "data" / "packs" / "tiny-coder"))
    [download] = (tmp_path / "data" / "downloads").iterdir()
    assert (download / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()


def wait_for(found):
    for _ in range(1000):
        if result := found():
            return result
        time.sleep(0.05)
    raise AssertionError("it did not come within 50 s")


def only_pickles(folder, hub):
    for path in folder.glob("*.safetensors"):
        path.unlink()
    return "holds pytorch_model.bin but no .safetensors file; other formats, pickles above all, are refused"


def other_bytes(folder, hub):
    hub.hashes["model-00002-of-00003.safetensors"] = "1" * 64
    return f"is not the file that was published: expected sha256 {'1' * 64}"


def unsupported(folder, hub):
    (folder / "config.json").write_text('{"model_type": "mamba"}')
    return "model_type is 'mamba'"


def lacking_a_shard(folder, hub):
    (folder / "model-00002-of-00003.safetensors").unlink()
    return "names model-00002-of-00003.safetensors, which the repository lacks"


@pytest.mark.parametrize("fault", [only_pickles, other_bytes, unsupported, lacking_a_shard])
def test_what_cannot_be_used_is_one_line_and_no_weights_are_fetched_in_vain(tmp_path, repository, start, fault):
    with serve(repository) as hub:
        words = fault(repository, hub)
        code, out, err = start(hub, REPO).finish()
    assert (code, out) == (1, "")
    [message] = [line for line in err.splitlines() if line.startswith("plt-lsp: ")]
    assert words in message
    fetched = any(name.endswith(".safetensors") for _, name, _ in hub.asked)
    assert fetched == (fault is other_bytes)
    assert not list((tmp_path / "data").rglob("pack.json"))


def test_a_repository_that_is_not_there_is_one_line(repository, start):
    with serve(repository) as hub:
        code, out, err = start(hub, "owner/nothing").finish()
    assert (code, out) == (1, "")
    assert "The hub did not give owner/nothing: RepositoryNotFoundError" in err.splitlines()[-1]


def test_without_the_client_library_the_way_around_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PackError, match=r"install plt-lsp\[hub\], or fetch the checkpoint by other means"):
        hub_module.look_up(REPO, None, Path("downloads"))

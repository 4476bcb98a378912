"""Fixtures for all tests: the real pretrained pack, built once by the command that users run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from plt_engine import cli
from plt_engine.pack import DATA_DIR_VARIABLE, Pack, find_pack, load_pack
from plt_lsp.host_finder import RUNTIME_DIR_VARIABLE

CACHE = Path(__file__).parent.parent / ".cache" / "plt-lsp"
BUILD_TIMEOUT_S = 900

# How long an example takes says nothing on a machine that has other things to do. The examples are the same in every
# run, so that a change breaks what it breaks; `pytest --hypothesis-profile fresh` looks for others.
settings.register_profile("fresh", deadline=None)
settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that needs the real pack pays for its download, which no test's own limit allows for."""
    for item in items:
        if "smollm2_pack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(BUILD_TIMEOUT_S))


@pytest.fixture(scope="session", autouse=True)
def own_engine_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps servers of different tests from sharing an engine process: a folder that is open to others is not used.

    The tests of sharing itself name a folder of their own.
    """
    folder = tmp_path_factory.mktemp("runtime")
    (folder / "plt-lsp").mkdir()
    (folder / "plt-lsp").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RUNTIME_DIR_VARIABLE, str(folder))
        yield


@pytest.fixture
def without_shipped_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pack comes with the package; it holds in this process only."""
    monkeypatch.setattr("plt_engine.pack.shipped_dir", lambda: tmp_path / "none shipped")


@pytest.fixture(scope="session")
def smollm2_pack() -> Pack:
    """SmolLM2 135M, in a cache folder inside the clone that git ignores; built if it is not there or not whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_DIR_VARIABLE, str(CACHE))
        assert cli.main(["models", "build", "smollm2-135m"]) == cli.EXIT_OK
        return load_pack(find_pack("smollm2-135m"))

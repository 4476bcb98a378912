"""Two windows of one user in the real VS Code: one engine process serves both, and the one that is left."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from plt_engine.pack import Pack
from plt_lsp.host_finder import RUNTIME_DIR_VARIABLE
from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.conftest import PATIENT, served_by
from tests.e2e.vscode.places import ARTEFACTS
from tests.e2e.vscode.processes import hosts, kill, servers
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"


@dataclass(frozen=True, slots=True)
class Windows:
    """Two windows of one editor, each on a folder of its own, and where their servers look for an engine to share."""

    one: Workbench
    other: Workbench
    runtime: Path


@pytest.fixture
def windows(tmp_path_factory: pytest.TempPathFactory, smollm2_pack: Pack) -> Iterator[Windows]:
    home, runtime = tmp_path_factory.mktemp("windows"), tmp_path_factory.mktemp("run")
    log, folder = home / "server.log", home / "other"
    log.touch()
    folder.mkdir()
    variables = {**served_by(smollm2_pack, home, log), RUNTIME_DIR_VARIABLE: str(runtime)}
    with (
        code_server(home, variables, PATIENT) as server,
        Browser(home / "browser", ARTEFACTS / "one-browser.log") as one,
        Browser(home / "other-browser", ARTEFACTS / "other-browser.log") as other,
    ):
        yield Windows(Workbench(server, one, log), Workbench(replace(server, folder=folder), other, log), runtime)
        for name, browser in (("one", one), ("other", other)):
            browser.screenshot(ARTEFACTS / f"sharing_{name}.png")
    for pid in hosts(runtime):
        kill(pid)  # it would leave by itself, a minute after the last window


def complete(window: Workbench, name: str) -> None:
    """Open a file and wait for ghost text in it."""
    window.open_text(name, PAIRS)
    window.browser.type(TYPED)
    assert window.wait_for_ghost()


def test_one_engine_serves_two_windows_and_the_one_that_is_left(windows: Windows) -> None:
    one, other = windows.one, windows.other
    for window in (one, other):
        window.load()
        window.wait_until_running()
        window.warm_up()
        complete(window, "both.py")
    assert len(servers(one.server.pid)) == 2
    (engine,) = hosts(windows.runtime)
    assert [window.engine_pid() for window in (one, other)] == [engine, engine]

    one.browser.open("about:blank")
    wait_for(lambda: servers(one.server.pid), lambda found: len(found) == 1)
    complete(other, "left.py")
    assert other.engine_pid() == engine
    assert hosts(windows.runtime) == [engine]

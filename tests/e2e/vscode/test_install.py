"""Installing the server where something is in the way: no Python, one that is too old, or a user whose mind changes.

The editor, the Python that makes the environment and pip are real; the one that is too old only says that it is.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE
from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.places import ARTEFACTS
from tests.e2e.vscode.processes import command_line, descendants
from tests.e2e.vscode.waiting import TIMEOUT_S, wait_for
from tests.e2e.vscode.workbench import Workbench

INSTALLING = "PLT: installing the language server"


@pytest.fixture
def index() -> Iterator[socket.socket]:
    """A package index that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(TIMEOUT_S)
        yield listening


def bare_environment(programs: Path, home: Path) -> dict[str, str]:
    """Variables with nothing on the PATH but what the test puts there, and pip as it is without a configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    own = {
        "PATH": str(programs),
        "VSCODE_CLI": "1",
        "PIP_CONFIG_FILE": os.devnull,
        DATA_DIR_VARIABLE: str(home / "plt"),
    }
    return {**kept, **own}


def put_python(programs: Path, script: str) -> None:
    """Have a `python3` on the PATH that is this shell script."""
    python = programs / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def test_what_is_in_the_way_is_said_and_a_cancelled_installation_leaves_nothing(
    tmp_path: Path, index: socket.socket
) -> None:
    programs, home = tmp_path / "bin", tmp_path / "home"
    programs.mkdir()
    url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
    settings = {"plt.server.pipArguments": ["--index-url", url]}
    with (
        code_server(home, bare_environment(programs, home), settings) as server,
        Browser(home / "browser", ARTEFACTS / "install-browser.log") as browser,
    ):
        vscode = Workbench(server, browser, home / "none.log")
        vscode.load()
        try:
            without_python(vscode)
            with_an_old_python(vscode, programs)
            cancelled(vscode, programs, index)
        finally:
            browser.screenshot(ARTEFACTS / "install.png")


def without_python(vscode: Workbench) -> None:
    """The user says yes, and hears what to install or to set."""
    vscode.answer("PLT needs its language server", "Install")
    (words,) = wait_for(lambda: vscode.notifications("PLT needs Python 3.11 or newer"))
    assert "none is on the PATH. Install it, or set plt.server.python to its path." in words
    wait_for(vscode.status, "PLT: set up".__eq__)


def with_an_old_python(vscode: Workbench, programs: Path) -> None:
    """The user installs a Python, which is too old, and tries again."""
    answer = json.dumps([str(programs / "python3"), [3, 8, 10], True])
    put_python(programs, f"echo '{answer}'")
    vscode.answer("none is on the PATH", "Try Again")
    (words,) = wait_for(lambda: vscode.notifications("is Python 3.8.10"))
    assert f"{programs}/python3 is Python 3.8.10. Install a newer one, or set plt.server.python to its path." in words
    wait_for(vscode.status, "PLT: set up".__eq__)


def cancelled(vscode: Workbench, programs: Path, index: socket.socket) -> None:
    """The user installs one that will do, tries again, and cancels while pip downloads."""
    put_python(programs, f'exec "{sys.base_prefix}/bin/python3" "$@"')
    vscode.answer("is Python 3.8.10", "Try Again")
    connection, _ = index.accept()
    with connection:
        wait_for(vscode.status, "PLT: installing".__eq__)
        environment = vscode.server.storage / "server"
        assert (environment / "bin" / "python").exists()
        vscode.answer(INSTALLING, "Cancel")
        wait_for(vscode.status, "PLT: set up".__eq__)
    assert not environment.exists()
    assert not [pid for pid in descendants(vscode.server.pid) if "pip" in command_line(pid)]
    assert not vscode.notifications("PLT")

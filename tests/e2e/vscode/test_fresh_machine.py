"""The README's steps on a machine with nothing but Python: install the extension, say yes, type; then another model."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE, Pack
from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.places import ARTEFACTS, ROOT
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, MODEL_TIMEOUT_S, Workbench

INSTALL_TIMEOUT_S = 900
SHIPPED_MODEL = "plt-coder-115m"
PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT], check=True)
    (found,) = folder.glob("plt_lsp-*.whl")
    return found


@pytest.fixture
def data_dir(tmp_path: Path, smollm2_pack: Pack) -> Path:
    """A data folder without a pack, but with the download that one is built from, so as not to fetch it twice."""
    shutil.copytree(smollm2_pack.folder.parent.parent / "downloads", tmp_path / "plt-lsp" / "downloads")
    return tmp_path / "plt-lsp"


def bare_path(folder: Path) -> str:
    """A PATH with one program more than the system's own: a Python that has nothing installed."""
    folder.mkdir()
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.base_prefix}/bin/python3" "$@"\n')
    python.chmod(0o755)
    return os.pathsep.join([str(folder), "/usr/bin", "/bin"])


@pytest.mark.network
@pytest.mark.timeout(1800)
def test_a_fresh_machine_gets_to_its_first_ghost_text(tmp_path: Path, wheel: Path, data_dir: Path) -> None:
    path = bare_path(tmp_path / "bin")
    assert shutil.which("plt-lsp", path=path) is None
    environment = {**os.environ, "PATH": path, "VSCODE_CLI": "1", DATA_DIR_VARIABLE: str(data_dir)}
    settings = {
        "plt.server.package": str(wheel),
        "plt.server.pipArguments": ["--constraint", str(ROOT / "constraints.txt")],
        "plt.inlineCompletion.deadlineMs": 60_000,
    }
    home = tmp_path / "home"
    with (
        code_server(home, environment, settings) as server,
        Browser(home / "browser", ARTEFACTS / "fresh-browser.log") as browser,
    ):
        workbench = Workbench(server, browser, home / "none.log")
        try:
            walk_through(workbench)
        finally:
            browser.screenshot(ARTEFACTS / "fresh_machine.png")


def walk_through(vscode: Workbench) -> None:
    """What the user sees and does."""
    vscode.load()
    wait_for(vscode.status, lambda words: words == "PLT: set up")
    wait_for(
        lambda: vscode.browser.texts(".gettingStartedContainer"), lambda texts: "Install the server" in "".join(texts)
    )
    vscode.browser.screenshot(ARTEFACTS / "walkthrough.png")
    vscode.answer("PLT needs its language server", "Install")
    wait_for(vscode.status, lambda words: words == "PLT: installing")
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {SHIPPED_MODEL}"), timeout_s=INSTALL_TIMEOUT_S)
    vscode.open_text("first.py", PAIRS)
    assert vscode.type_until_ghost("    return")

    vscode.server.choose_model(MODEL)
    wait_for(vscode.status, lambda words: words == "PLT: model missing")
    vscode.answer(f"The model {MODEL}", "Build")
    wait_for(lambda: vscode.notifications(f"The model {MODEL} is ready"), timeout_s=INSTALL_TIMEOUT_S)
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"), timeout_s=MODEL_TIMEOUT_S)
    vscode.open_text("second.py", PAIRS)
    assert vscode.type_until_ghost("    return")

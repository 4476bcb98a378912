"""The editors that the VS Code tests share: one for all of them, since a start takes longer than most tests."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE, Pack
from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.places import ARTEFACTS, VENV, VSIX
from tests.e2e.vscode.workbench import MODEL, SNOOZE, Workbench

TEST_TIMEOUT_S = 300
# The shipped model's texts change with its weights; however slow the machine, the first answer is the last; and other
# tests' files do not change it.
WHOLE = {
    "plt.model": MODEL,
    "plt.inlineCompletion.latencyBudgetMs": 120_000,
    "plt.context.maxChunkChars": 0,
}
PATIENT = {**WHOLE, "plt.inlineCompletion.deadlineMs": 60_000}  # the machine may be busy with other things


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder drives a real editor."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, smollm2_pack: Pack) -> Iterator[Workbench]:
    """VS Code with the extension, `plt-lsp` on its PATH and the real pack in its data folder."""
    assert VSIX.exists(), "the extension is not packaged: run tests/e2e/vscode/setup.sh"
    home = tmp_path_factory.mktemp("vscode")
    log = ARTEFACTS / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    with (
        code_server(home, served_by(smollm2_pack, home, log), PATIENT) as server,
        Browser(home / "browser", ARTEFACTS / "browser.log") as browser,
    ):
        workbench = Workbench(server, browser, log)
        workbench.load()
        workbench.wait_until_running()
        workbench.warm_up()
        yield workbench


def served_by(pack: Pack, home: Path, log: Path) -> dict[str, str]:
    """An environment with the real `plt-lsp` on its PATH, which logs into a file, and a pack in its data folder."""
    return {
        **os.environ,
        "PATH": f"{logging_server(home / 'bin', log)}{os.pathsep}{os.environ['PATH']}",
        "VSCODE_CLI": "1",  # else a login shell sets the PATH
        DATA_DIR_VARIABLE: str(pack.folder.parent.parent),
    }


def logging_server(folder: Path, log: Path) -> Path:
    """A folder with a `plt-lsp` that is the real one, but for its standard error, which goes into a file."""
    folder.mkdir()
    script = folder / "plt-lsp"
    script.write_text(f'#!/bin/sh\nexec "{VENV / "bin" / "plt-lsp"}" "$@" 2>>"{log}"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture
def vscode(shared: Workbench, request: pytest.FixtureRequest) -> Iterator[Workbench]:
    """The shared editor, its settings put back and its picture taken after the test."""
    before = shared.server.settings()
    yield shared
    shared.browser.screenshot(ARTEFACTS / f"{request.node.name}.png")
    shared.browser.press("Escape", "Escape")
    if shared.server.settings() != before:
        shared.write_settings(before)
    shared.close_all()
    if shared.status() == "PLT: snoozed":
        shared.run(SNOOZE)

"""A workspace of several folders in the real VS Code: one server completes the files of all of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.vscode.processes import servers
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"
FOLDERS = ("client", "service")


@pytest.fixture
def folders(vscode: Workbench, tmp_path: Path) -> Iterator[list[Path]]:
    """The folders of the workspace that the editor shows, which afterwards shows its own folder again."""
    found = [tmp_path / name for name in FOLDERS]
    for folder in found:
        folder.mkdir()
    workspace = tmp_path / "both.code-workspace"
    workspace.write_text(json.dumps({"folders": [{"path": name} for name in FOLDERS]}))
    vscode.load(workspace)
    vscode.wait_until_running()
    vscode.warm_up()
    yield found
    vscode.load()
    vscode.wait_until_running()
    vscode.warm_up()


def test_two_folders_share_one_server(vscode: Workbench, folders: list[Path]) -> None:
    names = wait_for(
        lambda: vscode.browser.texts(".explorer-folders-view .monaco-list-row"), lambda rows: len(rows) == 2
    )
    assert sorted(names) == sorted(FOLDERS)
    for folder in folders:
        file = vscode.open_text(f"{folder.name}.py", PAIRS, folder)
        vscode.browser.type(TYPED)
        ghost = vscode.wait_for_ghost()
        vscode.browser.press("Tab")
        vscode.wait_for_ghost_to_leave(ghost)
        assert vscode.save(file) == PAIRS + TYPED + ghost
    wait_for(lambda: servers(vscode.server.pid), lambda found: len(found) == 1)

"""An explanation in the real VS Code: beside the code, which stays as it is, facts first and then the model's words."""

from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import Workbench

TEXT = """import os


def size(path):
    if not path:
        raise ValueError(path)
    return os.stat(path).st_size
"""


def told(vscode: Workbench) -> str:
    """All text that is shown, wherever its lines are wrapped."""
    return " ".join(" ".join(vscode.browser.texts(".view-line")).split())


def test_a_selection_is_explained_beside_it(vscode: Workbench) -> None:
    file = vscode.open_text("size.py", TEXT)
    vscode.browser.press("Control+A")
    vscode.run("PLT: Explain the Selection")
    wait_for(lambda: told(vscode), lambda text: "Defines `size` (line 4)" in text)
    assert vscode.tab().count(file.name) == 1
    wait_for(lambda: told(vscode), lambda text: "says, and it may be wrong" in text)
    assert file.read_text() == TEXT

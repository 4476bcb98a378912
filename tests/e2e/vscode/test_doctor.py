"""The doctor in the real VS Code: the server's own command, read as a document."""

from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, Workbench


def test_the_doctors_words_are_shown(vscode: Workbench) -> None:
    vscode.run("PLT: Run the Doctor")
    ends = ("nothing wrong", "The doctor ended")
    lines = wait_for(vscode.lines, lambda lines: any(end in line for line in lines for end in ends), timeout_s=240)
    assert any("nothing wrong" in line for line in lines), lines
    assert any(MODEL in line for line in lines)

"""What the server tells when it is asked, read as documents in the real VS Code."""

from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"


def test_what_the_model_sees_at_the_cursor_is_shown(vscode: Workbench) -> None:
    vscode.open_text("context.py", PAIRS + TYPED)
    vscode.run("PLT: Show What the Model Sees at the Cursor")
    vscode.wait_for_tab("PLT context")
    wait_for(vscode.lines, lambda lines: any("def subtract(a, b):" in line for line in lines))
    vscode.close_tab("PLT context")


def test_the_statistics_are_shown_from_the_menu(vscode: Workbench) -> None:
    vscode.open_text("statistics.py", PAIRS)
    vscode.open_menu()
    vscode.choose("Show the statistics")
    vscode.wait_for_tab("PLT statistics")
    wait_for(vscode.lines, lambda lines: any("python" in line for line in lines))
    vscode.close_tab("PLT statistics")

"""Files that are hard on an editor's ghost text: long ones, and ones with tabs, CRLF and emoji."""

from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import Workbench

NUM_FUNCTIONS = 3334
LONG = "".join(f"def function_{i}(value):\n    return value + {i}\n\n" for i in range(NUM_FUNCTIONS))


def test_a_file_of_ten_thousand_lines(vscode: Workbench) -> None:
    file = vscode.open_text("long.py", LONG)
    assert LONG.count("\n") >= 10_000
    vscode.browser.type("def function_")
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Tab")
    vscode.wait_for_ghost_to_leave(ghost)
    assert vscode.save(file) == f"{LONG}def function_{ghost}"


def test_tabs_crlf_and_emoji_are_kept(vscode: Workbench) -> None:
    text = (
        'def cheer(name):\r\n\tprint("🎉🎉 " + name)\r\n\treturn name\r\n\r\n\r\n'
        'def greet(name):\r\n\tprint("👋🏽 " + name)\r\n'
    )
    file = vscode.open_text("emoji.py", text)
    vscode.browser.insert("\temoji = '🎉🎉'; ")
    vscode.browser.type("return")
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Tab")
    vscode.wait_for_ghost_to_leave(ghost)
    saved = vscode.save(file)
    assert saved.startswith(f"{text}\temoji = '🎉🎉'; return")
    inserted = saved.removeprefix(f"{text}\temoji = '🎉🎉'; return")
    assert inserted.replace("\r\n", "").count("\n") == 0
    assert inserted.replace("\r\n", "\n").expandtabs(4) == ghost

    vscode.browser.press("Control+Z")
    wait_for(lambda: vscode.save(file), lambda now: now == f"{text}\temoji = '🎉🎉'; return")

"""Settings and switches in the real VS Code: each has its effect without a restart, and the status bar says so."""

from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, SNOOZE, Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

"""
METHOD = "    def"


def test_the_number_of_lines_follows_its_setting(vscode: Workbench) -> None:
    vscode.open_text("lines.py", STACK)
    vscode.browser.type(METHOD)
    ghost = vscode.wait_for_ghost()
    assert "\n" in ghost, f"this test needs ghost text of several lines, not {ghost!r}"

    vscode.change_settings({"plt.inlineCompletion.maxLines": 1})
    vscode.browser.press("Escape")

    def ask_again() -> str:
        vscode.browser.press("Escape", "Alt+\\")
        return vscode.wait_for_ghost()

    assert wait_for(ask_again, lambda text: "\n" not in text) == ghost.split("\n")[0]


def test_with_the_manual_trigger_only_the_key_brings_ghost_text(vscode: Workbench) -> None:
    vscode.change_settings({"plt.inlineCompletion.trigger": "manual"})
    vscode.open_text("manual.py", PAIRS)
    vscode.type_until("manual_only")
    vscode.browser.type(TYPED)
    vscode.wait_for_no_ghost()
    vscode.browser.press("Alt+\\")
    assert vscode.wait_for_ghost()


def test_a_language_is_switched_off_and_on_again(vscode: Workbench) -> None:
    vscode.open_text("language.py", PAIRS)
    vscode.run("PLT: Switch Completions On or Off for This Language")
    wait_for(vscode.status, lambda words: words == "PLT: off for python")
    assert vscode.server.settings()["plt.disabledLanguages"] == ["python"]
    vscode.type_until("language_disabled")
    vscode.browser.type(TYPED)
    vscode.wait_for_no_ghost()

    vscode.open_text("language.js", "function add(a, b) {\n  return a + b;\n}\n\nfunction subtract(a, b) {\n")
    vscode.browser.type("  return")
    assert vscode.wait_for_ghost()

    vscode.open_text("language_again.py", PAIRS)
    vscode.run("PLT: Switch Completions On or Off for This Language")
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"))
    vscode.browser.type(TYPED)
    assert vscode.wait_for_ghost()


def test_a_snooze_keeps_away_all_but_what_is_asked_for(vscode: Workbench) -> None:
    vscode.open_text("snooze.py", PAIRS)
    vscode.run(SNOOZE)
    vscode.choose("5 minutes")
    wait_for(vscode.status, lambda words: words == "PLT: snoozed")
    vscode.browser.press("x", "Backspace")  # what was asked for as the list closed is cancelled by that
    vscode.wait_for_no_ghost()
    seen = len(vscode.outcomes())
    vscode.browser.type(TYPED)
    vscode.wait_for_no_ghost()
    assert set(vscode.outcomes()[seen:]) <= {"cancelled"}
    vscode.browser.press("Alt+\\")
    assert vscode.wait_for_ghost()

    vscode.run(SNOOZE)
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"))


def test_the_status_bars_menu_offers_what_it_should(vscode: Workbench) -> None:
    vscode.open_text("menu.py", PAIRS)
    vscode.browser.type(TYPED)
    vscode.wait_for_ghost()
    assert "R=1" in vscode.status()
    vscode.browser.press("Escape")
    rows = vscode.open_menu()
    words = ["Restart the server", "Switch off for python", "Snooze", "Run the doctor", "Show the log"]
    assert all(any(word in row for row in rows) for word in words), rows

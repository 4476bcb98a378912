"""Settings and switches in the real VS Code: each has its effect without a restart, and the status bar says so."""

import re

from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, SNOOZE, STATUS_ITEM, Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

"""
METHOD = "    def"  # inserted at once: a suggestion for its first letters may say another word that begins so


def test_the_number_of_lines_follows_its_setting(vscode: Workbench) -> None:
    vscode.open_text("lines.py", STACK)
    vscode.browser.insert(METHOD)
    ghost = vscode.wait_for_ghost()
    assert "\n" in ghost, f"this test needs ghost text of several lines, not {ghost!r}"

    vscode.change_settings({"plt.inlineCompletion.maxLines": 1})

    def ask_again() -> str:
        vscode.hide_ghost()
        vscode.browser.press("Alt+\\")
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
    assert vscode.type_until_ghost(TYPED)  # the server hears of the setting a moment later


def test_a_snooze_keeps_away_all_but_what_is_asked_for(vscode: Workbench) -> None:
    vscode.open_text("snooze.py", PAIRS)
    vscode.run(SNOOZE)
    vscode.choose("5 minutes")
    wait_for(vscode.status, lambda words: words == "PLT: snoozed")
    (label,) = vscode.browser.attributes(f"{STATUS_ITEM} a", "aria-label")
    assert re.fullmatch(r"PLT: Snoozed until \d\d:\d\d\.", str(label))
    vscode.type_until("snoozed")
    seen = len(vscode.outcomes())
    vscode.browser.type(TYPED)
    vscode.wait_for_no_ghost()
    assert "completed" not in vscode.outcomes()[seen:]
    vscode.browser.press("Alt+\\")
    assert vscode.wait_for_ghost()
    vscode.hide_ghost()

    vscode.open_menu()
    vscode.choose("End the snooze")
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"))
    vscode.open_text("awake.py", PAIRS)
    vscode.browser.type(TYPED)
    assert vscode.wait_for_ghost()


def test_the_palette_ends_a_snooze_too(vscode: Workbench) -> None:
    vscode.run(SNOOZE)
    vscode.choose("15 minutes")
    wait_for(vscode.status, lambda words: words == "PLT: snoozed")
    vscode.run(SNOOZE)
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"))


def test_the_status_bars_menu_offers_what_it_should(vscode: Workbench) -> None:
    vscode.open_text("menu.py", PAIRS)
    vscode.browser.type(TYPED)
    vscode.wait_for_ghost()
    assert "R=1" in vscode.status()
    vscode.hide_ghost()
    rows = vscode.open_menu()
    words = ["Restart the server", "Switch off for python", "Snooze", "the model sees", "the statistics"]
    words += ["Run the doctor", "Show the log"]
    assert all(any(word in row for row in rows) for word in words), rows

"""Ghost text in the real VS Code: it comes while typing, and is taken whole, by word or by line, or left."""

from itertools import count

from tests.e2e.vscode.waiting import wait_for, wait_until_stable
from tests.e2e.vscode.workbench import Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

"""
METHOD = "    def"  # inserted at once: a suggestion for its first letters may say another word that begins so
SUGGESTION_LIST = ".suggest-widget.visible .monaco-list-row"


def test_typing_brings_ghost_text_that_tab_takes_and_undo_removes(vscode: Workbench) -> None:
    file = vscode.open_text("whole.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Tab")
    vscode.wait_for_ghost_to_leave(ghost)
    assert vscode.save(file) == PAIRS + TYPED + ghost

    vscode.browser.press("Control+Z")
    assert wait_for(lambda: vscode.save(file), lambda text: text != PAIRS + TYPED + ghost) == PAIRS + TYPED


def test_the_server_hears_of_what_is_accepted(vscode: Workbench) -> None:
    before = vscode.accepted()
    vscode.open_text("accepted.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Tab")
    vscode.wait_for_ghost_to_leave(ghost)
    wait_for(vscode.accepted, lambda now: now == before + 1)


def test_typing_what_the_ghost_text_says_keeps_it(vscode: Workbench) -> None:
    vscode.open_text("through.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    for i in range(3):
        vscode.browser.type(ghost[i])
        wait_for(vscode.ghost, ghost[i + 1 :].__eq__)


def test_a_word_is_taken_and_the_rest_stays(vscode: Workbench) -> None:
    file = vscode.open_text("word.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Control+ArrowRight")
    rest = wait_for(vscode.ghost, lambda text: text != ghost)
    assert rest
    assert ghost.endswith(rest)
    assert vscode.save(file) == PAIRS + TYPED + ghost.removesuffix(rest)


def test_a_line_is_taken(vscode: Workbench) -> None:
    file = vscode.open_text("line.py", STACK)
    vscode.browser.insert(METHOD)
    ghost = vscode.wait_for_ghost()
    first, *more = ghost.split("\n")
    assert more, f"this test needs ghost text of several lines, not {ghost!r}"
    vscode.browser.press("Alt+End")
    vscode.wait_for_ghost_to_leave(ghost)
    assert vscode.save(file).removeprefix(STACK + METHOD).rstrip() == first


def test_a_key_asks_again_for_what_the_cursor_has_left(vscode: Workbench) -> None:
    vscode.open_text("again.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    vscode.hide_ghost()
    vscode.browser.press("Alt+\\")
    assert vscode.wait_for_ghost() == ghost


def test_what_escape_dismisses_is_not_suggested_there_again(vscode: Workbench) -> None:
    file = vscode.open_text("dismiss.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Escape")
    vscode.wait_for_no_ghost()
    seen = len(vscode.outcomes())
    vscode.browser.press("Alt+\\")
    wait_for(lambda: vscode.outcomes()[seen:])
    assert wait_until_stable(vscode.ghost, lambda text: True) != ghost
    assert vscode.save(file) == PAIRS + TYPED


def test_escape_closes_the_suggestion_list_first(vscode: Workbench) -> None:
    vscode.open_text("escape.py", PAIRS)
    vscode.browser.type("    retur")
    ghost = vscode.wait_for_ghost()
    vscode.browser.press("Control+Space")
    wait_for(lambda: vscode.browser.texts(SUGGESTION_LIST))
    vscode.browser.press("Escape")
    wait_for(lambda: vscode.browser.texts(SUGGESTION_LIST), lambda found: not found)
    vscode.hide_ghost()
    vscode.browser.press("Alt+\\")
    assert vscode.wait_for_ghost() == ghost


def test_the_next_and_the_previous_alternative_are_shown(vscode: Workbench) -> None:
    vscode.open_text("alternatives.py", STACK)
    vscode.browser.insert(METHOD)
    vscode.wait_for_ghost()
    vscode.hide_ghost()
    vscode.browser.press("Alt+\\")
    first = vscode.wait_for_ghost()
    vscode.browser.press("Alt+]")
    second = vscode.wait_for_another_ghost(first)
    vscode.browser.press("Alt+[")
    assert vscode.wait_for_another_ghost(second) == first


def test_the_rest_of_a_long_suggestion_comes_without_a_key_press(vscode: Workbench) -> None:
    vscode.open_text("at_once.py", STACK)
    vscode.browser.insert(METHOD)
    whole = vscode.wait_for_ghost()
    assert "\n" in whole, f"this test needs ghost text of several lines, not {whole!r}"
    vscode.change_settings({"plt.inlineCompletion.latencyBudgetMs": 0})
    names = (f"rest_{i}.py" for i in count())

    def num_answers() -> int:
        seen = len(vscode.outcomes())
        vscode.open_text(next(names), STACK)
        vscode.browser.insert(METHOD)
        wait_for(vscode.ghost, whole.__eq__)
        return vscode.outcomes()[seen:].count("completed")

    wait_for(num_answers, lambda num: num > 1)


def test_what_is_dismissed_while_it_grows_stays_away(vscode: Workbench) -> None:
    vscode.change_settings({"plt.inlineCompletion.latencyBudgetMs": 0})
    vscode.open_text("dismissed.py", STACK)
    vscode.browser.insert(METHOD)
    wait_for(vscode.ghost)
    vscode.browser.press("Escape")
    wait_until_stable(vscode.ghost, lambda text: not text, num_same=60)


def test_tab_indents_where_there_is_no_ghost_text(vscode: Workbench) -> None:
    file = vscode.open_text("tab.py", "first = 1\n")
    vscode.browser.press("Control+Home", "Tab")
    assert wait_for(lambda: vscode.save(file), lambda text: text != "first = 1\n") == "    first = 1\n"


def test_the_suggestion_list_keeps_its_tab(vscode: Workbench) -> None:
    file = vscode.open_text("list.txt", "wonderful_thing\n")
    vscode.browser.type("wond")
    vscode.browser.press("Control+Space")
    wait_for(lambda: vscode.browser.texts(f"{SUGGESTION_LIST}.focused"))
    vscode.browser.press("Tab")
    wait_for(lambda: vscode.save(file), lambda text: text == "wonderful_thing\nwonderful_thing")

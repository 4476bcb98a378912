"""The real VS Code for those who hear it or need high contrast: what is said, and in whose colours things are drawn."""

import re

from tests.e2e.vscode.places import EXTENSION
from tests.e2e.vscode.processes import engines, kill
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import (
    FIRST_LINE,
    FOCUSED_EDITOR,
    MODEL,
    NO_BREAK_SPACE,
    POSITION_ITEM,
    STATUS_ITEM,
    Workbench,
)

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"
ALERTS = ".monaco-aria-container > div"
ACCESSIBLE_VIEW = ".accessible-view .view-line"
WORKBENCH = ".monaco-workbench"
HIGH_CONTRAST = "Default High Contrast"
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(", re.IGNORECASE)


def test_a_screen_reader_is_told_of_ghost_text_and_can_read_it(vscode: Workbench) -> None:
    vscode.change_settings({"editor.accessibilitySupport": "on"})
    vscode.open_text("spoken.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    first, *_ = ghost.split("\n")
    wait_for(lambda: vscode.browser.texts(ALERTS), lambda alerts: any(alert.startswith(first) for alert in alerts))

    vscode.browser.press("Alt+F2")
    wait_for(lambda: accessible_view(vscode), lambda lines: TYPED + first in lines)
    vscode.browser.press("Escape")
    wait_for(lambda: vscode.browser.texts(FOCUSED_EDITOR))


def accessible_view(vscode: Workbench) -> list[str]:
    """The lines of the view that a screen reader reads, or none where it is closed."""
    return [line.replace(NO_BREAK_SPACE, " ") for line in vscode.browser.placed(ACCESSIBLE_VIEW)]


def test_the_status_bar_item_says_its_state_without_its_icon(vscode: Workbench) -> None:
    vscode.open_text("label.py", PAIRS)
    vscode.browser.type(TYPED)
    vscode.wait_for_ghost()
    (label,) = wait_for(
        lambda: vscode.browser.attributes(f"{STATUS_ITEM} a", "aria-label"), lambda found: "R=1" in str(found)
    )
    assert re.fullmatch(rf"PLT: {MODEL}, R=1, [\d.]+ m?s", str(label))


def test_high_contrast_draws_everything_in_its_own_colours(vscode: Workbench) -> None:
    vscode.open_text("contrast.py", PAIRS)
    vscode.browser.type(TYPED)
    vscode.wait_for_ghost()
    assert set(vscode.browser.styles(FIRST_LINE, "border-top-style")) == {"none"}
    vscode.change_settings({"workbench.colorTheme": HIGH_CONTRAST})
    wait_for(lambda: vscode.browser.texts(f"{WORKBENCH}.hc-black"))

    vscode.open_text("contrast_again.py", PAIRS)
    vscode.browser.type(TYPED)
    vscode.wait_for_ghost()
    (border,) = vscode.browser.styles(WORKBENCH, "--vscode-editorGhostText-border")
    assert set(vscode.browser.styles(FIRST_LINE, "border-top-style")) == {"solid"}
    assert set(vscode.browser.styles(FIRST_LINE, "border-top-color")) == {border}

    (engine,) = engines(vscode.server.pid)
    kill(engine)
    wait_for(vscode.status, lambda words: words == "PLT: engine stopped")
    (icon,) = vscode.browser.styles(f"{STATUS_ITEM} .codicon-warning", "color")
    assert [icon] == vscode.browser.styles(f"{POSITION_ITEM} a", "color")


def test_no_colour_is_the_extensions_own() -> None:
    sources = sorted((EXTENSION / "src").glob("*.ts"))
    assert len(sources) > 20
    assert not [(file.name, found) for file in sources if (found := COLOUR.findall(file.read_text()))]

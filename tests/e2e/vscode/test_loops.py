"""Loop count and latency budget in the real VS Code: chosen from the menu of the status bar, and seen in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.conftest import PATIENT, served_by
from tests.e2e.vscode.places import ARTEFACTS
from tests.e2e.vscode.waiting import look_for, wait_for
from tests.e2e.vscode.workbench import MODEL, MODEL_TIMEOUT_S, Workbench
from tests.packs import tiny_pack

TEXT = "def add(first, second):\n    return first + second\n\n\n"


@pytest.fixture
def looping(tmp_path: Path) -> Iterator[Workbench]:
    """VS Code with a tiny PLT pack whose loop counts 1 and 2 are certified, in the place of the default model."""
    pack = tiny_pack(tmp_path / "data" / "packs" / MODEL, loops=2, name=MODEL)
    log = ARTEFACTS / "loops-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    with (
        code_server(tmp_path / "home", served_by(pack, tmp_path, log), PATIENT) as server,
        Browser(tmp_path / "home" / "browser", ARTEFACTS / "loops-browser.log") as browser,
    ):
        workbench = Workbench(server, browser, log)
        workbench.load()
        workbench.wait_until_running()
        try:
            yield workbench
        finally:
            browser.screenshot(ARTEFACTS / "loops.png")


def complete(vscode: Workbench, name: str) -> None:
    """Open a file and ask until a completion was generated: what random weights say is of no use, but the choice."""
    vscode.open_text(name, TEXT)  # the menu was opened with the mouse, which leaves no editor in focus
    seen = decisions(vscode)

    def ask() -> int:
        vscode.browser.type("x")
        vscode.browser.press("Alt+\\")
        look_for(lambda: decisions(vscode) > seen, for_s=20.0)
        return decisions(vscode)

    wait_for(ask, lambda count: count > seen, timeout_s=MODEL_TIMEOUT_S)


def decisions(vscode: Workbench) -> int:
    return vscode.log.read_text().count("decision: ")


def last_decision(vscode: Workbench) -> str:
    return vscode.log.read_text().rpartition("decision: ")[2].partition("\n")[0]


def test_the_loop_count_and_the_budget_are_switched_from_the_menu(looping: Workbench) -> None:
    complete(looping, "auto.py")
    wait_for(looping.status, lambda words: "R=2" in words)

    for label, count in (("R = 1", 1), ("R = 2", 2)):
        looping.open_menu()
        looping.choose("Switch the loop count")
        looping.choose(label)
        wait_for(lambda count=count: looping.server.settings().get("plt.loops") == count)
        complete(looping, f"loops{count}.py")
        wait_for(looping.status, lambda words, count=count: f"R={count}" in words)
        assert f"R={count} (as asked)" in last_decision(looping)

    looping.open_menu()
    looping.choose("Switch the latency budget")
    looping.choose("400 ms")
    wait_for(lambda: looping.server.settings()["plt.inlineCompletion.latencyBudgetMs"] == 400)
    wait_for(lambda: looping.told("Latency budget"), lambda ms: ms == 400)

    looping.open_menu()
    looping.choose("Switch the loop count")
    looping.choose("Auto")
    wait_for(lambda: looping.server.settings().get("plt.loops") == "auto")

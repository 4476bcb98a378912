"""The README's picture, taken of the real VS Code: an ordinary file and a suggestion that is right, which is tried out.

The picture stays in the artefacts; putting it into the README's place is a person's decision.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.vscode.browser import SIZE
from tests.e2e.vscode.places import ARTEFACTS
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, Workbench

PICTURE = (1280, 420)
PLAIN = {
    "breadcrumbs.enabled": False,
    "editor.minimap.enabled": False,
    "workbench.activityBar.location": "hidden",
    "workbench.colorTheme": "Default Dark Modern",
}
TEXT = """import json


def save_settings(path, settings):
    with open(path, "w") as file:
        json.dump(settings, file, indent=2)


"""
TYPED = "def load"


@pytest.fixture
def plain(vscode: Workbench) -> Iterator[Workbench]:
    """The editor in a small window with nothing beside the text."""
    vscode.change_settings(PLAIN)
    vscode.run("View: Close Primary Side Bar")
    vscode.browser.resize(*PICTURE)
    yield vscode
    vscode.browser.resize(*SIZE)


def test_the_readmes_picture_shows_a_suggestion_that_is_right(plain: Workbench, tmp_path: Path) -> None:
    file = plain.open_text("app_settings.py", TEXT)
    plain.browser.type(TYPED)
    ghost = plain.wait_for_ghost()
    wait_for(plain.status, lambda words: words.startswith(f"PLT: {MODEL} · R=1 · "))
    plain.browser.screenshot(ARTEFACTS / "readme.png")
    plain.browser.press("Tab")
    plain.wait_for_ghost_to_leave(ghost)

    module: dict[str, object] = {}
    exec(plain.save(file), module)
    save, load = module["save_settings"], module["load_settings"]
    assert callable(save)
    assert callable(load)
    save(tmp_path / "settings.json", {"theme": "dark"})
    assert load(tmp_path / "settings.json") == {"theme": "dark"}

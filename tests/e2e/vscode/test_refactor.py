"""Refactorings in the real VS Code: previewed as a diff that grows, accepted, undone, discarded; exact ones chosen."""

import os
from collections.abc import Iterator

import pytest

from tests.e2e.scripted_refactoring import (
    ANSWER,
    BEGINNING,
    CODE,
    INSTRUCTION,
    ORGANISED,
    REWRITTEN,
    ROW,
    ScriptedModel,
)
from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.conftest import PATIENT
from tests.e2e.vscode.places import ARTEFACTS, VENV
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import NO_BREAK_SPACE, QUICK_INPUT, Workbench

ON_SAVE = {"editor.codeActionsOnSave": {"source.organizeImports": "explicit"}, "files.refactoring.autoSave": False}
MODIFIED = ".monaco-diff-editor .editor.modified .view-lines .view-line"
ACCEPT = '.editor-actions a[aria-label^="Accept the Refactoring"]'
MENU_ROWS = ".action-widget .monaco-list-row"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScriptedModel:
    return ScriptedModel.make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def editor(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """VS Code with the real server, and the model that is told what to say."""
    home = tmp_path_factory.mktemp("refactoring")
    log, script = home / "server.log", home / "bin" / "plt-lsp"
    log.touch()
    script.parent.mkdir()
    words = f'exec "{VENV / "bin" / "plt-lsp"}" "$@" {" ".join(model.words)} 2>>"{log}"'
    # Only `serve` takes a model that is told what to say.
    script.write_text(f'#!/bin/sh\n[ "$1" = serve ] || exec "{VENV / "bin" / "plt-lsp"}" "$@"\n{words}\n')
    script.chmod(0o755)
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, **model.variables, "PATH": path, "VSCODE_CLI": "1"}
    with (
        code_server(home, variables, {**PATIENT, **ON_SAVE, "plt.inlineCompletion.trigger": "manual"}) as server,
        Browser(home / "browser", ARTEFACTS / "refactoring-browser.log") as browser,
    ):
        workbench = Workbench(server, browser, log)
        workbench.load()
        workbench.wait_until_running()
        yield workbench
        browser.screenshot(ARTEFACTS / "refactoring.png")


@pytest.fixture
def vscode(editor: Workbench) -> Iterator[Workbench]:
    yield editor
    editor.browser.press("Escape", "Escape")
    editor.close_all()


def select(vscode: Workbench, row: int, first: int, last: int) -> None:
    """Select some characters of a row."""
    vscode.browser.press("Control+Home", *["ArrowDown"] * row, *["ArrowRight"] * first)
    vscode.browser.press(*["Shift+ArrowRight"] * (last - first))


def begin(vscode: Workbench) -> None:
    """Ask for a refactoring of the last statement, in words."""
    select(vscode, ROW, 4, 35)
    vscode.run("PLT: Refactor the Selection...")
    wait_for(lambda: vscode.browser.attributes(f"{QUICK_INPUT}:focus", "placeholder"))
    vscode.browser.insert(INSTRUCTION)
    vscode.browser.press("Enter")


def proposed(vscode: Workbench) -> list[str]:
    """The lines on the right side of the diff."""
    return [line.replace(NO_BREAK_SPACE, " ") for line in vscode.browser.placed(MODIFIED)]


def shown(vscode: Workbench) -> str:
    """The file at the front, where it is no diff."""
    lines = [] if proposed(vscode) else vscode.lines()
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def test_it_grows_as_a_diff_and_is_one_step_of_undo(vscode: Workbench, model: ScriptedModel) -> None:
    file = vscode.open_text("grows.py", CODE)
    model.waits()
    begin(vscode)
    wait_for(lambda: proposed(vscode), lambda lines: f"    {BEGINNING}" in lines)
    model.goes_on()
    wait_for(lambda: proposed(vscode), lambda lines: any(ANSWER in line for line in lines))
    wait_for(lambda: vscode.browser.attributes(f'{ACCEPT}:not([aria-disabled="true"])', "aria-label"))
    vscode.browser.screenshot(ARTEFACTS / "refactoring_preview.png")
    assert file.read_text() == CODE
    vscode.browser.click(ACCEPT)
    wait_for(lambda: shown(vscode), lambda text: text == REWRITTEN)
    vscode.browser.press("Control+Z")
    wait_for(lambda: shown(vscode), lambda text: text == CODE)
    assert vscode.tab() == [file.name]


def test_what_is_discarded_leaves_the_file_alone_and_keys_accept(vscode: Workbench, model: ScriptedModel) -> None:
    file = vscode.open_text("discarded.py", CODE)
    model.answers()
    begin(vscode)
    wait_for(lambda: proposed(vscode), lambda lines: any(ANSWER in line for line in lines))
    vscode.browser.press("Escape")
    wait_for(lambda: shown(vscode), lambda text: text == CODE)
    assert vscode.browser.texts(".tab.active.dirty") == []
    begin(vscode)
    wait_for(lambda: vscode.browser.attributes(f'{ACCEPT}:not([aria-disabled="true"])', "aria-label"))
    vscode.browser.press("Control+Enter")
    wait_for(lambda: shown(vscode), lambda text: text == REWRITTEN)
    assert file.read_text() == CODE


def test_exact_ones_are_code_actions_and_imports_are_organised_on_save(vscode: Workbench) -> None:
    file = vscode.open_text("exact.py", CODE)
    select(vscode, ROW, 11, 22)  # sum(prices)
    vscode.browser.press("Control+Shift+R")
    wait_for(lambda: vscode.browser.texts(MENU_ROWS), lambda rows: any("variable" in row for row in rows))
    vscode.browser.click(f'{MENU_ROWS}:has-text("Extract variable")')
    wait_for(lambda: shown(vscode), lambda text: " = sum(prices)\n" in text)
    vscode.browser.press("Escape")  # the new name's box
    vscode.browser.press("Control+Z")
    wait_for(lambda: shown(vscode), lambda text: text == CODE)
    vscode.to_end(file)
    vscode.browser.type(" ")
    vscode.browser.press("Backspace")
    vscode.browser.press("Control+S")
    wait_for(file.read_text, lambda text: text == ORGANISED)

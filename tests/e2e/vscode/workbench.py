"""VS Code's workbench as a person uses it: keys, the palette, the status bar, the grey text at the cursor.

It reads the page and presses keys; what a test expects is the test's business.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import CLOSE_UNSAVED, CodeServer
from tests.e2e.vscode.waiting import look_for, wait_for, wait_until_stable

FIRST_LINE = ".view-lines .ghost-text-decoration"
FURTHER_LINES = ".suggest-preview-text .view-line"
EDITORS = '[id="workbench.parts.editor"]'
FOCUSED_EDITOR = ".editor-instance .monaco-editor.focused"
POSITION_ITEM = '[id="status.editor.selection"]'
MODEL = "smollm2-135m"
STATUS_ITEM = '[id="plt.plt-lsp.plt.status"]'
QUICK_INPUT = ".quick-input-widget:not([style*='display: none']) input"
SNOOZE = "PLT: Snooze Completions, or End the Snooze"
PALETTE = "Type the name of a command to run."
QUICK_ROWS = ".quick-input-list .monaco-list-row"
MODEL_TIMEOUT_S = 300.0  # the model is loaded once
PATIENCE_S = 20.0
NO_BREAK_SPACE = "\xa0"


@dataclass(frozen=True, slots=True)
class Workbench:
    """The editor in its browser."""

    server: CodeServer
    browser: Browser
    log: Path

    def load(self, workspace: Path | None = None) -> None:
        """Show the folder, or a workspace file's folders, and wait for the extension's status bar item."""
        self.browser.open(self.server.url if workspace is None else self.server.url_of(workspace))
        wait_for(self.status)

    def wait_until_running(self) -> None:
        """Wait until the extension has its server."""
        wait_for(self.status, lambda words: words.startswith(f"PLT: {MODEL}"))

    def warm_up(self) -> None:
        """Type until a completion has come: the workbench loads its own part for them after the first editor."""
        file = self.open_text("first.py", "def add(a, b):\n    return")
        seen = len(self.outcomes())

        def type_more() -> list[str]:
            self.browser.press("Backspace")
            self.browser.type("n")
            return self.outcomes()[seen:]

        wait_for(type_more)
        wait_for(lambda: self.outcomes()[seen:], lambda found: "completed" in found, timeout_s=MODEL_TIMEOUT_S)
        self.save(file)
        self.close_tab(file.name)

    def type_until_ghost(self, text: str) -> str:
        """Type as one does whose editor is still loading: the last letter again where nothing comes for a while."""
        self.browser.type(text)

        def ask() -> str:
            found = look_for(self.ghost, for_s=PATIENCE_S)
            if not found:
                self.browser.press("Backspace")
                self.browser.type(text[-1])
            return found

        wait_for(ask, timeout_s=MODEL_TIMEOUT_S)
        return self.wait_for_ghost()

    def status(self) -> str:
        """The words of the extension's status bar item, or nothing where there is none."""
        return "".join(self.browser.texts(f"{STATUS_ITEM} a")).strip().replace(NO_BREAK_SPACE, " ")

    def lines(self) -> list[str]:
        """The lines that are on the screen of the editor at the front."""
        return [line.replace(NO_BREAK_SPACE, " ") for line in self.browser.placed(".view-lines .view-line")]

    def accepted(self) -> int:
        """How many completions the server has heard to be accepted."""
        return self.told("Accepted")

    def engine_pid(self) -> int:
        """The engine's process, as the server tells it."""
        return self.told("Engine process")

    def told(self, name: str) -> int:
        """A number of the status bar item's tooltip."""
        self.browser.hover(EDITORS)
        self.browser.hover(f"{STATUS_ITEM} a")

        def find() -> list[str]:
            words = " ".join(self.browser.texts(".workbench-hover")).replace(NO_BREAK_SPACE, " ")
            return re.findall(rf"{name}: (\d+)", words)

        return int(wait_for(find)[0])

    def ghost(self) -> str:
        """The grey text at the cursor, with its lines, or nothing."""
        first = "".join(self.browser.placed(FIRST_LINE))
        lines = [first, *self.browser.placed(FURTHER_LINES)] if first or self.browser.texts(FURTHER_LINES) else []
        return "\n".join(lines).replace(NO_BREAK_SPACE, " ")

    def wait_for_ghost(self) -> str:
        """The grey text once it is there and has stopped changing."""
        return wait_until_stable(self.ghost)

    def wait_for_another_ghost(self, ghost: str) -> str:
        """The grey text that has taken the place of this one, once it has stopped changing."""
        return wait_until_stable(self.ghost, lambda text: text not in ("", ghost))

    def wait_for_ghost_to_leave(self, ghost: str) -> None:
        """Wait until this grey text is no longer there, since it was taken; another may have come."""
        wait_for(self.ghost, lambda text: text != ghost)

    def hide_ghost(self) -> None:
        """Have the grey text go without dismissing it: the cursor leaves its place and comes back."""
        self.browser.press("ArrowLeft", "ArrowRight")
        self.wait_for_no_ghost()

    def wait_for_no_ghost(self) -> None:
        """Wait until there is no grey text."""
        wait_until_stable(self.ghost, lambda text: not text)

    def outcomes(self) -> list[str]:
        """How each completion so far has ended, in the words of the server's log."""
        return re.findall(r"completion \S+: (\w+) after", self.log.read_text())

    def type_until(self, outcome: str) -> None:
        """Type a letter and delete it, again and again, until the completion that it asks for ends so."""

        def ask() -> list[str]:
            seen = len(self.outcomes())
            self.browser.type("x")
            found = wait_for(lambda: self.outcomes()[seen:])
            self.browser.press("Backspace")
            return found

        wait_for(ask, lambda found: outcome in found)

    def open_text(self, name: str, text: str | bytes, folder: Path | None = None) -> Path:
        """Write a file into the workspace, or into a folder, and open it, the cursor at its end."""
        file = (folder or self.server.folder) / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        self._pick("Control+P", str(file), name)
        self.wait_for_tab(name)
        self.to_end(file)
        return file

    def to_end(self, file: Path) -> None:
        """Put the cursor at the end of the file that is open."""
        last = file.read_bytes().decode().splitlines(keepends=True) or [""]
        line = len(last) + last[-1].endswith(("\n", "\r"))
        self.browser.press("Control+End")
        wait_for(self.position, lambda position: position.startswith(f"Ln {line},"))

    def position(self) -> str:
        """The cursor's line and column, in the editor's words."""
        return "".join(self.browser.texts(f"{POSITION_ITEM} a"))

    def run(self, command: str) -> None:
        """Run a command from the palette."""
        self._pick("F1", command, command)
        wait_for(lambda: self.browser.attributes(QUICK_INPUT, "placeholder"), lambda found: PALETTE not in found)

    def _pick(self, key: str, words: str, label: str) -> None:
        """Open a list by its key, look for words in it, and take its first row, which begins with the label."""
        self.browser.press(key)
        wait_for(self._takes_keys)
        self.browser.insert(words)
        wait_for(
            lambda: self.browser.texts(QUICK_ROWS) if self._takes_keys() else [],
            lambda rows: bool(rows) and rows[0].startswith(label),
        )
        self.browser.press("Enter")

    def _takes_keys(self) -> bool:
        """Whether a list is open and keys go to it, and not into the file behind it."""
        return bool(self.browser.attributes(f"{QUICK_INPUT}:focus", "aria-label"))

    def change_settings(self, changes: Mapping[str, object]) -> None:
        """Change some of the user's settings in their editor; None removes one."""
        merged = {**self.server.settings(), **changes}
        self.write_settings({key: value for key, value in merged.items() if value is not None})

    def write_settings(self, settings: Mapping[str, object]) -> None:
        """Replace the user's settings in their editor, and close it."""
        self.run("Preferences: Open User Settings (JSON)")
        self.wait_for_tab(self.server.settings_file.name)
        self.browser.press("Control+A")
        self.browser.insert(json.dumps(settings))
        assert json.loads(self.save(self.server.settings_file)) == settings
        self.close_tab(self.server.settings_file.name)

    def close_tab(self, name: str) -> None:
        """Close the file that is at the front and has this name."""
        self.browser.press("Control+W")
        wait_for(self.tab, lambda names: name not in names)

    def close_all(self) -> None:
        """Close every file, what is not saved with it."""

        def close() -> list[str | None]:
            self.browser.press(CLOSE_UNSAVED)
            return self.tab()

        wait_for(close, lambda names: not names)

    def tab(self) -> list[str | None]:
        """The name of the file whose tab is at the front, where there is one."""
        return self.browser.attributes(".tab.active", "data-resource-name")

    def wait_for_tab(self, name: str) -> None:
        """Wait until a file is at the front and takes keys."""
        wait_for(self.tab, lambda names: name in names)
        wait_for(lambda: self.browser.texts(FOCUSED_EDITOR))

    def choose(self, label: str) -> None:
        """Choose from the list that a command has opened."""
        wait_for(
            lambda: self.browser.texts(QUICK_ROWS), lambda rows: any(row.strip().startswith(label) for row in rows)
        )
        self.browser.insert(label)
        self.browser.press("Enter")

    def open_menu(self) -> list[str]:
        """Click the extension's status bar item, and return the words of its menu."""
        self.browser.click(f"{STATUS_ITEM} a")
        return wait_for(lambda: self.browser.texts(QUICK_ROWS), lambda rows: any("Show the log" in row for row in rows))

    def notifications(self, message: str) -> list[str]:
        """The notifications with these words that are shown now."""
        return self.browser.texts(f'.notification-toast:has-text("{message}")')

    def answer(self, message: str, button: str) -> None:
        """Wait for a notification with these words and press one of its buttons."""
        wait_for(lambda: self.notifications(message))
        self.browser.click(f'.notification-toast:has-text("{message}") .monaco-button >> text="{button}"')

    def save(self, file: Path) -> str:
        """Save the file that is open, and return what the disk holds, its line ends as they are."""
        self.browser.press("Control+S")
        wait_for(lambda: self.browser.texts(".tab.active.dirty"), lambda dirty: not dirty)
        return file.read_bytes().decode()

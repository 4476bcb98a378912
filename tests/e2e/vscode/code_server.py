"""code-server, which is VS Code's workbench and extension host served to a browser, with a profile of its own.

It knows how the editor is started and ended, and not what is done in it.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.vscode.places import CODE_SERVER, NODE, VSIX
from tests.e2e.vscode.waiting import wait_for

CLOSE_UNSAVED = "Control+Alt+W"
KEYS = [{"key": "ctrl+alt+w", "command": "workbench.action.revertAndCloseActiveEditor"}]

QUIET: Mapping[str, object] = {
    "chat.disableAIFeatures": True,
    "editor.accessibilitySupport": "off",
    "editor.autoClosingBrackets": "never",
    "editor.autoClosingQuotes": "never",
    "editor.autoSurround": "never",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "files.autoSave": "off",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "window.commandCenter": False,
    "workbench.editor.useModal": "off",
    "workbench.layoutControl.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}


# Settings of scope `machine` are read from the server's own file where the editor runs in a browser.
OF_THE_MACHINE = "plt.model"


@dataclass(frozen=True, slots=True)
class CodeServer:
    """A running editor.

    Attributes:
        pid: of the process above all others.
        origin: scheme, host and port of what a browser opens.
        folder: the workspace, where the browser is told of no other.
        settings_file: the user's settings.
        storage: where the extension keeps what is no workspace's.
    """

    pid: int
    origin: str
    folder: Path
    settings_file: Path
    storage: Path

    @property
    def url(self) -> str:
        """What a browser opens to see the folder."""
        return f"{self.origin}/?folder={self.folder}"

    def url_of(self, workspace: Path) -> str:
        """What a browser opens to see the folders of a workspace file."""
        return f"{self.origin}/?workspace={workspace}"

    def settings(self) -> dict[str, object]:
        """The user's settings."""
        return dict(json.loads(self.settings_file.read_text()))

    def choose_model(self, name: str) -> None:
        """Set `plt.model`; the editor sees the change by itself."""
        write_machine_settings(self.settings_file.parents[1], {OF_THE_MACHINE: name})


def write_machine_settings(user: Path, settings: Mapping[str, object]) -> None:
    """Replace the settings of the machine that the editor's server runs on."""
    folder = user / "Machine"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings))


@contextmanager
def code_server(home: Path, environment: Mapping[str, str], settings: Mapping[str, object]) -> Iterator[CodeServer]:
    """Start an editor whose every file lies below `home`, with the extension installed from its .vsix."""
    user, extensions, folder = home / "data", home / "extensions", home / "work"
    settings_file = user / "User" / "settings.json"
    for one in (settings_file.parent, extensions, folder):
        one.mkdir(parents=True)
    settings_file.write_text(json.dumps({**QUIET, **settings}))
    write_machine_settings(user, {key: value for key, value in settings.items() if key == OF_THE_MACHINE})
    (settings_file.parent / "keybindings.json").write_text(json.dumps(KEYS))
    words: list[str | Path] = [
        NODE,
        CODE_SERVER,
        "--config",
        os.devnull,
        "--user-data-dir",
        user,
        "--extensions-dir",
        extensions,
    ]
    log = home / "code-server.log"
    with log.open("wb") as out:
        subprocess.run([*words, "--install-extension", VSIX], check=True, stdout=out, stderr=out, env=environment)
        serve: list[str | Path] = [
            "--auth",
            "none",
            "--bind-addr",
            "127.0.0.1:0",
            "--disable-telemetry",
            "--disable-update-check",
            folder,
        ]
        process = subprocess.Popen([*words, *serve], stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        port = wait_for(lambda: re.search(r"listening on http://127\.0\.0\.1:(\d+)", log.read_text()))
        assert port is not None
        origin, storage = f"http://127.0.0.1:{port[1]}", user / "User" / "globalStorage" / "plt.plt-lsp"
        yield CodeServer(process.pid, origin, folder, settings_file, storage)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()

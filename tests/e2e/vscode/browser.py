"""A headless Chromium, driven through `driver.mjs`, which is a small Node program around playwright-core.

It knows pages, keys and selectors, and nothing of VS Code.
"""

import json
import os
import subprocess
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.e2e.vscode.places import NODE, PLAYWRIGHT, chromium
from tests.e2e.vscode.waiting import TIMEOUT_S

SIZE = (1280, 800)
TIMEOUT_MS = int(TIMEOUT_S * 1000)


class BrowserError(Exception):
    """The page did not do what was asked; the message is playwright's."""


class Browser:
    """One page of one browser."""

    def __init__(self, profile: Path, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("wb")
        self._numbers = count()
        self._process = subprocess.Popen(
            [NODE, Path(__file__).parent / "driver.mjs", profile],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PLAYWRIGHT": str(PLAYWRIGHT), "CHROMIUM": chromium(), "TIMEOUT_MS": str(TIMEOUT_MS)},
        )

    def __enter__(self) -> Self:
        self.resize(*SIZE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._log.close()

    def open(self, url: str) -> None:
        """Show a page."""
        self._ask("open", url=url)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, each as playwright spells it: `Control+S`."""
        for key in keys:
            self._ask("press", key=key)

    def type(self, text: str) -> None:
        """Type a text key by key."""
        self._ask("type", text=text)

    def insert(self, text: str) -> None:
        """Have a text arrive at once, as from an input method."""
        self._ask("insert", text=text)

    def texts(self, selector: str) -> list[str]:
        """The text of each match, in the order of the page's source."""
        return list(self._ask("texts", selector=selector))

    def attributes(self, selector: str, name: str) -> list[str | None]:
        """An attribute of each match."""
        return list(self._ask("attributes", selector=selector, name=name))

    def styles(self, selector: str, name: str) -> list[str]:
        """A property of each match's style as it is drawn, or a variable of the theme's: `--vscode-...`."""
        return list(self._ask("styles", selector=selector, name=name))

    def placed(self, selector: str) -> list[str]:
        """The text of each match, from top to bottom and left to right."""
        found = self._ask("placed", selector=selector)
        return [one["text"] for one in sorted(found, key=lambda one: (one["top"], one["left"]))]

    def click(self, selector: str) -> None:
        """Click the first match once it is there and still."""
        self._ask("click", selector=selector)

    def hover(self, selector: str) -> None:
        """Put the mouse on the first match."""
        self._ask("hover", selector=selector)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, in pixels."""
        self._ask("resize", width=width, height=height)

    def screenshot(self, path: Path) -> None:
        """Write a picture of the page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._ask("screenshot", path=str(path))

    def _ask(self, method: str, **params: object) -> Any:
        assert self._process.stdin is not None
        number = next(self._numbers)
        self._process.stdin.write(json.dumps({"id": number, "method": method, **params}) + "\n")
        self._process.stdin.flush()
        answer = self._answer(number)
        if "error" in answer:
            raise BrowserError(f"{method} {params}: {answer['error']}")
        return answer["result"]

    def _answer(self, number: int) -> dict[str, Any]:
        """The answer of this number; one before it is to a test that was ended while it waited."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if answer["id"] == number:
                return answer
        raise BrowserError(f"the browser's driver has ended; {self._log.name} says why")

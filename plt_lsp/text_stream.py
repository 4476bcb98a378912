"""Tells a client how a text grows: at most so often, to the end of the text or of the interest in it.

It outlives the answer to the request that it belongs to, and does not know how a client is reached.
"""

import asyncio
from typing import Protocol

from plt_lsp.completion_cache import Hit
from plt_lsp.generation import Generation

# Faster than this nobody sees it grow.
INTERVAL_S = 0.05


class Listener(Protocol):
    """Where the text goes."""

    def __call__(self, text: str, *, is_done: bool, is_cancelled: bool) -> None:
        """Take all of the text so far; after a done or cancelled one nothing more comes."""


class TextStream:
    """The growing text of one generation, as seen from one cursor."""

    def __init__(self, listener: Listener, interval_s: float = INTERVAL_S) -> None:
        self._listener = listener
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def follow(self, hit: Hit[Generation]) -> None:
        """Tell of this generation from now on, behind what is typed of it already."""
        if self._task is not None:
            self._task.cancel()
        if not self._is_over:
            self._task = asyncio.create_task(self._run(hit))

    def finish(self, text: str) -> None:
        """This is the text."""
        self._end(text, is_cancelled=False)

    def cancel(self) -> None:
        """There is no text, or nobody is interested in it any more."""
        self._end("", is_cancelled=True)

    def _end(self, text: str, *, is_cancelled: bool) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._task is not None:
            self._task.cancel()
        self._listener(text, is_done=True, is_cancelled=is_cancelled)

    async def _run(self, hit: Hit[Generation]) -> None:
        told, generation = "", hit.found
        while not generation.is_over and hit.goes_on:
            change = generation.change
            text = hit.rest_of(generation.text)
            if text and text != told:
                told = text
                self._listener(text, is_done=False, is_cancelled=False)
                await asyncio.sleep(self._interval_s)
            await change.wait()
        rest = hit.rest_of(generation.text)
        if generation.output is not None and rest:
            self.finish(rest)
        else:
            self.cancel()

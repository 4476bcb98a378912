"""One text that the engine generates for a place, for as long as anybody follows it: it outlives the request for it.

It does not know which requests those are; `plt_lsp.completion_cache` finds it for them.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing

from plt_engine.errors import EngineError
from plt_engine.types import GenerationOutput, GenerationRequest
from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import EngineClient
from plt_lsp.postprocess.shape import BROKEN_OFF, Shaped, shape
from plt_lsp.postprocess.view import View
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan

_LAST_WORD = re.compile(r"\w*\Z")


class Generation:
    """A text that grows; belongs to one event loop.

    Attributes:
        base: the document and cursor that it is for.
        plan: how much was asked for.
        key: what else it depends on.
        raw: what the model has said so far, with line feeds.
        shaped: what there is to offer so far.
        output: what the engine said at the end; None before it, and where it was stopped or failed.
        error: why there is no text, or None.
        was_stopped: whether nobody wanted it any more.
    """

    def __init__(
        self,
        engine: EngineClient,
        config: EngineConfig,
        request: GenerationRequest,
        base: Snapshot,
        plan: Plan,
        key: object,
        on_end: Callable[[GenerationOutput], None] | None = None,
    ) -> None:
        self.base = base
        self.plan = plan
        self.key = key
        self.raw = ""
        self.shaped = Shaped("")
        self.output: GenerationOutput | None = None
        self.error: EngineError | None = None
        self.was_stopped = False
        self._engine = engine
        self._config = config
        self._request = request
        self._view = View.of(base, plan)
        self._on_end = on_end
        self._change = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @property
    def text(self) -> str:
        """What there is to offer so far; nothing where the generation failed."""
        return self.shaped.text if self.error is None else ""

    @property
    def is_over(self) -> bool:
        """Whether it grows no more."""
        return self.output is not None or self.error is not None or self.was_stopped

    @property
    def complete_lines(self) -> str:
        """What there is to offer so far without the last line, which may still change."""
        if self.is_over or self.shaped.is_final:
            return self.text
        whole, newline, _ = self.raw.rpartition("\n")
        return shape(whole, self._view).text if newline else ""

    @property
    def complete_words(self) -> str:
        """What there is to offer so far without the last word, which may still change."""
        if self.is_over or self.shaped.is_final:
            return self.text
        return _LAST_WORD.sub("", self.text).rstrip()

    @property
    def change(self) -> asyncio.Event:
        """Set once it has grown or ended; each time there is another one."""
        return self._change

    async def finished(self) -> GenerationOutput:
        """What the engine said at the end, for one who alone wants the text: whoever gives up stops it.

        Raises:
            EngineError: there is no text.
        """
        try:
            while not self.is_over:
                await self.change.wait()
        finally:
            if not self.is_over:
                self.stop()
        if self.error is not None:
            raise self.error
        assert self.output is not None, "nobody else has stopped it"
        return self.output

    def stop(self) -> None:
        """Have the engine stop at its next token, and whoever waits go on; what was generated is not kept."""
        self.was_stopped = True
        self._task.cancel()
        self._tell()

    async def _run(self) -> None:
        try:
            async with aclosing(self._engine.generate(self._config, self._request)) as events:
                async for event in events:
                    if isinstance(event, GenerationOutput):
                        self._end(event)
                    else:
                        self._grow(event.text)
        except EngineError as error:
            self.error = error
        finally:
            self._tell()

    def _grow(self, text: str) -> None:
        if self.shaped.is_final:
            return
        self.raw += text
        self.shaped = shape(self.raw, self._view, is_done=False)
        if self.shaped.is_final:
            self._engine.abort(self._request.request_id)  # it still says what it cost
        self._tell()

    def _end(self, output: GenerationOutput) -> None:
        if not self.shaped.is_final:
            self.raw = output.text
            self.shaped = shape(self.raw, self._view, is_whole=output.finish_reason not in BROKEN_OFF)
        self.output = output
        if self._on_end is not None:
            self._on_end(output)

    def _tell(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

"""One explanation as it grows: the facts at once, then what the model says, until its end, a cancel or a deadline.

It does not know the protocol, nor who reads it. An explanation gives way to completions: what is typed stops the model
at its next token, and the explanation goes on from there once it has the model again.
"""

import asyncio
import logging
from collections.abc import Callable

from plt_engine.errors import EngineError, NoChatError, PackError
from plt_engine.types import (
    Decision,
    GenerationChunk,
    GenerationMetrics,
    GenerationOutput,
    GenerationRequest,
    Priority,
    Prompt,
    RequestKind,
    StopSpec,
)
from plt_engine.wire import EngineConfig
from plt_lsp.budgets import budget_ms, loops_asked
from plt_lsp.engine_client import EngineClient, monotonic_ms
from plt_lsp.explain.kinds import ASKS, Kind
from plt_lsp.explain.repetition import repetition_start
from plt_lsp.explain.subject import Subject
from plt_lsp.explain.untrusted import code_span, safe_markdown
from plt_lsp.stretches import in_stretches

logger = logging.getLogger(__name__)

DEADLINE_MS = 120_000.0
SESSION = "explanation"
ENDINGS = {
    "cancelled": "It was cancelled.",
    "deadline": "It took too long and was ended.",
    "repetition": "It began to repeat itself and was ended.",
}

FindConfig = Callable[[], EngineConfig]


class _RepetitionError(Exception):
    """The model says again what it has said."""


class Explanation:
    """An explanation; belongs to one event loop.

    Attributes:
        number: what it is called.
        subject: what it is about.
        kind: what the user wants to know.
        raw: what the model has said so far.
        outcome: how it ended: a finish reason, `repetition`, `cancelled`, `no_chat` or `failed`; None while it grows.
        problem: why the model says nothing, in words, or None.
        metrics: what it cost, once it has ended; tokens and times are of the last stretch where it was interrupted.
        decision: what was chosen so that it would begin within the latency budget; None before its first word.
    """

    def __init__(self, number: int, subject: Subject, kind: Kind) -> None:
        self.number = number
        self.subject = subject
        self.kind = kind
        self.raw = ""
        self.outcome: str | None = None
        self.problem: str | None = None
        self.metrics: GenerationMetrics | None = None
        self.decision: Decision | None = None
        self._shortened: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it grows no more."""
        return self.outcome is not None

    def markdown(self, model: str) -> str:
        """All of it so far, as Markdown that does nothing."""
        parts = [f"# {ASKS[self.kind].title}: {self.subject.title}", self.subject.facts_markdown]
        parts.append(self._words(model))
        return "\n\n".join(part for part in parts if part) + "\n"

    def _words(self, model: str) -> str:
        said = safe_markdown(self.raw)
        if self.problem is not None and not said:
            return f"These facts stand alone. {self.problem}"
        if not said and not self.is_over:
            return "..."
        mark = f"The model {code_span(model)} says, and it may be wrong:"
        if self.subject.is_cut or self._shortened:
            mark = f"The model {code_span(model)} was shown a shortened form of this; it says, and it may be wrong:"
        quoted = "\n".join(f"> {line}".rstrip() for line in said.split("\n")) if said else ""
        last = self.problem or ENDINGS.get(self.outcome or "", "")
        return "\n\n".join(part for part in (mark, quoted, last) if part)

    async def run(self, engine: EngineClient, find_config: FindConfig, on_change: Callable[[], None]) -> None:
        """Have the model say what it has to say; raises nothing but a cancel."""
        try:
            output = await self._generate(engine, find_config(), on_change)
            self.outcome = "deadline" if output is None else output.finish_reason.value
            if not self.raw.strip():
                self.problem = "The model had nothing to say."
        except _RepetitionError:
            self.outcome = "repetition"
        except NoChatError as error:
            self.outcome, self.problem = "no_chat", f"{_sentence(error)} A model that can chat would say more."
        except PackError as error:
            self.outcome, self.problem = "failed", _sentence(error)
        except EngineError as error:
            self.outcome, self.problem = "failed", f"The model was stopped: {_sentence(error)}"
        except Exception as error:  # a defect of the program must not leave an explanation that never ends
            logger.exception("an explanation failed")
            self.outcome, self.problem = "failed", f"It has failed ({type(error).__name__}); the log says more."
        except asyncio.CancelledError:
            self.outcome = "cancelled"
            raise
        finally:
            on_change()

    async def _generate(
        self, engine: EngineClient, config: EngineConfig, on_change: Callable[[], None]
    ) -> GenerationOutput | None:
        """The end of the last stretch; None where the deadline came between two."""
        is_beginning = True

        def make(_: str, num_left: int, left_ms: float) -> GenerationRequest:
            nonlocal is_beginning
            is_beginning = self._shortened is None
            return self._request(engine.new_id("explain"), num_left, left_ms)

        def follow(said: str, event: GenerationChunk | GenerationOutput) -> None:
            start = repetition_start(said)
            self.raw = said[:start].rstrip() if start is not None else said
            if isinstance(event, GenerationChunk):
                self._note_begin(event.decision)
            else:
                self._note_end(event.metrics, is_beginning=is_beginning)
            if start is not None:
                raise _RepetitionError
            on_change()

        ends_ms = monotonic_ms() + DEADLINE_MS
        return (await in_stretches(engine, config, make, follow, ASKS[self.kind].max_tokens, ends_ms)).output

    def _note_begin(self, decision: Decision | None) -> None:
        """The model speaks: from now on it goes on from what it was shown, and nobody waits for its first word."""
        if self._shortened is None:
            self._shortened = 0 if decision is None else decision.shortened
            self.decision = decision

    def _note_end(self, metrics: GenerationMetrics, *, is_beginning: bool) -> None:
        """A stretch is over; the decision about the one that the model began to speak in has its outcome now."""
        self.metrics = metrics
        if is_beginning and self._shortened is not None:
            self.decision = metrics.decision

    def _request(self, request_id: str, max_tokens: int, deadline_ms: float) -> GenerationRequest:
        ask, has_budget = ASKS[self.kind], self._shortened is None
        return GenerationRequest(
            request_id=request_id,
            session_id=SESSION,
            prompt=Prompt(""),
            stop=StopSpec(max_tokens=max_tokens, strings=ask.stop, deadline_ms=deadline_ms),
            loops=loops_asked(self.subject.snapshot.settings),
            heals_tokens=False,
            priority=Priority.EXPLANATION,
            kind=RequestKind.EXPLAIN,
            budget_ms=budget_ms(self.subject.snapshot.settings, RequestKind.EXPLAIN) if has_budget else None,
            question=self.subject.question(self.kind, self.raw, self._shortened),
        )


def _sentence(error: EngineError) -> str:
    return safe_markdown(f"{str(error).rstrip('.')}.")

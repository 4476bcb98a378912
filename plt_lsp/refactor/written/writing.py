"""One refactoring as the model writes it: asked, checked, repaired once where it is wrong, then proposed or refused.

It gives way to completions as explanations do: what is typed stops the model at its next token, and the writing goes on
from there. Nothing is proposed that has not passed every check. It does not know the protocol.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from plt_engine.errors import EngineError, PackError
from plt_engine.types import (
    EngineInfo,
    FinishReason,
    GenerationChunk,
    GenerationMetrics,
    GenerationOutput,
    GenerationRequest,
    Priority,
    Prompt,
    RequestKind,
    SamplingParams,
    StopSpec,
)
from plt_engine.wire import EngineConfig
from plt_lsp.budgets import budget_ms, loops_asked
from plt_lsp.engine_client import EngineClient, monotonic_ms
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import DocumentChange, Offer, Proposal, RefusedError, Selection, TextChange
from plt_lsp.refactor.written.change import Change
from plt_lsp.refactor.written.job import Answer, Ask, Attempt, Job
from plt_lsp.refactor.written.kinds import inability, job_of, place_of
from plt_lsp.refactor.written.rewriting import Problem
from plt_lsp.refactor.written.validation import fault_of
from plt_lsp.stretches import in_stretches

logger = logging.getLogger(__name__)

# Where the settings name no budget.
LONGEST_MS = 120_000.0
SESSION = "refactoring"
NUM_ATTEMPTS = 2
# The second attempt is sampled, since the first would come again otherwise; always in the same way.
SECOND = SamplingParams(temperature=0.6, top_p=0.9, seed=1)
BROKEN_OFF = (FinishReason.LENGTH, FinishReason.DEADLINE, FinishReason.ABORTED)

FindConfig = Callable[[], EngineConfig]


class _LateError(RefusedError):
    """The time is over."""


class Writing:
    """A refactoring that the model writes; belongs to one event loop.

    Attributes:
        number: what it is called.
        selection: where it was asked for.
        offer: what was asked for.
        preview: the whole new text of the range so far, as the model has it and before any check.
        range: what it may change.
        proposal: the end, where it passed every check.
        refusal: why there is none, as a sentence.
        outcome: how it ended: `proposed`, `refused`, `deadline`, `failed` or `cancelled`; None while it grows.
        num_repairs: how often a result was wrong and asked for again, at most once.
        fault: what was wrong with the first result, where it was repaired, as a sentence.
        metrics: what the last question cost.
    """

    def __init__(
        self, number: int, selection: Selection, offer: Offer, instruction: str = "", problem: Problem | None = None
    ) -> None:
        self.number = number
        self.selection = selection
        self.offer = offer
        self.preview = ""
        self.range: tuple[Cursor, Cursor] = (selection.start, selection.end)
        self.proposal: Proposal | None = None
        self.refusal: str | None = None
        self.outcome: str | None = None
        self.num_repairs = 0
        self.fault = ""
        self.metrics: GenerationMetrics | None = None
        self._job: Job | None = None
        try:
            self._job = self._find(instruction, problem)
            self.range = (self._job.start, self._job.end)
        except RefusedError as error:
            self.refusal = str(error)

    @property
    def is_over(self) -> bool:
        """Whether it grows no more."""
        return self.outcome is not None

    async def run(self, engine: EngineClient, find_config: FindConfig, on_change: Callable[[], None]) -> None:
        """Have the model write; raises nothing but a cancel."""
        try:
            if self._job is None:
                self.outcome = "refused"
            else:
                run = _Run(self, self._job, engine, find_config(), on_change)
                self.proposal = await run.propose()
                self.outcome = "proposed"
        except _LateError as error:
            self.outcome, self.refusal = "deadline", str(error)
        except RefusedError as error:
            self.outcome, self.refusal = "refused", str(error)
        except PackError as error:
            self.outcome, self.refusal = "failed", str(error)
        except EngineError as error:
            self.outcome, self.refusal = "failed", f"The model was stopped: {error}"
        except Exception as error:  # a defect of the program must not leave a preview that never ends
            logger.exception("a refactoring failed")
            self.outcome = "failed"
            self.refusal = f"This refactoring has failed ({type(error).__name__}); the log says more."
        except asyncio.CancelledError:
            self.outcome = "cancelled"
            raise
        finally:
            engine.close_session(SESSION)  # what was read of the file is of no use any more
            on_change()

    def _find(self, instruction: str, problem: Problem | None) -> Job:
        place = place_of(self.selection)
        if place is None:
            raise RefusedError("This file is not shown to the model.")
        job = job_of(place, self.offer.name, instruction, problem)
        if job is None:
            raise RefusedError("There is nothing here that it could be done for.")
        return job


class _Run:
    """The attempts of one writing with one engine, within its time."""

    def __init__(
        self, writing: Writing, job: Job, engine: EngineClient, config: EngineConfig, on_change: Callable[[], None]
    ) -> None:
        self._writing = writing
        self._job = job
        self._engine = engine
        self._config = config
        self._on_change = on_change
        self._settings = writing.selection.snapshot.settings
        self._budget_ms = budget_ms(self._settings, RequestKind.REFACTOR)
        self._ends_ms = 0.0

    async def propose(self) -> Proposal:
        info = await self._engine.load(self._config)
        reason = inability(self._job, info.can_chat, info.can_infill)
        if reason is not None:
            raise RefusedError(reason)
        self._ends_ms = monotonic_ms() + (self._budget_ms or LONGEST_MS)
        fault = ""
        for number in range(NUM_ATTEMPTS):
            if number:
                self._writing.num_repairs, self._writing.fault = number, fault
            try:
                return self._proposal(await self._checked(Attempt(number, fault), info))
            except _LateError:
                raise
            except RefusedError as error:
                fault = str(error)
        raise RefusedError(fault)

    async def _checked(self, attempt: Attempt, info: EngineInfo) -> str:
        """The new text of the range, which has passed every check."""
        text = await self._written(attempt, info)
        change = self._change(text)
        fault = await asyncio.to_thread(fault_of, change, self._job.checks)
        if fault is not None:
            raise RefusedError(fault)
        self._show(text)
        return text

    async def _written(self, attempt: Attempt, info: EngineInfo) -> str:
        """What comes of asking the model all there is to ask."""
        steps = self._job.steps(attempt)
        try:
            ask = next(steps)
            while True:
                ask = steps.send(await self._answer(ask, attempt, info))
        except StopIteration as end:
            text: str = end.value
            return text

    async def _answer(self, ask: Ask, attempt: Attempt, info: EngineInfo) -> Answer:
        """Ask once; a completion that takes the model away in between only makes it later."""

        def make(said: str, num_left: int, left_ms: float) -> GenerationRequest:
            return self._request(ask, attempt, info, said, num_left, left_ms)

        def follow(said: str, event: GenerationChunk | GenerationOutput) -> None:
            if isinstance(event, GenerationOutput):
                self._writing.metrics = event.metrics
            self._show(ask.preview(said))

        said, output, num_left = await in_stretches(
            self._engine, self._config, make, follow, ask.max_tokens, self._ends_ms
        )
        is_late = num_left > 0 if output is None else output.finish_reason is FinishReason.DEADLINE
        if is_late:
            raise _LateError(f"It took longer than {(self._budget_ms or LONGEST_MS) / 1e3:.0f} seconds.")
        return Answer(said, is_whole=output is not None and output.finish_reason not in BROKEN_OFF)

    def _request(
        self, ask: Ask, attempt: Attempt, info: EngineInfo, said: str, max_tokens: int, left_ms: float
    ) -> GenerationRequest:
        """In the form that the model does best; where it has two, the second attempt takes the other one."""
        forms = [ask.infill if info.can_infill else None, ask.question if info.can_chat else None]
        known = [form for form in forms if form is not None]
        form = known[min(attempt.number, len(known) - 1)]
        is_infill = isinstance(form, Prompt)
        return GenerationRequest(
            request_id=self._engine.new_id("refactor"),
            session_id=SESSION,
            prompt=replace(form, prefix=form.prefix + said) if isinstance(form, Prompt) else Prompt(""),
            sampling=SECOND if attempt.number and len(known) == 1 else SamplingParams(),
            stop=StopSpec(
                max_tokens=max_tokens,
                strings=ask.stop,
                unit=ask.unit,
                indent_columns=ask.indent_columns if is_infill else 0,
                deadline_ms=left_ms,
            ),
            loops=loops_asked(self._settings),
            heals_tokens=is_infill,
            priority=Priority.EXPLANATION,
            kind=RequestKind.REFACTOR,
            budget_ms=self._budget_ms,
            question=None if isinstance(form, Prompt) else replace(form, answer=form.answer + said),
        )

    def _change(self, text: str) -> Change:
        snapshot, job = self._writing.selection.snapshot, self._job
        lines = snapshot.lines
        start = sum(map(len, lines[: job.start.line])) + job.start.column
        end = sum(map(len, lines[: job.end.line])) + job.end.column
        old = snapshot.text
        return Change(snapshot.language_id, old, old[:start] + text + old[end:], start, end, job.hides_secrets)

    def _proposal(self, text: str) -> Proposal:
        snapshot, job = self._writing.selection.snapshot, self._job
        change = DocumentChange(snapshot.uri, snapshot.version, (TextChange(job.start, job.end, text),))
        return Proposal(self._writing.offer, (change,), job.description)

    def _show(self, text: str) -> None:
        self._writing.preview = text
        self._on_change()

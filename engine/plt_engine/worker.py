"""The engine's one thread: it loads packs and runs generations, one after the other, each with its own abort flag.

The scheduler says which is next and which must stop for another. The worker does not know where requests come from or
how answers travel: an answer is a call of the job's own functions.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from plt_engine.errors import EngineError
from plt_engine.scheduler import Scheduler, Ticket
from plt_engine.types import EngineInfo, GenerationChunk, GenerationOutput, GenerationRequest, LoopLatency, Priority
from plt_engine.wire import (
    Aborted,
    Chunk,
    EngineConfig,
    Failed,
    HostMessage,
    Loaded,
    LoadProgress,
    OptionValue,
    Output,
)

logger = logging.getLogger(__name__)

Reply = Callable[[HostMessage], None]
# So long nobody has asked for anything before the engine does what can wait.
IDLE_S = 1.0


class EngineLike(Protocol):
    """What the worker needs of an engine; `plt_engine.engine.Engine` is the real one."""

    info: EngineInfo

    def generate(
        self, request: GenerationRequest, should_abort: Callable[[], bool]
    ) -> Iterator[GenerationChunk | GenerationOutput]:
        """Yield chunks and then exactly one output; raises EngineError before the first chunk."""

    def close_session(self, session_id: str) -> None:
        """Forget a session."""

    @property
    def latencies(self) -> tuple[LoopLatency, ...]:
        """What is known of this machine's speed at each loop count."""

    def idle(self, should_stop: Callable[[], bool]) -> bool:
        """Do a little of what can wait, no longer than nobody waits; returns whether more is left to do."""


EngineFactory = Callable[[Path, Mapping[str, OptionValue]], EngineLike]


@dataclass(slots=True)
class Job:
    """A load (`request` is None) or a generation, with the flag that stops it.

    `reply` takes what is sent on the way, `finish` the one final message; request ids are told apart by client.
    """

    request_id: str
    config: EngineConfig
    request: GenerationRequest | None
    reply: Reply
    finish: Reply
    client: str = ""
    aborted: threading.Event = field(default_factory=threading.Event)

    @property
    def key(self) -> str:
        """What the job is called among those of all clients."""
        return f"{self.client}/{self.request_id}"


def _ticket(job: Job) -> Ticket:
    """What the scheduler needs to know; a load without a request stands for itself and is as urgent as any."""
    request = job.request
    if request is None:
        return Ticket(job.key, ("load", job.key), Priority.INTERACTIVE)
    return Ticket(job.key, (request.workspace_id, request.session_id), request.priority)


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """Requests waiting, ended with an output, and failed."""

    num_queued: int
    num_finished: int
    num_failed: int


class EngineWorker:
    """Owns the engine and the thread that it runs on; every other method may be called from any thread."""

    def __init__(self, factory: EngineFactory) -> None:
        self._factory = factory
        self._changed = threading.Condition()  # guards the three below
        self._scheduler = Scheduler()
        self._jobs: dict[str, Job] = {}
        self._closed_sessions: list[str] = []
        self._engine: EngineLike | None = None
        self._config: EngineConfig | None = None
        self._has_idle_work = False
        self._num_finished = 0
        self._num_failed = 0

    def start(self) -> None:
        """Start the thread; it ends with the process."""
        threading.Thread(target=self._run, name="engine", daemon=True).start()

    def submit(self, job: Job) -> None:
        """Queue a job; its `finish` is called once from the engine's thread. What it supersedes is aborted."""
        with self._changed:
            self._jobs[job.key] = job
            for key in self._scheduler.submit(_ticket(job)):
                self._jobs[key].aborted.set()
            self._changed.notify()

    def close_session(self, session_id: str) -> None:
        """Forget a session once the job that is running has ended."""
        with self._changed:
            self._closed_sessions.append(session_id)
            self._changed.notify()

    @property
    def info(self) -> EngineInfo | None:
        """The loaded engine's description."""
        engine = self._engine
        return engine.info if engine is not None else None

    @property
    def latencies(self) -> tuple[LoopLatency, ...]:
        """What the loaded engine knows of this machine's speed."""
        engine = self._engine
        return engine.latencies if engine is not None else ()

    @property
    def counts(self) -> WorkerCounts:
        """What the worker has done so far."""
        return WorkerCounts(len(self._scheduler), self._num_finished, self._num_failed)

    def _run(self) -> None:
        while True:
            closed, job = self._take()
            for session_id in closed:
                self._close_session(session_id)
            if job is not None:
                self._run_job(job)
                with self._changed:
                    self._scheduler.finish()
                    del self._jobs[job.key]
            elif not closed:
                self._has_idle_work = self._do_idle_work()

    def _is_wanted(self) -> bool:
        return len(self._scheduler) > 0

    def _do_idle_work(self) -> bool:
        """What can wait, a step at a time, until somebody comes; returns whether there is more of it."""
        engine, is_left = self._engine, True
        try:
            while engine is not None and is_left and not self._is_wanted():
                is_left = engine.idle(self._is_wanted)
        except Exception:
            logger.exception("what the engine does while nobody waits has failed, and is not tried again")
            return False
        return engine is not None and is_left

    def _take(self) -> tuple[list[str], Job | None]:
        """Wait for work: the sessions to forget, and the job to run; neither where there is time for what can wait."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._scheduler) or self._closed_sessions, IDLE_S if self._has_idle_work else None
            )
            closed, self._closed_sessions = self._closed_sessions, []
            ticket = self._scheduler.next()
            return closed, None if ticket is None else self._jobs[ticket.request_id]

    def _close_session(self, session_id: str) -> None:
        if self._engine is None:
            return
        try:
            self._engine.close_session(session_id)
        except Exception:
            logger.exception("closing session %s failed", session_id)

    def _run_job(self, job: Job) -> None:
        try:
            self._serve(job)
        except EngineError as error:
            self._fail(job, error, str(error))
        except MemoryError as error:
            self._fail(job, error, "the engine ran out of memory; choose a smaller model or a shorter context")
        except Exception as error:
            logger.exception("request %s failed", job.request_id)
            self._fail(job, error, f"the engine failed with {type(error).__name__}: {error}")

    def _fail(self, job: Job, error: BaseException, message: str) -> None:
        self._num_failed += 1
        job.finish(Failed(job.request_id, type(error).__name__, message))

    def _serve(self, job: Job) -> None:
        if job.aborted.is_set():
            job.finish(Aborted(job.request_id))
            return
        engine = self._engine_for(job)
        if job.request is None:
            job.finish(Loaded(job.request_id, engine.info))
        elif job.aborted.is_set():
            job.finish(Aborted(job.request_id))
        else:
            self._generate(engine, job.request, job)

    def _generate(self, engine: EngineLike, request: GenerationRequest, job: Job) -> None:
        for event in engine.generate(request, job.aborted.is_set):
            if isinstance(event, GenerationChunk):
                job.reply(Chunk(event))
            else:
                self._num_finished += 1
                job.finish(Output(event))
                return
        raise RuntimeError(f"the engine ended request {job.request_id} without an output")

    def _engine_for(self, job: Job) -> EngineLike:
        if self._engine is not None and self._config == job.config:
            return self._engine
        self._engine = self._config = None
        gc.collect()  # the old weights are freed before the new ones are read, though an engine refers to itself
        job.reply(LoadProgress(job.request_id, job.config.pack_dir, "loading"))
        started = time.monotonic()
        engine = self._factory(Path(job.config.pack_dir), job.config.options)
        logger.info("loaded %s in %.0f ms", job.config.pack_dir, (time.monotonic() - started) * 1e3)
        self._engine, self._config = engine, job.config
        self._has_idle_work = True
        if job.request is not None:
            job.reply(Loaded(job.request_id, engine.info))
        return engine

"""An engine that follows a script: it takes the place of the real one where a test must choose what an engine does.

The script is the file `script.json` in the pack's folder, read again for every request. It does not look at tensors;
everything between it and the editor is the real thing.

Keys of the script, all optional:
    text            streamed one piece of `piece_chars` (1) at a time
    answers         texts in place of `text` for the first request, the second and so on; the last one stays
    stops           whether the request's stop rules hold, a token being 4 characters
    info            fields of EngineInfo that differ
    alternatives    texts in place of `text` for the sampling seeds 1, 2 and so on, each with its log probability
    pause_ms        before each piece
    wait_for        a file: each piece after the first `free_pieces` (1) waits until it exists, or for an abort
    error           [class of plt_engine.errors, message], raised by the generation
    load_error      the same, raised by loading
    exit_on_load    the exit code with which loading ends the process
    kill_at         index of the piece before which the process kills itself
    print           written to standard output
    decision        fields of the Decision that comes with the first chunk and at the end
    finish_reason   why the text ends (end_of_text)
    log_probability of the text, where its seed names no alternative (0.0)
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from plt_engine import errors
from plt_engine.stopping import TextStopper
from plt_engine.types import (
    Decision,
    DecisionReason,
    EngineInfo,
    FinishReason,
    GenerationChunk,
    GenerationMetrics,
    GenerationOutput,
    GenerationRequest,
    LoopLatency,
    StopSpec,
)

POLL_S = 0.002


class ScriptedEngine:
    """Plays the script in a folder, and writes every request and every end to `journal.jsonl` there."""

    def __init__(self, pack_dir: Path, options: Mapping[str, object]) -> None:
        self._folder = pack_dir
        self._note("load", options=dict(options))
        self.info = EngineInfo(
            pack=pack_dir.name,
            loops=(1, 2),
            default_loops=1,
            fim_format=None,
            max_context_tokens=4096,
            device="script",
            dtype="none",
            num_threads=1,
            load_ms=0.0,
            weights_bytes=0,
            **read_script(pack_dir).get("info", {}),
        )
        self._answered: tuple[dict, int] = ({}, 0)

    def generate(
        self, request: GenerationRequest, should_abort: Callable[[], bool]
    ) -> Iterator[GenerationChunk | GenerationOutput]:
        script = read_script(self._folder)
        self._note("generate", request=asdict(request))
        if "print" in script:
            print(script["print"])
            sys.stdout.flush()
            os.write(1, script["print"].encode())
        if "error" in script:
            kind, message = script["error"]
            raise getattr(errors, kind)(message)
        text, log_probability = text_of(script, request)
        if "answers" in script:
            text = self._next_answer(script)
        size = script.get("piece_chars", 1)
        done, reason = "", FinishReason(script.get("finish_reason", "end_of_text"))
        if script.get("stops"):
            text, reason = stopped(text, request.stop)
        decision = decision_of(script, request)
        for i, start in enumerate(range(0, len(text), size)):
            if script.get("kill_at") == i:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(script.get("pause_ms", 0) / 1e3)
            wait_for = script.get("wait_for")
            while i >= script.get("free_pieces", 1) and wait_for and not Path(wait_for).exists() and not should_abort():
                time.sleep(POLL_S)
            if should_abort():
                reason = FinishReason.ABORTED
                break
            piece = text[start : start + size]
            done += piece
            yield GenerationChunk(request.request_id, piece, decision if i == 0 else None)
        self._note("end", request_id=request.request_id, reason=reason.value, text=done)
        yield GenerationOutput(
            request.request_id,
            done,
            reason,
            GenerationMetrics(
                loops=request.loops or 1,
                num_prompt_tokens=len(request.prompt.prefix),
                num_cached_tokens=0,
                num_computed_tokens=len(request.prompt.prefix),
                num_generated_tokens=len(done),
                ttft_ms=1.0,
                total_ms=2.0,
                tokens_per_second=1000.0,
                decision=decision,
            ),
            log_probabilities=(log_probability,) if request.log_probabilities else (),
        )

    latencies = (LoopLatency(1, 10.0, 40.0, 0.1, 20), LoopLatency(2, 14.0, 70.0, 0.2, 0))

    def idle(self, should_stop: Callable[[], bool]) -> bool:
        return False

    def close_session(self, session_id: str) -> None:
        self._note("close_session", session_id=session_id)

    def _next_answer(self, script: dict) -> str:
        last, number = self._answered
        number = number if last == script else 0
        self._answered = script, number + 1
        return script["answers"][min(number, len(script["answers"]) - 1)]

    def _note(self, event: str, **fields: object) -> None:
        with (self._folder / "journal.jsonl").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"event": event, "torch": "torch" in sys.modules, **fields}) + "\n")


def stopped(text: str, stop: StopSpec) -> tuple[str, FinishReason]:
    """A text as the real engine would end it."""
    whole = text[: 4 * stop.max_tokens]
    stopper = TextStopper(stop)
    _, reason = stopper.push(whole)
    if reason is not None:
        return stopper.text, reason
    return whole, FinishReason.END_OF_TEXT if whole == text else FinishReason.LENGTH


def text_of(script: dict, request: GenerationRequest) -> tuple[str, float]:
    """What to say to a request, and how sure of it to be."""
    others, seed = script.get("alternatives", []), request.sampling.seed
    if seed is None or seed > len(others):
        return script.get("text", ""), script.get("log_probability", 0.0)
    return tuple(others[seed - 1])


def decision_of(script: dict, request: GenerationRequest) -> Decision | None:
    """What was chosen for a request, as far as the script says anything of it."""
    if "decision" not in script:
        return None
    plain = {"asked_loops": request.loops, "loops": 1, "budget_ms": request.budget_ms, "num_answer_tokens": 1}
    counts = {"num_whole_tokens": 300, "num_prompt_tokens": 300, "num_uncached_tokens": 300}
    return Decision(request.kind, DecisionReason.FITS, **{**plain, **counts, **script["decision"]})


def load(pack_dir: Path, options: Mapping[str, object]) -> ScriptedEngine:
    """The factory that tests name with --engine-factory."""
    script = read_script(pack_dir)
    if "exit_on_load" in script:
        sys.stderr.write("the script asks for an end\n")
        sys.stderr.flush()
        os._exit(script["exit_on_load"])
    if "load_error" in script:
        kind, message = script["load_error"]
        raise getattr(errors, kind)(message)
    return ScriptedEngine(pack_dir, options)


def read_script(folder: Path) -> dict:
    with contextlib.suppress(FileNotFoundError):
        return json.loads((folder / "script.json").read_text(encoding="utf-8"))
    return {}


def write_script(folder: Path, **script: object) -> Path:
    """Write a script into a folder, which then is a pack for the scripted engine."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "script.json.new"
    draft.write_text(json.dumps(script), encoding="utf-8")
    draft.replace(folder / "script.json")
    return folder


def read_journal(folder: Path) -> list[dict]:
    path = folder / "journal.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

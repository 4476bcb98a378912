"""Replays recorded typing under latency budgets: who keeps them, at what quality, and how well times are foretold.

The gate comes first: at a budget without end, auto must say what its best fixed loop count says. Everything runs in
this process and nothing but the engine is timed, each arm on an engine's sessions of its own.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plt_engine.calibrate import Sample, read_samples
from plt_engine.engine import Engine, EngineOptions
from plt_engine.evaluation.metrics import kept_share
from plt_engine.pack import find_pack
from plt_engine.types import (
    Decision,
    GenerationOutput,
    GenerationRequest,
    Priority,
    Prompt,
    StopSpec,
    StopUnit,
)

BUDGETS_MS = (50, 100, 200, 400)
MAX_TOKENS = 24
ENDLESS_MS = 1e9
HEAD = (
    "| budget ms | arm | within | p50 ms | p95 ms | mean R | tokens | context cut | in time | at the end | error |",
    "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
)


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One request of the recording: the text before the cursor, and what was typed behind it.

    Attributes:
        is_first: whether the cursor has just come to this place, so that nothing of it has been read.
        text: up to the cursor.
        rest: of the line.
    """

    is_first: bool
    text: str
    rest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request: of the characters wanted, the share that came right, in time and at the end."""

    decision: Decision
    kept_in_time: float
    kept: float

    @property
    def error(self) -> float | None:
        """How far the model's time for what was done is from what it took."""
        made = self.decision
        return None if made.model_ms is None or made.answer_ms is None else abs(made.model_ms / made.answer_ms - 1)


def recorded(samples: Sequence[Sample], num_places: int, num_keys: int) -> Iterator[KeyPress]:
    """Typing at places all over the samples: at each a first request, and one after each key press."""
    places = [(sample, cursor) for sample in samples for cursor in sample.cursors]
    for sample, cursor in places[:: max(1, len(places) // num_places)][:num_places]:
        rest = sample.rest_of_line(cursor)
        for i in range(min(num_keys, len(rest))):
            yield KeyPress(i == 0, sample.text[: cursor + i], rest[i:])


def replay(engine: Engine, presses: Sequence[KeyPress], budget_ms: float, loops: int | None, arm: str) -> list[Answer]:
    """Ask for every key press of a recording, and have the rest of the prompt read at each pause behind a place."""
    found, place = [], 0
    for press in presses:
        place += press.is_first
        session = f"{arm}-{place}"
        request = GenerationRequest(
            "request",
            session,
            Prompt(press.text),
            stop=StopSpec(max_tokens=MAX_TOKENS, unit=StopUnit.LINE),
            loops=loops,
            budget_ms=budget_ms,
            workspace_id=session,
        )
        found.append(answer(engine, request, press.rest))
        if press.is_first:  # the server reads the whole context once the user pauses
            warm = replace(request, budget_ms=None, priority=Priority.WARM_UP, stop=StopSpec(max_tokens=1))
            run(engine, warm)
    for number in range(1, place + 1):
        engine.close_session(f"{arm}-{number}")
    return found


def answer(engine: Engine, request: GenerationRequest, rest: str) -> Answer:
    """Ask for one text, and see how much of it is there when the budget ends."""
    started, in_time = time.perf_counter(), ""
    for event in engine.generate(request):
        if isinstance(event, GenerationOutput):
            assert event.metrics.decision is not None
            return Answer(event.metrics.decision, kept_share(in_time, rest), kept_share(event.text, rest))
        if (time.perf_counter() - started) * 1e3 <= (request.budget_ms or 0.0):
            in_time += event.text
    raise AssertionError("a generation ends with its output")


def run(engine: Engine, request: GenerationRequest) -> GenerationOutput:
    *_, output = engine.generate(request)
    assert isinstance(output, GenerationOutput)
    return output


def gate(engine: Engine, press: KeyPress, best: int) -> None:
    """Without a limit auto says exactly what the best loop count says; raises SystemExit otherwise."""
    request = GenerationRequest("gate", "gate", Prompt(press.text), stop=StopSpec(max_tokens=8))
    auto = run(engine, replace(request, budget_ms=ENDLESS_MS))
    fixed = run(engine, replace(request, session_id="fixed", workspace_id="fixed", loops=best))
    engine.close_session("gate")
    engine.close_session("fixed")
    if (auto.text, auto.metrics.loops) != (fixed.text, best):
        raise SystemExit(f"auto said {auto.text!r} with R={auto.metrics.loops}, R={best} says {fixed.text!r}")


def row(arm: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """The figures of one arm under one budget."""
    decisions = [answer.decision for answer in answers]
    took = [decision.answer_ms or 0.0 for decision in decisions]
    errors = [answer.error for answer in answers if answer.error is not None]
    return {
        "arm": arm,
        "budget_ms": decisions[0].budget_ms,
        "within": sum(bool(decision.is_within_budget) for decision in decisions) / len(decisions),
        "kept_in_time": statistics.fmean(answer.kept_in_time for answer in answers),
        "kept": statistics.fmean(answer.kept for answer in answers),
        "p50_ms": statistics.median(took),
        "p95_ms": statistics.quantiles(took, n=20)[-1],
        "answer_tokens": statistics.fmean(decision.num_answer_tokens for decision in decisions),
        "cut": sum(decision.num_prompt_tokens < decision.num_whole_tokens for decision in decisions) / len(decisions),
        "error": statistics.median(errors) if errors else None,
        "loops": statistics.fmean(decision.loops for decision in decisions),
        "num": len(decisions),
    }


def printed(one: Mapping[str, Any]) -> str:
    error = "–" if one["error"] is None else f"{one['error']:.0%}"
    cells = (
        f"{one['budget_ms']:.0f}",
        one["arm"],
        f"{one['within']:.0%}",
        f"{one['p50_ms']:.0f}",
        f"{one['p95_ms']:.0f}",
        f"{one['loops']:.2f}",
        f"{one['answer_tokens']:.1f}",
        f"{one['cut']:.0%}",
        f"{one['kept_in_time']:.2f}",
        f"{one['kept']:.2f}",
        error,
    )
    return f"| {' | '.join(cells)} |"


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench policy", description=__doc__)
    parser.add_argument("--pack", default="smollm2-135m", help="a pack's name or the path of its folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--places", type=int, default=3, help="places that the cursor comes to")
    parser.add_argument("--keys", type=int, default=12, help="the most requests at each place")
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS_MS), metavar="MS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    options = parser.parse_args(args)
    engine = Engine.load(find_pack(options.pack), EngineOptions(num_threads=options.threads))
    presses = list(recorded(read_samples(), options.places, options.keys))
    while engine.idle(lambda: False):
        pass
    best = engine.counts[0]
    gate(engine, presses[0], best)
    arms: list[tuple[str, int | None]] = [("auto", None), *((f"R = {loops}", loops) for loops in engine.info.loops)]
    print("\n".join(HEAD), flush=True)
    found = []
    for budget in options.budgets:
        for name, loops in arms:
            found.append(row(name, replay(engine, presses, float(budget), loops, f"{name}-{budget}")))
            print(printed(found[-1]), flush=True)
    sys.stdout.write(f"{len(presses)} requests each, {engine.info.pack} on {engine.info.device}, ")
    sys.stdout.write(f"{engine.info.num_threads} threads, {engine.info.dtype}\n")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0

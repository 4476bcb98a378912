"""Whether an exit per token pays: loop 1's token where it is certain, loop 2 only where it is not.

The gate comes first: never exiting must be plain two-loop decoding, always exiting loop 1's. The threshold is learned
on one half of held-out text; share skipped, agreement, bits per byte and speed are reported on the other.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from plt_engine.evaluation.metrics import Interval, bootstrap, paired_difference
from plt_engine.fused import fuse
from plt_engine.linear import plan_numerics
from plt_engine.loader import load_stored
from plt_engine.pack import TOKENIZER_FILE, find_pack
from plt_engine.runner import ModelRunner
from plt_engine.sampling import log_probability
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.corpus import read_files
from tests.bench.early_exit_arms import MAX_TOKENS, AnyWriter, arms_of, gate, rules_of
from tests.bench.early_exit_quality import (
    ALWAYS,
    NEVER,
    Quality,
    Scores,
    Text,
    halves,
    learn_threshold,
    quality,
    score,
    texts_of,
    threshold_of_share,
)

PARTS = ("quality", "decoded", "speed")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One arm as it really decodes given text; the difference is of bits per token from plain two-loop decoding."""

    skipped: Interval
    agreement: Interval
    less_loop_2: Interval


@dataclass(frozen=True, slots=True)
class Speed:
    """One arm: tokens per second, its time over plain two-loop decoding's, and what it wrote.

    Attributes:
        as_two_loops: the share of texts that are what two loops write, token by token.
    """

    tokens_per_second: float
    over_two_loops: Interval
    skipped: float
    as_two_loops: float


def decoded(arms: Mapping[str, AnyWriter], texts: Sequence[Text], num_tokens: int, seed: int) -> dict[str, Decoded]:
    """What the arms say token by token of text that is given to them, beside what two loops say."""
    rows: dict[str, list[NDArray[np.float64]]] = {name: [] for name in arms}
    for text in texts:
        cut = len(text.ids) // 2
        for arm in arms.values():
            arm.begin(text.ids[:cut])
        sums = {name: np.zeros(4) for name in arms}
        for token, wanted in zip(text.ids[cut : cut + num_tokens], text.ids[cut + 1 :], strict=False):
            steps = {name: arm.step(token) for name, arm in arms.items()}
            best = int(steps["R = 2"].logits.argmax())
            for name, step in steps.items():
                bits = -log_probability(step.logits, wanted) / math.log(2)
                sums[name] += (1.0, step.is_skipped, int(step.logits.argmax()) == best, bits)
        for name in arms:
            rows[name].append(sums[name])
    num, _, _, bits_of_two = np.array(rows["R = 2"]).T
    found = {}
    for name, values in rows.items():
        _, skipped, agrees, bits = np.array(values).T
        less = paired_difference(bits, bits_of_two, num, seed)
        found[name] = Decoded(bootstrap(skipped, num, seed), bootstrap(agrees, num, seed), less)
    return found


def speeds(
    arms: Mapping[str, AnyWriter], texts: Sequence[Text], num_tokens: int, seed: int, clock: Callable[[], float]
) -> dict[str, Speed]:
    """Every arm writes on greedily from the same prompts, in turn, prompt after prompt; reading them is not timed."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    written: dict[str, list[list[int]]] = {name: [] for name in arms}
    skipped: dict[str, list[int]] = {name: [] for name in arms}
    for number, text in enumerate([texts[0], *texts]):
        for name, arm in arms.items():
            ms, ids, num_skipped = _write(arm, text, num_tokens, clock)
            if number > 0:  # the first round warms up
                times[name].append(ms)
                written[name].append(ids)
                skipped[name].append(num_skipped)
    total = float(num_tokens * len(texts))
    return {
        name: Speed(
            tokens_per_second=total * 1e3 / sum(times[name]),
            over_two_loops=bootstrap(times[name], times["R = 2"], seed),
            skipped=sum(skipped[name]) / total,
            as_two_loops=sum(map(list.__eq__, written[name], written["R = 2"])) / len(texts),
        )
        for name in arms
    }


def _write(arm: AnyWriter, text: Text, num_tokens: int, clock: Callable[[], float]) -> tuple[float, list[int], int]:
    """Milliseconds, the ids written behind a text's first half, and how many of them skipped loop 2."""
    cut = len(text.ids) // 2
    arm.begin(text.ids[:cut])
    ids, steps, started = [text.ids[cut]], [], clock()
    for _ in range(num_tokens):
        steps.append(arm.step(ids[-1]))
        ids.append(int(steps[-1].logits.argmax()))
    return (clock() - started) * 1e3, ids[1:], sum(step.is_skipped for step in steps)


def _shown(value: Interval, digits: int = 3) -> str:
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def quality_table(rows: Mapping[str, Quality]) -> str:
    head = "| rule | threshold | skipped | as loop 2's | bits per byte | less R = 1 | less R = 2 |"
    lines = [head, "|---|---:|---:|---:|---:|---:|---:|"]
    for name, one in rows.items():
        cells = [f"{one.threshold:.3f}", _shown(one.skipped), _shown(one.agreement, 4), _shown(one.bits_per_byte, 4)]
        cells += [_shown(one.less_loop_1, 4), _shown(one.less_loop_2, 4)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def decoded_table(rows: Mapping[str, Decoded]) -> str:
    lines = ["| arm | skipped | as loop 2's | bits per token less R = 2 |", "|---|---:|---:|---:|"]
    for name, one in rows.items():
        cells = (name, _shown(one.skipped), _shown(one.agreement), _shown(one.less_loop_2))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def speed_table(rows: Mapping[str, Speed]) -> str:
    lines = ["| arm | tokens/s | time / R = 2 | skipped | texts as R = 2's |", "|---|---:|---:|---:|---:|"]
    for name, one in rows.items():
        cells = (name, f"{one.tokens_per_second:.1f}", _shown(one.over_two_loops, 2), f"{one.skipped:.2f}")
        lines.append(f"| {' | '.join(cells)} | {one.as_two_loops:.2f} |")
    return "\n".join(lines)


def thresholds_of(learned: Sequence[Scores], bounds: Sequence[float], shares: Sequence[float]) -> dict[str, float]:
    """Thresholds that keep the bounds on the half they are learned on, and those that so many tokens stay below."""
    found = {f"at most {bound:.1%} others": learn_threshold(learned, bound) for bound in bounds}
    return found | {f"{share:.0%} unsure": threshold_of_share(learned, share) for share in shares}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench early-exit", description=__doc__)
    parser.add_argument("pack", help="a pack of two loops: its name or the path of its folder")
    parser.add_argument("--held-out", type=Path, required=True, metavar="FILE", help="as the data command wrote it")
    parser.add_argument("--texts", type=int, default=60, help="stretches of text in each half")
    parser.add_argument("--decoded", type=int, default=12, help="of them, those that are decoded and written on from")
    parser.add_argument("--tokens", type=int, default=32, help="tokens decoded in each")
    parser.add_argument("--bounds", type=float, nargs="+", default=[0.01], help="shares of tokens other than loop 2's")
    parser.add_argument(
        "--shares", type=float, nargs="*", default=[0.05, 0.15, 0.4], help="shares of unsure tokens, for speed"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured after the gate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu-time", action="store_true", help="time the CPU instead of the clock, where other work runs beside it"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    return parser


def main(args: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(args)
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter
    folder, seed = find_pack(options.pack), options.seed
    runner = ModelRunner(fuse(*load_stored(folder), plan_numerics()), MAX_TOKENS)
    if runner.config.loop.num_loops != 2:
        parser.error(f"{options.pack} has {runner.config.loop.num_loops} loops; give a pack that was trained with 2")
    tokenizer = Tokenizer.from_file(folder / TOKENIZER_FILE)
    to_learn, to_report = (
        texts_of(half, options.texts, tokenizer, seed) for half in halves(read_files(options.held_out))
    )
    found: dict[str, Any] = {"gate": gate(runner, to_report[:2], options.tokens)}
    _say(f"gate passed: {found['gate']}")
    learned = [score(runner, text) for text in to_learn]
    thresholds = thresholds_of(learned, options.bounds, options.shares)
    few, rules = to_report[: options.decoded], rules_of(thresholds)
    arms = arms_of(runner, rules)
    if "quality" in options.parts:
        reported = [score(runner, text) for text in to_report]
        ends = {"R = 1": ALWAYS, "R = 2": NEVER}
        found["quality"] = {n: quality(reported, threshold, seed) for n, threshold in (ends | thresholds).items()}
        _say(quality_table(found["quality"]))
    if "decoded" in options.parts:
        found["decoded"] = decoded(arms, few, options.tokens, seed)
        _say(decoded_table(found["decoded"]))
    if "speed" in options.parts:
        found["speed"] = speeds(arms, few, options.tokens, seed, clock)
        _say(speed_table(found["speed"]))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1, default=asdict) + "\n", encoding="utf-8")
    return 0

"""Which loop count the diagnostics speak for, why, and how sure that is: the paper's rule, held against the loss.

Pure functions of numbers; a verdict is a reading of the model's states and certifies no loop count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from plt_engine.diagnostics.summary import Collected
from plt_engine.evaluation.metrics import RESAMPLES, Interval, paired_difference

SURE, LIKELY = 0.95, 0.80
"""Shares of the resamples in which the rule must give the same count."""
MIN_RISE = 0.002
"""Of the effective rank: a loop that raises it by less changes next to nothing, and does not pay for that."""


class Sureness(StrEnum):
    """How much the verdict can be trusted."""

    SURE = "sure"
    LIKELY = "likely"
    OPEN = "open"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says.

    Attributes:
        loops: the count that it speaks for, or None where there is one loop only and so nothing to choose.
        sureness: in a word.
        share: of the samples drawn anew, how many give the same count.
        may_pay_more: whether the effective rank still rises at the last loop measured.
        rank_changes: of the effective rank, from each loop to the next.
        loss_changes: of each other count's loss less that of `loops`, by count, in nats per token; above 0 is worse.
        reasons: sentences.
    """

    loops: int | None
    sureness: Sureness
    share: float
    may_pay_more: bool
    rank_changes: tuple[Interval, ...]
    loss_changes: dict[int, Interval]
    reasons: tuple[str, ...]


def rule(ranks: Sequence[float]) -> int:
    """The loop count by the rule: the last loop up to which the effective rank has risen by MIN_RISE with every loop.

    Args:
        ranks: the effective rank after loops 1..R.
    """
    loops = 1
    while loops < len(ranks) and ranks[loops] > (1 + MIN_RISE) * ranks[loops - 1]:
        loops += 1
    return loops


def judge(collected: Collected, seed: int) -> Verdict:
    """Apply the rule to the means over samples, and to those over samples drawn anew, to see how firm it stands."""
    ranks, losses = collected.arrays["effective_rank"], collected.arrays["loss"]
    num_samples, R = ranks.shape
    if R == 1:
        return Verdict(None, Sureness.SURE, 1.0, False, (), {}, (ONE_LOOP,))
    loops = rule(ranks.mean(0).tolist())
    draws = np.random.default_rng(seed).integers(0, num_samples, (RESAMPLES, num_samples))
    share = float(np.mean([rule(means) == loops for means in ranks[draws].mean(1).tolist()]))
    ones = np.ones(num_samples)
    rank_changes = tuple(paired_difference(ranks[:, i], ranks[:, i - 1], ones, seed) for i in range(1, R))
    loss_changes = {
        r: paired_difference(losses[:, r - 1], losses[:, loops - 1], ones, seed) for r in range(1, R + 1) if r != loops
    }
    better = {r: change for r, change in loss_changes.items() if change.high < 0}
    return Verdict(
        loops=loops,
        sureness=_sureness(share, bool(better)),
        share=share,
        may_pay_more=loops == R,
        rank_changes=rank_changes,
        loss_changes=loss_changes,
        reasons=tuple(_reasons(loops, rank_changes, share, better, loss_changes)),
    )


ONE_LOOP = (
    "One loop was looked at, so there is no count to choose; what one pass over the layers shows of itself is told all "
    "the same."
)


def _sureness(share: float, contradicted: bool) -> Sureness:
    if contradicted:
        return Sureness.CONTRADICTED
    return Sureness.SURE if share >= SURE else Sureness.LIKELY if share >= LIKELY else Sureness.OPEN


def _reasons(
    loops: int,
    rank_changes: Sequence[Interval],
    share: float,
    better: dict[int, Interval],
    loss_changes: dict[int, Interval],
) -> list[str]:
    found = []
    if loops > 1:
        found.append(f"The effective rank still rises at loop {loops}, by {signed(rank_changes[loops - 2], 2)}.")
    if loops <= len(rank_changes):
        change = rank_changes[loops - 1]
        end = "falling, stop" if change.mean < 0 else f"less than {100 * MIN_RISE:.1f} % of it, stop"
        found.append(f"At loop {loops + 1} the effective rank changes by {signed(change, 2)}: {end}.")
    else:
        found.append(f"No loop beyond was measured: another may pay; --loops {loops + 1} would look.")
    found.append(f"Of the sets of samples drawn anew, {100 * share:.0f} % give the same count.")
    for r, change in better.items():
        less = Interval(-change.mean, -change.high, -change.low)
        found.append(f"But the loss contradicts: with {_exits(r)} a token costs {_plain(less)} nats less.")
    if not better:
        found += _agreement(loss_changes)
    return found


def _agreement(loss_changes: dict[int, Interval]) -> list[str]:
    worse = {r: change for r, change in loss_changes.items() if change.low > 0}
    alike = {r: change for r, change in loss_changes.items() if change.low <= 0}
    found = []
    if worse:
        costs = (f"{_plain(change)} nats more with {_exits(r)}" for r, change in worse.items())
        found.append(f"The loss agrees: a token costs {', '.join(costs)}.")
    if alike:
        costs = (f"{_exits(r)} ({signed(change, 3)} nats per token)" for r, change in alike.items())
        found.append(f"The loss does not tell it apart from {', '.join(costs)}.")
    return found


def _plain(change: Interval) -> str:
    return f"{change.mean:.3f} [{change.low:.3f}, {change.high:.3f}]"


def _exits(loops: int) -> str:
    return "1 loop" if loops == 1 else f"{loops} loops"


def signed(change: Interval, digits: int) -> str:
    """A difference and its interval, with signs."""
    return f"{change.mean:+.{digits}f} [{change.low:+.{digits}f}, {change.high:+.{digits}f}]"


def headline(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    if verdict.loops is None:
        return "One loop: nothing to compare."
    count = f"{_exits(verdict.loops)}{' or more' if verdict.may_pay_more else ''}"
    return {
        Sureness.SURE: f"The rule speaks for {count}, and is sure of it.",
        Sureness.LIKELY: f"The rule probably speaks for {count}; more text would make it sure.",
        Sureness.OPEN: f"The rule leans to {count}, but this text does not decide it.",
        Sureness.CONTRADICTED: f"The rule speaks for {count}, and the loss contradicts it: do not rely on it.",
    }[verdict.sureness]

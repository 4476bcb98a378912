"""The figures of single cases, and what a set of paired cases says of a difference.

Pure functions of texts and numbers; they know no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95
Numbers = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


def edit_similarity(found: str, wanted: str) -> float:
    """1 minus the Levenshtein distance over the longer length; 1 where both are empty."""
    longest = max(len(found), len(wanted))
    return 1.0 if longest == 0 else 1.0 - edit_distance(found, wanted) / longest


def edit_distance(a: str, b: str) -> int:
    """Fewest insertions, deletions and substitutions of characters between two texts (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


def kept_share(found: str, wanted: str) -> float:
    """The share of the wanted characters that come right before the first error."""
    if not wanted:
        return 1.0 if not found else 0.0
    same = next(
        (i for i, (x, y) in enumerate(zip(found, wanted, strict=False)) if x != y), min(len(found), len(wanted))
    )
    return same / len(wanted)


def bootstrap(totals: Numbers, weights: Numbers, seed: int) -> Interval:
    """The interval of sum(totals) / sum(weights) over cases drawn anew, RESAMPLES times.

    Args:
        totals: one number a case.
        weights: what it is divided by: 1 a case for a mean, the bytes for bits per byte.
        seed: draws the samples; the same seed and number of cases draw the same ones, so arms stay paired.
    """
    top, bottom = np.asarray(totals, np.float64), np.asarray(weights, np.float64)
    if top.size == 0:
        raise ValueError("There is no case to take an interval of.")
    draws = np.random.default_rng(seed).integers(0, top.size, (RESAMPLES, top.size))
    ratios = top[draws].sum(1) / bottom[draws].sum(1)
    low, high = np.quantile(ratios, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(top.sum() / bottom.sum()), float(low), float(high))


def paired_difference(totals: Numbers, others: Numbers, weights: Numbers, seed: int) -> Interval:
    """The interval of an arm's mean less another's over the same cases."""
    difference = np.asarray(totals, np.float64) - np.asarray(others, np.float64)
    return bootstrap(difference, weights, seed)

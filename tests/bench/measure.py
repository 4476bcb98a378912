"""Paired measurement: every subject is run in turn, round after round, so that a machine's drift meets all alike."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping


def paired(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each subject, round by round; a subject times itself and returns milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject()
    for _ in range(rounds):
        for name, subject in subjects.items():
            times[name].append(subject())
    return times


def ratio(times: Mapping[str, list[float]], one: str, other: str) -> float:
    """The median over rounds of one's time over the other's."""
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))


def median(values: list[float]) -> float:
    return statistics.median(values)


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that an action takes."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def peak_rss_mb() -> float:
    """The process's peak resident memory in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3

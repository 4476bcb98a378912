"""Counts of what was offered and used, by language and loop count, kept on this machine and sent nowhere.

Only numbers are stored: no text, no path, no name of a file or project. It does not know how anything is counted.
"""

import contextlib
import logging
import math
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
FILE = "statistics.json"
LATENCY = "latency_ms."
# Latencies are counted in classes that grow by a tenth, so that a percentile is known to a tenth.
CLASS_GROWTH = 1.1


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What counts are kept apart by."""

    language: str
    loops: int


class Statistics:
    """Counts that are not yet in the file, and the file.

    Args:
        file: where counts are added up over all servers of the user.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._pending: dict[Group, Counter[str]] = defaultdict(Counter)

    def add(self, group: Group, name: str, number: int = 1) -> None:
        """Count something."""
        self._pending[group][name] += number

    def add_latency(self, group: Group, elapsed_ms: float) -> None:
        """Count an answer's latency in its class."""
        self.add(group, f"{LATENCY}{latency_class(elapsed_ms)}")

    def save(self) -> None:
        """Add what is pending to the file; what cannot be written stays pending, and is said in the log."""
        if not self._pending:
            return
        try:
            with _locked(self.file):
                total = read_statistics(self.file)
                for group, counts in self._pending.items():
                    total.counts.setdefault(group, Counter()).update(counts)
                _write(self.file, total)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self.file, error)
            return
        self._pending.clear()

    def forget(self) -> None:
        """Drop what is pending, where statistics are switched off."""
        self._pending.clear()


@dataclass(frozen=True, slots=True)
class Total:
    """All counts of the file, and the day of the first."""

    since: date
    counts: dict[Group, Counter[str]]


def read_statistics(file: Path) -> Total:
    """The counts in a file; one that is missing, or that no plt-lsp wrote, counts nothing."""
    try:
        raw = orjson.loads(file.read_bytes())
        counts = {
            Group(language, int(loops)): Counter({str(name): int(number) for name, number in found.items()})
            for language, by_loops in raw["counts"].items()
            for loops, found in by_loops.items()
        }
        return Total(date.fromisoformat(raw["since"]), counts)
    except FileNotFoundError:
        return Total(date.today(), {})
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        logger.warning("%s is not readable, so the counts begin anew: %r", file, error)
        return Total(date.today(), {})


def latency_class(elapsed_ms: float) -> int:
    """The upper end of a latency's class, in whole milliseconds, at least 1."""
    if elapsed_ms <= 1:
        return 1
    return math.ceil(CLASS_GROWTH ** math.ceil(math.log(elapsed_ms, CLASS_GROWTH)))


def latency_percentile(counts: Mapping[str, int], share: float) -> int | None:
    """The latency, in milliseconds, that this share of the answers did not exceed, to the width of a class."""
    classes = sorted((int(name.removeprefix(LATENCY)), n) for name, n in counts.items() if name.startswith(LATENCY))
    wanted, seen = share * sum(number for _, number in classes), 0
    for upper, number in classes:
        seen += number
        if seen >= wanted:
            return upper
    return None


def summary(counts: Mapping[str, int]) -> dict[str, int | float | None]:
    """The figures of one group as people read them; shares are of what was shown."""
    shown = counts.get("shown", 0) or counts.get("offered", 0)
    accepted = counts.get("accepted", 0)
    within, over = counts.get("within_budget", 0), counts.get("over_budget", 0)
    return {
        "shown": shown,
        "accepted": accepted,
        "partlyAccepted": counts.get("partly_accepted", 0),
        "typedThrough": counts.get("typed_through", 0),
        "dismissed": counts.get("dismissed", 0),
        "ignored": counts.get("ignored", 0),
        "acceptedShare": accepted / shown if shown else None,
        "acceptedCharacters": counts.get("accepted_characters", 0),
        "retainedCharacters30s": counts.get("retained_characters_30s", 0),
        "retainedCharacters120s": counts.get("retained_characters_120s", 0),
        "latencyP50Ms": latency_percentile(counts, 0.50),
        "latencyP95Ms": latency_percentile(counts, 0.95),
        "budgetKeptShare": within / (within + over) if within + over else None,
    }


def to_json(total: Total) -> dict[str, object]:
    """Everything as plain data."""
    groups = [
        {"language": group.language, "loops": group.loops, **summary(counts)}
        for group, counts in sorted(total.counts.items())
    ]
    every: Counter[str] = Counter()
    for counts in total.counts.values():
        every.update(counts)
    return {"since": total.since.isoformat(), "groups": groups, "all": summary(every)}


def _write(file: Path, total: Total) -> None:
    nested: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for group, counts in total.counts.items():
        nested[group.language][str(group.loops)] = dict(counts)
    document = {"version": FORMAT_VERSION, "since": total.since.isoformat(), "counts": nested}
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".statistics.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(orjson.dumps(document))
    Path(draft).replace(file)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keeps other servers from writing at the same moment; where files cannot be locked, the last one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

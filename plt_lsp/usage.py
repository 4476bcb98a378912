"""What the user does with what is offered, from the first look to two minutes after: offers followed, fates counted.

It joins the tracker, the documents and the statistics, and is told what time it is; it stores numbers only.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from plt_engine.types import Decision
from plt_lsp.acceptance import (
    RETENTION_SECONDS,
    Ended,
    Fate,
    Kept,
    Offer,
    Place,
    Tracker,
    follow,
    kept_of,
    num_retained,
)
from plt_lsp.documents import Shift
from plt_lsp.snooze import CallLater
from plt_lsp.statistics import Group, Statistics, Total, read_statistics

SAVE_SECONDS = 60.0

LinesOf = Callable[[str], Sequence[str] | None]


class Usage:
    """Follows the offers of one server.

    Args:
        statistics: where counts go that outlive the server.
        counts: where the server's own counts go.
        lines_of: an open document's lines by its URI, or None.
        call_later: runs a function after so many seconds.

    Attributes:
        is_enabled: whether counts are written down.
        on_accept: called with each offer that was accepted whole, once it stands in its document.
    """

    def __init__(self, statistics: Statistics, counts: Counter[str], lines_of: LinesOf, call_later: CallLater) -> None:
        self.is_enabled = True
        self.on_accept: Callable[[Offer], None] = _ignore
        self._statistics = statistics
        self._counts = counts
        self._lines_of = lines_of
        self._call_later = call_later
        self._tracker = Tracker()
        self._kept: dict[int, Kept] = {}
        self._num_kept = 0
        self._is_save_due = False

    def decided(self, language: str, decision: Decision) -> None:
        """Count what was chosen for a request, and whether its budget was kept."""
        group = Group(language, decision.loops)
        self._count(group, f"decision_{decision.reason}")
        if decision.is_within_budget is not None:
            self._count(group, "within_budget" if decision.is_within_budget else "over_budget")

    def offered(self, place: Place, loops: int, texts: Sequence[str], elapsed_ms: float) -> list[int]:
        """Follow an answer's texts; returns their numbers, in order."""
        found = self._tracker.offer(place, loops, texts)
        self._end(found.ended)
        group = Group(place.language, loops)
        if texts:
            self._latency(group, elapsed_ms)
        if texts and found.is_new:
            self._count(group, "offered")
        return [offer.number for offer in found.offers]

    def shown(self, number: int) -> None:
        """The editor says that it showed an offer."""
        offer = self._tracker.shown(number)
        if offer is not None:
            self._count(Group(offer.language, offer.loops), "shown")

    def accepted(self, number: int) -> bool:
        """The editor has inserted an offer; False for one that is not open."""
        ended = self._tracker.accepted(number)
        if ended is not None:
            self._end((ended,))
        return ended is not None

    def partly_accepted(self, number: int, num_chars: int) -> None:
        """The editor has inserted so many characters of an offer, in all."""
        self._tracker.partly_accepted(number, num_chars)

    def dismissed(self, uri: str) -> list[Offer]:
        """The user has dismissed what is offered for a document; returns that."""
        ended = self._tracker.dismissed(uri)
        self._end(ended)
        return [one.offer for one in ended]

    def changed(self, uri: str, lines: Sequence[str], shifts: Sequence[Shift]) -> None:
        """A document was changed."""
        for key, kept in self._kept.items():
            if kept.uri == uri:
                self._kept[key] = follow(kept, shifts)
        self._end(self._tracker.changed(uri, lines, shifts))

    def closed(self, uri: str) -> None:
        """A document was closed; what was accepted in it is not measured any more."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.uri != uri}
        self._end(self._tracker.close(uri))

    def save(self) -> None:
        """Write down what was counted."""
        if self.is_enabled:
            self._statistics.save()
        else:
            self._statistics.forget()

    def _save_in_time(self) -> None:
        self._is_save_due = False
        self.save()

    def totals(self) -> Total:
        """All that was counted on this machine so far."""
        self.save()
        return read_statistics(self._statistics.file)

    def _end(self, ended: Sequence[Ended]) -> None:
        for one in ended:
            group = Group(one.offer.language, one.offer.loops)
            self._count(group, str(one.fate))
            if one.num_chars > 0:
                self._count(group, f"{one.fate}_characters", one.num_chars)
            kept = kept_of(one)
            if kept is not None:
                self._keep(kept)
            if one.fate is Fate.ACCEPTED:
                self.on_accept(one.offer)

    def _keep(self, kept: Kept) -> None:
        self._num_kept += 1
        self._kept[self._num_kept] = kept
        for seconds in RETENTION_SECONDS:
            self._call_later(seconds, partial(self._measure, self._num_kept, seconds))

    def _measure(self, key: int, seconds: int) -> None:
        kept = self._kept.get(key) if seconds < RETENTION_SECONDS[-1] else self._kept.pop(key, None)
        lines = self._lines_of(kept.uri) if kept is not None else None
        if kept is not None and lines is not None:
            name = f"retained_characters_{seconds}s"
            self._count(Group(kept.language, kept.loops), name, num_retained(kept, lines))

    def _count(self, group: Group, name: str, number: int = 1) -> None:
        self._counts[name] += number
        if self.is_enabled:
            self._statistics.add(group, name, number)
        if not self._is_save_due:
            self._is_save_due = True
            self._call_later(SAVE_SECONDS, self._save_in_time)

    def _latency(self, group: Group, elapsed_ms: float) -> None:
        if self.is_enabled:
            self._statistics.add_latency(group, elapsed_ms)


def _ignore(_: Offer) -> None:
    """Nobody asked to be told."""

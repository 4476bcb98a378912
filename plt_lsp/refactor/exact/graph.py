"""Where control can go in one function, as events on its variables, and what follows from it about a region.

It does not read syntax; `flow` builds the graph. Every path that might be taken is in it, also some that are not.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What an event does."""

    BEGIN = "begin"  # of a statement or a round of a loop, which cannot raise
    STEP = "step"  # something is worked out, and may raise
    READ = "read"
    CAPTURE = "capture"  # a function that is made there will read it
    WRITE = "write"
    DELETE = "delete"
    AWAIT = "await"
    YIELD = "yield"
    RETURN = "return"
    EXIT = "exit"


READS = (Kind.READ, Kind.CAPTURE, Kind.EXIT)


@dataclass(frozen=True, slots=True)
class Event:
    """An event, and the variable that it concerns, or an empty name."""

    kind: Kind
    name: str = ""


@dataclass(slots=True)
class Graph:
    """Events and where control goes from each; the first is the function's beginning, `exit` its end.

    Attributes:
        events: numbered by their places.
        after: the events that may follow each.
        exit: where the function is over.
        lives_on: whether all variables are read when it is over, as a module's are.
    """

    events: list[Event] = field(default_factory=lambda: [Event(Kind.STEP)])
    after: list[set[int]] = field(default_factory=lambda: [set()])
    exit: int = -1
    lives_on: bool = False

    def add(self, event: Event, before: Iterable[int]) -> int:
        """Add an event that follows others."""
        self.events.append(event)
        self.after.append(set())
        for one in before:
            self.after[one].add(len(self.events) - 1)
        return len(self.events) - 1

    def reach(self, starts: Iterable[int], goes_on: Callable[[int], bool]) -> set[int]:
        """The events that are reached, each passed only where it goes on."""
        found: set[int] = set()
        waiting = list(starts)
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                if goes_on(here):
                    waiting += self.after[here]
        return found

    def is_live(self, name: str, starts: Iterable[int]) -> bool:
        """Whether a variable's value may be read from there on."""

        def goes_on(here: int) -> bool:
            event = self.events[here]
            return event.name != name or event.kind in READS

        reached = self.reach(starts, goes_on)
        if self.lives_on and self.exit in reached:
            return True
        return any(self.events[here].kind in READS and self.events[here].name == name for here in reached)

    def lacks(self, name: str, starts: Iterable[int], inside: "Region | None" = None) -> set[int]:
        """The events that may be reached while a variable still has no value, which it lacks at the starts."""

        def goes_on(here: int) -> bool:
            event = self.events[here]
            return not (event.name == name and event.kind is Kind.WRITE) and (inside is None or here in inside)

        return self.reach(starts, goes_on)


@dataclass(frozen=True, slots=True)
class Region:
    """Events from `first` up to `end`: those of some statements or of an expression; `falls` are where it is done."""

    graph: Graph
    first: int
    end: int
    falls: frozenset[int]

    def __contains__(self, event: int) -> bool:
        return self.first <= event < self.end

    def _events(self, *kinds: Kind) -> Iterator[Event]:
        return (event for event in self.graph.events[self.first : self.end] if event.kind in kinds)

    def has(self, *kinds: Kind) -> bool:
        """Whether any event is of these kinds."""
        return any(True for _ in self._events(*kinds))

    def names(self, *kinds: Kind) -> list[str]:
        """The variables of events of these kinds, in the order of their first."""
        return list(dict.fromkeys(event.name for event in self._events(*kinds)))

    def exits(self) -> set[int]:
        """The events outside that follow when it is done."""
        return {to for here in self.falls for to in self.graph.after[here] if to not in self}

    def leaves_early(self) -> Iterator[tuple[int, int]]:
        """From where to where it is left otherwise: by an exception that is caught outside, or by `return`."""
        for here in range(self.first, self.end):
            if here not in self.falls:
                yield from ((here, to) for to in self.graph.after[here] if to not in self)

    def loses(self, name: str) -> bool:
        """Whether a value that it gives a variable is read outside where it is left early."""
        writes = [here for here in range(self.first, self.end) if self.graph.events[here] == Event(Kind.WRITE, name)]
        written = self.graph.reach(writes, lambda here: here in self)
        return any(here in written and self.graph.is_live(name, [to]) for here, to in self.leaves_early())

    def needs(self, name: str) -> bool:
        """Whether a variable may be read in it before it is written in it."""
        lacking = self.graph.lacks(name, [self.first], self)
        return any(self._reads(here, name) for here in lacking if here in self)

    def _reads(self, here: int, name: str) -> bool:
        event = self.graph.events[here]
        return event.name == name and event.kind in READS

    def may_lack(self, name: str, is_given: bool) -> bool:
        """Whether a variable may have no value when it is done, given or not given one before."""
        deletes = [
            to
            for here in range(self.first, self.end)
            if self.graph.events[here] == Event(Kind.DELETE, name)
            for to in self.graph.after[here]
        ]
        starts = deletes if is_given else [self.first, *deletes]
        lacking = self.graph.lacks(name, starts, self)
        return any(here in lacking for here in self.falls)

    def ends_function(self) -> bool:
        """Whether nothing is done any more once it is done."""
        reached = self.graph.reach(self.exits(), lambda here: self.graph.events[here].kind is Kind.BEGIN)
        return all(here == self.graph.exit or self.graph.events[here].kind is Kind.BEGIN for here in reached)

    def is_written_after(self, name: str) -> bool:
        """Whether a variable may get another value once it is left, be it that it is run again."""
        starts = {to for here in range(self.first, self.end) for to in self.graph.after[here] if to not in self}
        return any(
            self.graph.events[here].name == name and self.graph.events[here].kind in (Kind.WRITE, Kind.DELETE)
            for here in self.graph.reach(starts, lambda _: True)
        )


def may_be_unbound(graph: Graph, name: str, at: int, is_argument: bool) -> bool:
    """Whether a variable may have no value where an event is."""
    deletes = [
        to for here, event in enumerate(graph.events) if event == Event(Kind.DELETE, name) for to in graph.after[here]
    ]
    return at in graph.lacks(name, deletes if is_argument else [0, *deletes])

"""Which positions each loop and layer must compute, so that a sequence can go on from its end: exact, and no more.

Pure arithmetic on positions; it knows no tensors. The shape is a trapezoid (for R = 2 a staircase of L steps of
w_left positions): the last loop's top layer is wanted at the last position only, each layer below at w_left positions
more, since local attention looks back w_left positions; loop r - 1 is wanted one position further, for CLP's shift.
Where loops are sequential there is no shift, and of loop r - 1 no state is needed but that of the positions computed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopState:
    """What a cache still holds for one later loop (r > 1).

    Attributes:
        ring_start: first position from which the local K/V of every layer are held without a gap.
        saved_start: first position from which the state that loop r - 1 passes on is held without a gap.
    """

    ring_start: int
    saved_start: int

    def reaches(self, num_tokens: int, window_left: int, shift: int = 1) -> bool:
        """Whether this loop can go on at position `num_tokens` without computing anything anew."""
        return self.ring_start <= max(0, num_tokens - window_left) and (
            num_tokens == 0 or shift == 0 or self.saved_start <= num_tokens - 1
        )


@dataclass(frozen=True, slots=True)
class LoopSpan:
    """The part of one loop to compute: per layer, the first position that needs K/V and the first that needs output."""

    kv_start: tuple[int, ...]
    out_start: tuple[int, ...]

    @property
    def input_start(self) -> int:
        """First position at which the loop's input is wanted."""
        return self.kv_start[0]


@dataclass(frozen=True, slots=True)
class PrefillPlan:
    """What to compute to extend a sequence to `end` tokens; `loops[0]` is loop 1.

    Attributes:
        start: first position to run; below the number of cached tokens where rings or saved states must be rebuilt.
        end: the sequence's length afterwards.
        loops: one span per loop.
    """

    start: int
    end: int
    loops: tuple[LoopSpan, ...]

    @property
    def token_layers(self) -> int:
        """Outputs computed, in layers times positions: the cost of the prefill in units of one layer of one token."""
        return sum(max(0, self.end - start) for span in self.loops for start in span.out_start)


def plan_prefill(
    *,
    num_cached: int,
    end: int,
    num_layers: int,
    window_left: int,
    later_loops: tuple[LoopState, ...],
    first_wanted: int,
    shift: int = 1,
) -> PrefillPlan:
    """Plan the extension of a sequence from `num_cached` to `end` tokens.

    Args:
        num_cached: positions whose shared KV is held.
        end: the length to reach; more than num_cached.
        num_layers: L.
        window_left: w_left.
        later_loops: what is held for loops 2..R; empty for R = 1.
        first_wanted: the first position whose final state is wanted, at most end - 1. Positions from here on can also
            be rewound to later without computing anything anew.
        shift: how many positions before its own a later loop's input lies (`LoopConfig.shift`).
    """
    wanted = first_wanted
    spans: list[LoopSpan] = []
    for state in reversed(later_loops):
        # A loop whose state is wanted at positions already cached must run there again, whatever it holds itself.
        resumes = wanted >= num_cached and state.reaches(num_cached, window_left, shift)
        floor = num_cached if resumes else 0
        span = LoopSpan(
            kv_start=tuple(max(floor, wanted - window_left * (num_layers - i)) for i in range(num_layers)),
            out_start=tuple(max(floor, wanted - window_left * (num_layers - 1 - i)) for i in range(num_layers)),
        )
        spans.append(span)
        wanted = _wanted_of_loop_below(span, wanted, num_cached if resumes else None, shift)
    start = min(num_cached, wanted)
    outputs = (start,) * (num_layers - 1) + (max(start, wanted),)
    spans.append(LoopSpan(kv_start=(start,) * num_layers, out_start=outputs))
    return PrefillPlan(start=start, end=end, loops=tuple(reversed(spans)))


def _wanted_of_loop_below(span: LoopSpan, wanted: int, resumed_at: int | None, shift: int) -> int:
    """First position at which loop r - 1's state is wanted: CLP shifts by one, and a held state need not be made."""
    first = span.input_start if span.input_start == resumed_at else max(0, span.input_start - shift)
    return min(first, wanted)

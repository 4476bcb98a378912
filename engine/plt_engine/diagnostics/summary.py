"""From the figures of samples to means with intervals, loop by loop and layer by layer.

It holds a few numbers a sample; models and pictures are not its business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plt_engine.diagnostics.figures import KINDS, FigureKind
from plt_engine.diagnostics.measure import Array, Measured, TokenTrace
from plt_engine.evaluation.metrics import Interval, bootstrap, paired_difference

METHOD = "95 % by bootstrap over samples, 2000 resamples"


@dataclass(frozen=True, slots=True)
class LoopValue:
    """A figure at one loop: over the samples, and where each layer has its own, layer by layer."""

    loop: int
    value: Interval
    layers: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure at every loop that has it, and how it differs from the loop before on the same samples."""

    kind: FigureKind
    loops: tuple[LoopValue, ...]
    changes: tuple[LoopValue, ...]

    def at(self, loop: int) -> LoopValue | None:
        """Its value at a loop, or None where it has none there."""
        return next((value for value in self.loops if value.loop == loop), None)


@dataclass(frozen=True, slots=True)
class Collected:
    """The figures of all samples, each [samples, loops] or [samples, loops, layers], and the traces of the first."""

    arrays: Mapping[str, Array]
    trace: tuple[TokenTrace, ...]

    @property
    def num_samples(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.arrays.values())))

    def by_loop(self, name: str) -> Array:
        """A figure [samples, loops], the mean over layers where it has them."""
        array = self.arrays[name]
        return array.mean(-1) if array.ndim == 3 else array


def collect(measured: Iterable[Measured]) -> Collected:
    """Take samples one by one; of all but the first only the figures are kept."""
    rows: dict[str, list[Array]] = {name: [] for name in KINDS}
    trace: tuple[TokenTrace, ...] = ()
    for sample in measured:
        trace = trace or sample.trace
        for name, value in sample.values.items():
            rows[name].append(value)
    return Collected({name: np.stack(values) for name, values in rows.items()}, trace)


def figures(collected: Collected, seed: int) -> tuple[Figure, ...]:
    """Every figure that exists at some loop; the samples drawn anew are the same for all, so that they stay paired."""
    found = (_figure(kind, collected, seed) for kind in KINDS.values())
    return tuple(figure for figure in found if figure.loops)


def _figure(kind: FigureKind, collected: Collected, seed: int) -> Figure:
    rows, layered = collected.by_loop(kind.name), collected.arrays[kind.name]
    ones = np.ones(len(rows))
    loops = []
    for i in range(rows.shape[1]):
        layers = layered[:, i].T if kind.by_layer else ()
        loops.append(
            LoopValue(
                kind.first_loop + i,
                bootstrap(rows[:, i], ones, seed),
                tuple(bootstrap(layer, ones, seed) for layer in layers),
            )
        )
    changes = [
        LoopValue(kind.first_loop + i, paired_difference(rows[:, i], rows[:, i - 1], ones, seed))
        for i in range(1, rows.shape[1])
    ]
    return Figure(kind, tuple(loops), tuple(changes))


def figure_named(found: Sequence[Figure], name: str) -> Figure | None:
    """The figure of this name, or None where no loop has it."""
    return next((figure for figure in found if figure.kind.name == name), None)

"""Running a model over one sample of text after another and taking every figure of each, a few numbers a sample.

Nothing of a sample stays but its figures, so memory does not grow with the text. It knows no files and no intervals.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from plt_engine.diagnostics import formulas
from plt_engine.diagnostics.figures import KINDS
from plt_engine.diagnostics.samples import Sample
from plt_engine.diagnostics.watch import ForwardWatch
from plt_engine.model import ModelWeights, full_forward, logits

ROWS_PER_HEAD = 64
"""Rows that pass through the output head at once: all of a sample's, [S, V] for two loops, could outweigh the model."""

Array = NDArray[np.float64]
Values = Mapping[str, Array]
"""By the figure's name: [loops], or [loops, layers] where each layer has its own; loops from the kind's first one."""


@dataclass(frozen=True, slots=True)
class TokenTrace:
    """What the loops did to the prediction of one token, for showing it in its text.

    Attributes:
        token_id: the token.
        losses: what it cost in nats at each exit, from loop 1.
        shifts: Delta_p of its prediction, from loop 2.
    """

    token_id: int
    losses: tuple[float, ...]
    shifts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """All of one sample."""

    values: Values
    trace: tuple[TokenTrace, ...]


@torch.inference_mode()
def measure(weights: ModelWeights, samples: Iterable[Sample], loops: int) -> Iterator[Measured]:
    """Every figure of every sample at loops 1..R, sample by sample.

    Position 0 only gives context: a sequence's first token draws attention and grows a state far larger than any
    other, which would stand for the text in every mean. So positions 1..S count, and of the predictions those that
    are made there.

    Args:
        weights: the model, with gates if `loops` is more than 1.
        samples: each of S + 1 ids.
        loops: R.
    """
    for sample in samples:
        yield _measure_one(weights, torch.tensor(sample.ids), loops)


def _measure_one(weights: ModelWeights, ids: Tensor, loops: int) -> Measured:
    attention = AttentionFigures(loops)
    watch = ForwardWatch(weights.norm, len(weights.layers), loops, attention.on_gate, attention.on_attention)
    # One more loop shows how far the last state is from a fixed point; a dense model has no such loop.
    further = 1 if weights.config.loop.num_loops > 1 else 0
    with watch:
        exits = full_forward(weights, ids[None], loops + further)
    states = [_exact(x)[1:] for x in (F.embedding(ids, weights.embed), *watch.states)]  # h^0..h^R, each [S, d]
    output = OutputFigures(ids[2:])
    for start in range(1, len(ids) - 1, ROWS_PER_HEAD):
        rows = slice(start, min(start + ROWS_PER_HEAD, len(ids) - 1))
        output.add(_exact(logits(weights, exit_state[0, rows])).log_softmax(-1) for exit_state in exits[:loops])
    values = {**state_figures(states, loops, weights.config.loop.shift), **attention.values(), **output.values()}
    return Measured({name: values[name] for name in KINDS}, output.trace())


def _exact(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def state_figures(states: list[Tensor], loops: int, shift: int) -> dict[str, Array]:
    """The figures of states.

    Args:
        states: h^0..h^R, and h^{R+1} where the model has a further loop; each [S, d].
        loops: R.
        shift: by how many positions a loop reads the one before behind.
    """
    R, h = loops, states
    steps = [formulas.step_size(h[r], h[r - 1]) for r in range(1, len(h))]
    return {
        "step_size": _array(steps[:R]),
        # f(h^r) is one more loop as the model runs it, so the gap at r is the step that the next loop makes.
        "fixed_point_gap": _array(steps[1:]),
        "angular_change": _array(formulas.angular_change(h[r], h[r - 1], h[r - 2]) for r in range(2, R + 1)),
        "offset_cost": _array(formulas.offset_cost(h[r - 1], shift) for r in range(2, R + 1)),
        "effective_rank": _array(formulas.effective_rank(h[r].double()) for r in range(1, R + 1)),
    }


class AttentionFigures:
    """Gathers gates and attention figures while a forward pass is watched; it keeps one loop's maps at a time."""

    def __init__(self, loops: int) -> None:
        self._before: dict[int, Tensor] = {}
        self._found: dict[str, list[list[float]]] = {
            name: [[] for _ in range(KINDS[name].first_loop, loops + 1)] for name in KINDS if KINDS[name].by_layer
        }

    def on_gate(self, loop: int, layer: int, gate: Tensor) -> None:
        """Take a gate [S, H]."""
        self._note("gate", loop, gate[1:].float().mean().item())

    def on_attention(self, loop: int, layer: int, log_weights: Tensor) -> None:
        """Take a layer's log attention weights [H, S, S]."""
        rows = log_weights[:, 1:]
        maps = rows.exp()
        self._note("attention_entropy", loop, formulas.entropy(maps).mean().item())
        self._note("head_similarity", loop, formulas.head_similarity(maps))
        self._note("head_effective_rank", loop, formulas.head_effective_rank(maps))
        if loop > 1:
            self._note("attention_shift", loop, formulas.divergence(rows, self._before[layer]).mean().item())
        self._before[layer] = rows

    def _note(self, name: str, loop: int, value: float) -> None:
        self._found[name][loop - KINDS[name].first_loop].append(value)

    def values(self) -> dict[str, Array]:
        """Each figure [loops, layers]."""
        return {name: np.array(rows, np.float64) for name, rows in self._found.items()}


class OutputFigures:
    """Gathers the figures of predictions, some rows at a time."""

    def __init__(self, true_ids: Tensor) -> None:
        self._true_ids = true_ids
        self._num_seen = 0
        self._losses: list[Tensor] = []
        self._ranks: list[Tensor] = []
        self._entropies: list[Tensor] = []
        self._shifts: list[Tensor] = []

    def add(self, log_probs: Iterable[Tensor]) -> None:
        """Take the log probabilities [rows, V] of the next rows at each exit in turn; two exits' are held at once."""
        losses, ranks, entropies, shifts = [], [], [], []
        before: Tensor | None = None
        for now in log_probs:
            true_ids = self._true_ids[self._num_seen : self._num_seen + len(now)]
            losses.append(F.nll_loss(now, true_ids, reduction="none"))
            ranks.append(formulas.true_ranks(now, true_ids))
            entropies.append(formulas.entropy(now.exp()))
            if before is not None:
                shifts.append(formulas.divergence(now, before))
            before = now
        self._num_seen += len(losses[0])
        self._losses.append(torch.stack(losses))
        self._ranks.append(torch.stack(ranks))
        self._entropies.append(torch.stack(entropies))
        self._shifts.append(torch.stack(shifts) if shifts else losses[0].new_zeros(0, len(losses[0])))

    def values(self) -> dict[str, Array]:
        """Each figure [loops], the mean over tokens."""
        ranks, shifts = torch.cat(self._ranks, 1), torch.cat(self._shifts, 1)
        return {
            "loss": _mean(torch.cat(self._losses, 1)),
            "lens_rank": _mean(ranks),
            "top_share": _mean(ranks == 1),
            "entropy": _mean(torch.cat(self._entropies, 1)),
            "output_shift": _mean(shifts),
            "peak_share": _peak_shares(shifts),
        }

    def trace(self) -> tuple[TokenTrace, ...]:
        """Token by token."""
        losses, shifts = torch.cat(self._losses, 1).T.tolist(), torch.cat(self._shifts, 1).T.tolist()
        ids = self._true_ids.tolist()
        return tuple(map(TokenTrace, ids, map(tuple, losses), map(tuple, shifts)))


def _peak_shares(shifts: Tensor) -> Array:
    if len(shifts) == 0:
        return _array(())
    peaks = formulas.peak_loops(shifts)
    return _array((peaks == r).double().mean().item() for r in range(2, len(shifts) + 2))


def _mean(rows: Tensor) -> Array:
    return _array(rows.double().mean(-1).tolist())


def _array(values: Iterable[float]) -> Array:
    return np.array(list(values), np.float64)

"""How long work takes: milliseconds from its size, per loop count, fitted on-line to what work took.

Pure arithmetic on plain data: it knows no clock, no file and no model, and each update yields a new value.

A time is a sum of five costs, each a coefficient that is never negative times an amount of work, so that predictions
grow with the work. An update moves the coefficients by the exponentiated gradient of the logarithmic error: costs stay
positive, units do not matter, and an outlier counts for no more than a factor of two.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

# After so many measurements half of an old speed is forgotten.
HALF_LIFE = 4.0
RATE = 1 - 0.5 ** (1 / HALF_LIFE)
MAX_STEP = math.log(2)
# So many measurements are averaged before one may count as an outlier, and before anything is predicted.
MIN_MEASURED = 3
KEPT_SHARE = 0.95
QUANTILE_STEP = 0.1
FIRST_ERROR, FIRST_SPREAD = 0.2, math.log(1.2)
MAX_SPREAD = math.log(3)
MIN_COEFFICIENT, MAX_COEFFICIENT = 1e-9, 1e9
MAX_MS = 1e7
# Of a token's time, for each loop more, where nothing was measured at that loop count.
GUESSED_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Work:
    """The size of some work.

    Attributes:
        num_requests: 1 where it is the beginning of a request, which has a cost of its own.
        num_positions: positions to read, over all loops: token-layers over layers (trapezoid.py).
        num_steps: tokens to decode one by one.
        num_context_tokens: the length of what they follow.
    """

    num_requests: int = 0
    num_positions: float = 0.0
    num_steps: float = 0.0
    num_context_tokens: int = 0

    @property
    def amounts(self) -> tuple[float, ...]:
        """What each coefficient is multiplied with: requests, positions and steps, and both times the context."""
        thousands = self.num_context_tokens / 1000
        return (
            float(self.num_requests),
            self.num_positions,
            self.num_positions * thousands,
            self.num_steps,
            self.num_steps * thousands,
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """Work at a loop count, and the milliseconds that it took."""

    loops: int
    work: Work
    ms: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Milliseconds that work is expected to take, and those that 95 in 100 like it do not exceed."""

    ms: float
    upper_ms: float


@dataclass(frozen=True, slots=True)
class LoopModel:
    """What is known of one loop count.

    Attributes:
        coefficients: milliseconds for each of Work.amounts; the first values only say which cost is how large beside
            the others, until something was measured.
        num_measured: measurements so far.
        error: the median relative error of the predictions.
        spread: the logarithm of actual over predicted time that 95 in 100 do not exceed.
    """

    coefficients: tuple[float, ...] = (2.0, 1.0, 0.1, 25.0, 5.0)
    num_measured: int = 0
    error: float = FIRST_ERROR
    spread: float = FIRST_SPREAD

    def ms(self, work: Work) -> float:
        """Milliseconds for some work."""
        return sum(c * amount for c, amount in zip(self.coefficients, work.amounts, strict=True))

    def predict(self, work: Work) -> Prediction:
        """The prediction for some work."""
        ms = self.ms(work)
        return Prediction(ms, ms * math.exp(self.spread))

    def after(self, work: Work, ms: float) -> "LoopModel":
        """With one more measurement taken into account."""
        expected = self.ms(work)
        error = math.log(ms / expected)
        rate = max(RATE, 1 / (self.num_measured + 1))
        if self.num_measured >= MIN_MEASURED:
            error = max(-MAX_STEP, min(MAX_STEP, error))
        shares = [c * amount / expected for c, amount in zip(self.coefficients, work.amounts, strict=True)]
        step = rate * error / sum(share * share for share in shares)
        # No cost moves by more than the error itself, however little of the work it explains.
        moved = (
            c * math.exp(max(-abs(error), min(abs(error), step * s)))
            for c, s in zip(self.coefficients, shares, strict=True)
        )
        bounded = tuple(max(MIN_COEFFICIENT, min(MAX_COEFFICIENT, c)) for c in moved)
        return replace(self, coefficients=bounded, num_measured=self.num_measured + 1)

    def judged(self, work: Work, ms: float) -> "LoopModel":
        """With the error of its prediction for some work, which took so long, taken into account."""
        ratio = math.log(ms / self.ms(work))
        error = self.error * math.exp(QUANTILE_STEP if abs(ratio) > self.error else -QUANTILE_STEP)
        exceeded = KEPT_SHARE if ratio > self.spread else KEPT_SHARE - 1
        spread = self.spread + QUANTILE_STEP * exceeded
        return replace(self, error=max(0.005, min(3.0, error)), spread=max(0.0, min(MAX_SPREAD, spread)))


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """What is known of every loop count of one model on one machine."""

    loops: Mapping[int, LoopModel] = field(default_factory=dict)

    def predict(self, loops: int, work: Work) -> Prediction | None:
        """The prediction for some work, or None where no loop count has been measured yet.

        A loop count that was not measured is guessed from the nearest that was.
        """
        model = self.model_of(loops)
        return None if model is None else model.predict(work)

    def model_of(self, loops: int) -> LoopModel | None:
        """What is known of a loop count, or guessed."""
        known = {count: model for count, model in self.loops.items() if model.num_measured >= MIN_MEASURED}
        if loops in known:
            return known[loops]
        if not known:
            return None
        nearest = min(known, key=lambda count: (abs(count - loops), count))
        return _guessed(known[nearest], loops - nearest)

    def observe(self, found: Measurement) -> "LatencyModel":
        """With one more measurement taken into account; one that cannot be true changes nothing."""
        if not _is_sane(found):
            return self
        model = self.loops.get(found.loops) or self.model_of(found.loops) or LoopModel()
        return LatencyModel({**self.loops, found.loops: model.after(found.work, found.ms)})

    def judge(self, found: Measurement) -> "LatencyModel":
        """With the error of what it would have predicted taken into account."""
        model = self.loops.get(found.loops)
        if model is None or model.num_measured < MIN_MEASURED or not _is_sane(found):
            return self
        return LatencyModel({**self.loops, found.loops: model.judged(found.work, found.ms)})


def fitted(model: LatencyModel, found: Iterable[Measurement], rounds: int = 40) -> LatencyModel:
    """A model with many measurements taken into account at once, whatever their order; each counts once."""
    measurements, fit = list(found), model
    for _ in range(rounds):
        for measurement in measurements:
            fit = fit.observe(measurement)
    counts = Counter(measurement.loops for measurement in measurements if _is_sane(measurement))
    before = {loops: one.num_measured for loops, one in model.loops.items()}
    return LatencyModel(
        {loops: replace(one, num_measured=before.get(loops, 0) + counts[loops]) for loops, one in fit.loops.items()}
    )


def _guessed(model: LoopModel, num_more: int) -> LoopModel:
    """The model of another loop count: positions are counted over all loops, so that only a decoded token differs."""
    factor = max(0.5, 1 + GUESSED_SHARE * num_more)
    request, position, position_context, step, step_context = model.coefficients
    coefficients = (request, position, position_context, step * factor, step_context * factor)
    return LoopModel(coefficients, num_measured=0, error=model.error, spread=model.spread)


def _is_sane(found: Measurement) -> bool:
    amounts = found.work.amounts
    is_finite = math.isfinite(found.ms) and all(math.isfinite(amount) and amount >= 0 for amount in amounts)
    return is_finite and 0 < found.ms <= MAX_MS and any(0 < amount <= MAX_MS for amount in amounts)

"""Which loop count, how many tokens and how much context a request gets within its latency budget: a pure policy.

It knows numbers only: no clock, no model, no text. Quality goes in this order: first fewer loops are taken, then fewer
tokens, then less context, so that a larger budget never yields less of what stands earlier in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plt_engine.latency import Prediction
from plt_engine.types import DecisionReason, RequestKind

# A loop count must gain so much, in bits per byte, to be worth more time than a smaller one.
MIN_GAIN = 0.002
# A better loop count than the last must fit into this share of the budget, and so often in a row.
RISING_SHARE, RISING_STREAK = 0.85, 3

Predict = Callable[[int, int, int], Prediction | None]
"""The time for a loop count, a number of prompt tokens and a number of answer tokens; None where it is not known."""


@dataclass(frozen=True, slots=True)
class LoopOption:
    """A loop count with evidence, and its quality in bits per byte (lower is better) where it was measured."""

    loops: int
    bits_per_byte: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of request can do without.

    Attributes:
        min_tokens: the fewest tokens that are an answer, or None where none may be missing.
        min_context_tokens: the least context, or None where none may be missing.
        expected_tokens: what an answer usually needs.
        ends_with_budget: whether the text gets no more tokens than its answer; otherwise it may grow on behind it.
        ends_with_line: whether the first line is an answer.
        answer_tokens: tokens that are an answer, or None where it takes all that the budget allows.
    """

    min_tokens: int | None
    min_context_tokens: int | None
    expected_tokens: int
    ends_with_budget: bool = False
    ends_with_line: bool = False
    answer_tokens: int | None = None


RULES = {
    RequestKind.TYPING: Rule(min_tokens=1, min_context_tokens=32, expected_tokens=8, ends_with_line=True),
    RequestKind.INVOKED: Rule(min_tokens=16, min_context_tokens=512, expected_tokens=32, ends_with_budget=True),
    RequestKind.EXPLAIN: Rule(min_tokens=1, min_context_tokens=1024, expected_tokens=1, answer_tokens=1),
    RequestKind.REFACTOR: Rule(min_tokens=None, min_context_tokens=None, expected_tokens=256),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What the policy is asked.

    Attributes:
        kind: of the request.
        budget_ms: within which the answer is wanted.
        max_tokens: the most tokens wanted, at least 1.
        contexts: prompt lengths to choose from, the whole prompt first, then ever shorter ones.
    """

    kind: RequestKind
    budget_ms: float
    max_tokens: int
    contexts: tuple[int, ...]

    @property
    def expected_tokens(self) -> int:
        """Tokens that the answer is expected to need."""
        return max(1, min(RULES[self.kind].expected_tokens, self.max_tokens))

    @property
    def min_tokens(self) -> int:
        """The fewest tokens that are worth an answer."""
        least = RULES[self.kind].min_tokens
        return self.expected_tokens if least is None else max(1, min(least, self.expected_tokens))


@dataclass(frozen=True, slots=True)
class Held:
    """What the policy remembers of the last request like this one.

    Attributes:
        loops: the count that it chose, or None before the first.
        num_fits: how often in a row a better count has fitted since.
    """

    loops: int | None = None
    num_fits: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The policy's answer.

    Attributes:
        loops: the loop count.
        num_context_tokens: one of the task's contexts.
        num_answer_tokens: the most tokens that the answer may have by the end of the budget.
        reason: what decided.
        prediction: for an answer of the expected length, or of `num_answer_tokens` where that is less.
    """

    loops: int
    num_context_tokens: int
    num_answer_tokens: int
    reason: DecisionReason
    prediction: Prediction | None = None


def preference(options: Sequence[LoopOption], default: int) -> tuple[int, ...]:
    """The loop counts worth choosing from, the best first; each costs less than the one before it.

    Where the quality of every count was measured, a count stands before the smaller ones that it is better than, and is
    left out where it is no better than a smaller one. Otherwise the default stands first, then the counts below it: of
    the counts above nobody knows that they are worth their time.
    """
    counts = {option.loops: option.bits_per_byte for option in options}
    ascending, kept = sorted(counts), list[int]()
    if any(quality is None for quality in counts.values()):
        return tuple(sorted((count for count in counts if count <= default), reverse=True))
    best = float("inf")
    for count in ascending:
        quality = counts[count]
        assert quality is not None, "all were measured"
        if not kept or quality < best - MIN_GAIN:
            kept.insert(0, count)
            best = quality
    return tuple(kept)


def choose(task: Task, counts: Sequence[int], predict: Predict, held: Held) -> tuple[Choice, Held]:
    """The best that fits, and what to remember of it.

    Args:
        task: what is asked.
        counts: the loop counts to choose from, at least one, the best first (see `preference`).
        predict: the time of each; must grow with tokens and context.
        held: what was remembered of the last request like this one.
    """
    whole = task.contexts[0]
    if all(predict(count, whole, 1) is None for count in counts):
        loops = held.loops if held.loops is not None and held.loops in counts else counts[0]
        return Choice(loops, whole, task.max_tokens, DecisionReason.NOT_MEASURED), Held(loops)
    found = _with_everything(task, counts, predict, held) or _with_less(task, counts, predict)
    if held.loops is None or held.loops not in counts or counts.index(found.loops) >= counts.index(held.loops):
        return found, Held(found.loops)
    if held.num_fits + 1 >= RISING_STREAK:
        return found, Held(found.loops)
    kept = _at(task, held.loops, predict, 1.0, DecisionReason.HELD)
    if kept is None:
        return found, Held(found.loops)
    return kept, Held(held.loops, held.num_fits + 1)


def _with_everything(task: Task, counts: Sequence[int], predict: Predict, held: Held) -> Choice | None:
    """The best loop count that fits with the whole prompt and the expected tokens."""
    for i, loops in enumerate(counts):
        rises = held.loops in counts and i < counts.index(held.loops)
        reason = DecisionReason.FITS if i == 0 else DecisionReason.FEWER_LOOPS
        found = _at(task, loops, predict, RISING_SHARE if rises else 1.0, reason)
        if found is not None:
            return found
    return None


def _at(task: Task, loops: int, predict: Predict, share: float, reason: DecisionReason) -> Choice | None:
    """A loop count with the whole prompt and at least the expected tokens, where that fits."""
    whole, expected = task.contexts[0], task.expected_tokens
    if not _fits(predict(loops, whole, expected), share * task.budget_ms):
        return None
    num_tokens = _most_tokens(task, loops, whole, predict, expected)
    return Choice(loops, whole, num_tokens, reason, predict(loops, whole, expected))


def _with_less(task: Task, counts: Sequence[int], predict: Predict) -> Choice:
    """Fewer tokens than expected at the fastest loop count, then less context with the fewest."""
    known = [count for count in counts if predict(count, task.contexts[0], 1) is not None]
    loops = min(known, key=lambda count: (_upper_ms(predict(count, task.contexts[0], 1)), count))
    reasons = [DecisionReason.FEWER_TOKENS, *[DecisionReason.LESS_CONTEXT] * (len(task.contexts) - 1)]
    for context, reason in zip(task.contexts, reasons, strict=True):
        if _fits(predict(loops, context, task.min_tokens), task.budget_ms):
            num_tokens = _most_tokens(task, loops, context, predict, task.min_tokens)
            shown = min(num_tokens, task.expected_tokens)
            return Choice(loops, context, num_tokens, reason, predict(loops, context, shown))
    num_tokens = task.min_tokens
    # Not always the shortest: a longer one that has been read already is ready sooner.
    context = min(task.contexts, key=lambda context: _upper_ms(predict(loops, context, num_tokens)))
    return Choice(loops, context, num_tokens, DecisionReason.OVER_BUDGET, predict(loops, context, num_tokens))


def _most_tokens(task: Task, loops: int, context: int, predict: Predict, least: int) -> int:
    """The most tokens that fit, where `least` do."""
    low, high = least, task.max_tokens
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(predict(loops, context, middle), task.budget_ms) else (low, middle - 1)
    return low


def _fits(prediction: Prediction | None, budget_ms: float) -> bool:
    return prediction is not None and prediction.upper_ms <= budget_ms


def _upper_ms(prediction: Prediction | None) -> float:
    return float("inf") if prediction is None else prediction.upper_ms

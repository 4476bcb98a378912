"""What an exit after loop 1 costs in quality: both loops' views of held-out text, and a threshold learned on them.

It does not decode and measures no time: a token's distribution is loop 1's where that is sure, loop 2's elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plt_engine.evaluation.cases import CaseCounts, draw_cases
from plt_engine.evaluation.metrics import Interval, bootstrap, paired_difference
from plt_engine.runner import ModelRunner
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.documents import end_id
from plt_engine.training.sources import SourceFile

PIECE_CHARS = 900
# Thresholds at which no token exits, and every one.
NEVER, ALWAYS = 1.1, 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """A stretch of held-out text as tokens, the end token first, and its length in UTF-8 bytes."""

    ids: tuple[int, ...]
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Scores:
    """What both loops say of every token of one text, each [T].

    Attributes:
        top: loop 1's top probability.
        bits_1: the true token's cost under loop 1; `bits_2` under loop 2.
        differs: whether the two have different likeliest tokens.
        num_bytes: the text's length.
    """

    top: NDArray[np.float64]
    bits_1: NDArray[np.float64]
    bits_2: NDArray[np.float64]
    differs: NDArray[np.bool_]
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Quality:
    """One threshold on the reported half; differences are of bits per byte, below zero where the exit is better."""

    threshold: float
    skipped: Interval
    agreement: Interval
    bits_per_byte: Interval
    less_loop_1: Interval
    less_loop_2: Interval


def halves(files: Sequence[SourceFile]) -> tuple[list[SourceFile], list[SourceFile]]:
    """Files to learn from and files to report on; no package is in both."""
    packages = sorted({file.package for file in files})
    learned = set(packages[::2])
    return [f for f in files if f.package in learned], [f for f in files if f.package not in learned]


def texts_of(files: Sequence[SourceFile], num: int, tokenizer: Tokenizer, seed: int) -> list[Text]:
    pieces = draw_cases(files, CaseCounts(num, 0, 0), seed).pieces
    texts = [piece.text[:PIECE_CHARS] for piece in pieces]
    return [Text((end_id(tokenizer), *tokenizer.encode(text)), len(text.encode())) for text in texts]


def score(runner: ModelRunner, text: Text) -> Scores:
    """Both loops' views of a text, by prefill."""
    ids, wanted = list(text.ids[:-1]), torch.tensor(text.ids[1:])
    rows = [_log_probabilities(runner, ids, loops) for loops in (1, 2)]
    bits = [-row.gather(1, wanted[:, None])[:, 0].double().numpy() / math.log(2) for row in rows]
    differs = (rows[0].argmax(-1) != rows[1].argmax(-1)).numpy()
    return Scores(rows[0].amax(-1).exp().double().numpy(), bits[0], bits[1], differs, text.num_bytes)


def _log_probabilities(runner: ModelRunner, ids: list[int], loops: int) -> Tensor:
    states = runner.prefill(runner.new_cache(loops), ids, first_wanted=0)
    assert states is not None, "nothing aborts this prefill"
    return runner.logits(states).float().log_softmax(-1)


def learn_threshold(scores: Sequence[Scores], bound: float) -> float:
    """The smallest threshold at which at most a share `bound` of all tokens would be other than loop 2's."""
    top = np.concatenate([one.top for one in scores])
    differs = np.concatenate([one.differs for one in scores])
    order = np.argsort(-top)
    wrong = np.cumsum(differs[order]) / top.size  # the share that is wrong where the surest n tokens exit
    too_many = np.flatnonzero(wrong > bound)
    if too_many.size == 0:
        return ALWAYS
    first = too_many[0]
    return float(np.nextafter(top[order][first], 2))


def threshold_of_share(scores: Sequence[Scores], unsure: float) -> float:
    """The threshold that a share `unsure` of the tokens stays below."""
    return float(np.quantile(np.concatenate([one.top for one in scores]), unsure))


def quality(scores: Sequence[Scores], threshold: float, seed: int) -> Quality:
    """What exiting exactly at this threshold does: loop 1's distribution where it is sure, loop 2's elsewhere."""
    sure = [one.top >= threshold for one in scores]
    num_tokens = [float(one.top.size) for one in scores]
    num_bytes = [float(one.num_bytes) for one in scores]
    pairs = list(zip(scores, sure, strict=True))
    bits = [float(np.where(skips, one.bits_1, one.bits_2).sum()) for one, skips in pairs]
    return Quality(
        threshold,
        bootstrap([float(skips.sum()) for skips in sure], num_tokens, seed),
        bootstrap([float((~(one.differs & skips)).sum()) for one, skips in pairs], num_tokens, seed),
        bootstrap(bits, num_bytes, seed),
        paired_difference(bits, [float(one.bits_1.sum()) for one in scores], num_bytes, seed),
        paired_difference(bits, [float(one.bits_2.sum()) for one in scores], num_bytes, seed),
    )

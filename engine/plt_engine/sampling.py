"""How one token is chosen from a model's logits.

It knows tensors of one step only: no text, no state beyond the random generator that it is given.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from plt_engine.errors import RequestError
from plt_engine.types import SamplingParams


class Sampler:
    """Chooses tokens as `SamplingParams` ask; with a seed, repeatably.

    Raises:
        RequestError: a parameter is out of its range.
    """

    def __init__(self, params: SamplingParams) -> None:
        if not params.temperature >= 0:
            raise RequestError(f"temperature is {params.temperature}; it must be 0 (greedy) or more.")
        if not 0 < params.top_p <= 1:
            raise RequestError(f"top_p is {params.top_p}; it must be over 0 and at most 1.")
        self._params = params
        self._generator = torch.Generator()
        if params.seed is not None:
            self._generator.manual_seed(params.seed)
        else:
            self._generator.seed()

    def choose(self, logits: Tensor, allowed: Sequence[int] | Tensor | None = None) -> int:
        """The next token's id from logits [V], among `allowed` ids where they are given (at least one)."""
        if allowed is None:
            return self._choose(logits)
        ids = torch.as_tensor(allowed, device=logits.device)
        return int(ids[self._choose(logits[ids])])

    def _choose(self, logits: Tensor) -> int:
        if self.is_greedy:
            return int(logits.argmax())
        probabilities = torch.softmax(logits.float().cpu() / self._params.temperature, -1)
        ordered, ids = probabilities.sort(descending=True)
        # A token stays if the tokens before it have not reached top_p yet; so the first always stays.
        ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= self._params.top_p, 0)
        return int(ids[torch.multinomial(ordered, 1, generator=self._generator)])

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self._params.temperature == 0


def log_probability(logits: Tensor, token: int) -> float:
    """Natural logarithm of a token's probability under logits [V], before any temperature or choice."""
    wide = logits.float()
    return float(wide[token] - wide.logsumexp(-1))

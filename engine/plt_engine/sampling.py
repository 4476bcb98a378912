"""How one token is chosen from a model's logits.

It knows tensors of one step only: no text, no state beyond the random generator that it is given.
"""

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

    def choose(self, logits: Tensor) -> int:
        """The next token's id from logits [V]."""
        if self._params.temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits.float().cpu() / self._params.temperature, -1)
        ordered, ids = probabilities.sort(descending=True)
        # A token stays if the tokens before it have not reached top_p yet; so the first always stays.
        ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= self._params.top_p, 0)
        return int(ids[torch.multinomial(ordered, 1, generator=self._generator)])

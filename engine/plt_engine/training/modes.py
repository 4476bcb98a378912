"""What is seen of a forward pass from outside, without the definition knowing that it is watched.

A mode is told of every torch function that the code inside it calls; it does not know which model calls.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class GateMeans(TorchFunctionMode):
    """While active, keeps the mean of every sigmoid: in the forward pass only gates are sigmoids (silu is its own)."""

    def __init__(self) -> None:
        super().__init__()
        self.means: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        result: object = func(*args, **(kwargs or {}))
        if func is torch.sigmoid and isinstance(result, Tensor):
            self.means.append(result.detach().float().mean())
        return result

    @property
    def mean(self) -> float | None:
        """The mean over all gates seen, or None where there was none."""
        return torch.stack(self.means).mean().item() if self.means else None

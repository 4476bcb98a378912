"""Random tiny models of every shape that the engine's tests go through; it knows no packs and no files."""

from dataclasses import replace
from typing import Any

import torch

from plt_engine.config import LoopConfig, ModelConfig
from plt_engine.model import ModelWeights, full_forward, init_random, logits


def tiny_config(**loop: Any) -> ModelConfig:
    return ModelConfig(
        vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, head_dim=4, loop=replace(LoopConfig(1, 5, 0.707, 0.3), **loop),
    )  # fmt: skip


def tiny_model(seed: int = 0, **loop: Any) -> ModelWeights:
    return init_random(tiny_config(**loop), seed, torch.float64)


def random_tokens(num: int, seed: int = 0) -> list[int]:
    return torch.randint(0, 61, (num,), generator=torch.Generator().manual_seed(seed)).tolist()


def fresh_logits(weights: ModelWeights, tokens: list[int], loops: int) -> torch.Tensor:
    """The definition's logits [T, V] at every position."""
    return logits(weights, full_forward(weights, torch.tensor([tokens]), loops)[-1][0])


def assert_same(got: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-10) -> None:
    assert got.shape == expected.shape
    if got.numel() == 0:
        return
    difference = (got - expected).abs()
    assert torch.isfinite(got).all()
    assert difference.max() <= tolerance, f"max {difference.max():.3g}, mean {difference.mean():.3g}"

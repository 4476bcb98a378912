"""The tolerance of each dtype, and a comparison whose message says how far off a result is and on average."""

import torch

# Inputs are rounded to the dtype before both sides see them; what is allowed is rounding inside and of the result.
TOLERANCES = {torch.float32: 3e-6, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def assert_close(got: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype, factor: float = 1.0) -> None:
    """Fail unless got lies within the dtype's tolerance of expected, relative to its largest number or to 1."""
    assert got.shape == expected.shape, f"shape {[*got.shape]}, expected {[*expected.shape]}"
    if expected.numel() == 0:
        return
    difference = (got.double() - expected.double()).abs()
    allowed = factor * TOLERANCES[dtype] * max(1.0, float(expected.double().abs().max()))
    # A NaN is no number that is at most what is allowed, hence fails.
    assert bool((difference <= allowed).all()), (
        f"max difference {float(difference.max()):.3g}, mean {float(difference.mean()):.3g}, allowed {allowed:.3g}"
    )

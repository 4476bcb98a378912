"""The figures of a looped model's states, attention and output, as pure functions of tensors (LoopCoder-v2, 3.2).

They know no model and no text. Letters: S positions, d model width, H heads, K keys, V vocabulary; r counts loops, and
the state h^0 is the embedding. Every mean is over the rows that are given; which rows count is the caller's choice.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def step_size(states: Tensor, before: Tensor) -> float:
    """delta(r) = mean_i ||h^r_i - h^{r-1}_i||; both [S, d]."""
    return float((states - before).norm(dim=-1).mean())


def angular_change(states: Tensor, before: Tensor, two_before: Tensor) -> float:
    """cos(r): the mean cosine between the steps of loops r and r-1; each [S, d]. Below 0 the states swing back."""
    return F.cosine_similarity(states - before, before - two_before, dim=-1).mean().item()


def offset_cost(states: Tensor, shift: int) -> float:
    """Omega(r) = mean_i ||h^{r-1}_i - h^{r-1}_{i-shift}||, the price of handing a state on to a later position.

    Args:
        states: h^{r-1} [S, d], S > shift.
        shift: by how many positions the next loop reads behind; 0 where it reads at its own, which costs nothing.
    """
    return float((states[shift:] - states[: len(states) - shift]).norm(dim=-1).mean())


def effective_rank(rows: Tensor) -> float:
    """exp(-sum s log s) of the singular values of `rows` [S, d], normalised to sum 1; each row is first RMS-normed.

    It is 1 where all rows point the same way, and at most min(S, d).
    """
    unit = F.normalize(rows, dim=-1)  # RMS norm but for a common factor, which the singular values' share leaves out
    return _spread(torch.linalg.svdvals(unit)).item()


def _spread(amounts: Tensor) -> Tensor:
    """The exponential of the entropy of non-negative amounts, of the shares that they have of their sum."""
    shares = amounts / amounts.sum()
    return torch.exp(torch.special.entr(shares).sum())


def mixed_log_weights(gate: Tensor, log_global: Tensor, log_local: Tensor) -> Tensor:
    """log(g A_global + (1 - g) A_local): where a gated loop looks, as one distribution over positions.

    Args:
        gate: [H, S], in [0, 1].
        log_global: [H, S, K], minus infinity where nothing is seen; `log_local` likewise.

    Returns:
        [H, S, K].
    """
    # A gate that is closed to the last bit would make the logarithm of its part minus infinity, and a KL infinite.
    tiny = torch.finfo(gate.dtype).tiny
    to_global = gate.clamp(min=tiny).log().unsqueeze(-1)
    to_local = (1 - gate).clamp(min=tiny).log().unsqueeze(-1)
    return torch.logaddexp(to_global + log_global, to_local + log_local)


def entropy(weights: Tensor) -> Tensor:
    """-sum_j A_j log A_j in nats over the last dimension, where A sums to 1; a weight of 0 counts nothing."""
    entropies: Tensor = torch.special.entr(weights).sum(-1)
    return entropies


def divergence(log_weights: Tensor, log_before: Tensor) -> Tensor:
    """KL(A || A_before) in nats over the last dimension, of log A and log A_before; a weight of 0 counts nothing."""
    weights = log_weights.exp()
    return torch.where(weights > 0, weights * (log_weights - log_before), 0.0).sum(-1)


def head_similarity(maps: Tensor) -> float:
    """The mean cosine between the attention maps of two heads, over all pairs; maps [H, S, K]. One head is like itself.

    A map is taken as one long vector of all its weights.
    """
    cosines = _head_cosines(maps)
    H = len(cosines)
    return 1.0 if H == 1 else ((cosines.sum() - cosines.trace()) / (H * (H - 1))).item()


def head_effective_rank(maps: Tensor) -> float:
    """How many different maps the heads have: the effective rank of the H maps as unit vectors; from 1 to H."""
    singular = torch.linalg.eigvalsh(_head_cosines(maps).double()).clamp(min=0).sqrt()
    return _spread(singular).item()


def _head_cosines(maps: Tensor) -> Tensor:
    unit = F.normalize(maps.flatten(1), dim=-1)  # [H, S*K]
    return unit @ unit.T


def true_ranks(log_probs: Tensor, true_ids: Tensor) -> Tensor:
    """The place of each true token among all by probability, from 1; log_probs [S, V], true_ids [S], result [S].

    Tokens of the same probability stand before it: a model that gives all the same has found nothing.
    """
    own = log_probs.gather(-1, true_ids[:, None])
    return (log_probs >= own).sum(-1)


def peak_loops(shifts: Tensor) -> Tensor:
    """r* = argmax_r Delta_p(r) for each token: the loop that changes its prediction most.

    Args:
        shifts: Delta_p of loops 2..R, [R-1, S]; of equal ones the first counts.

    Returns:
        The loop's number, [S].
    """
    return shifts.argmax(0) + 2

"""Decoding with an exit per token: loop 2's row of a token is computed only where loop 1 is not certain of the next.

It is an experiment and no part of the engine. It runs two-loop PLTs on a CPU, knows neither text nor time, and leaves
a cache that only it can go on with: the later loop's state lags behind by the rows that were put off.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.config import LoopRule
from plt_engine.decode import WIDE, DecodePass, DecodeWeights
from plt_engine.fused import FusedModel
from plt_engine.kv_cache import REWIND_TOKENS, KVCache
from plt_engine.runner import ModelRunner
from plt_kernels import reference


@dataclass(frozen=True, slots=True)
class ExitRule:
    """When loop 2 is skipped, and what becomes of the state that it would have left.

    Attributes:
        threshold: a token is loop 1's where its top probability is at least this: over 1 never, 0 always.
        max_pending: rows that are put off at most; then they are computed whether they are needed or not.
        is_exact: whether skipped rows are computed when the next unsure token needs their keys and values; otherwise
            they never are, and loop 1's keys and values of the position stand in for them.
        dwells: whether the token after an unsure one is run with both loops in one pass, as long as loop 2 stays
            unsure itself: unsure tokens come in groups, and one pass is cheaper than two.
    """

    threshold: float
    max_pending: int = 6
    is_exact: bool = True
    dwells: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What one token led to: the logits [V] to choose the next from, and whether loop 2's row was skipped for them."""

    logits: Tensor
    is_skipped: bool


class LaterRows:
    """Loop 2 alone over a few positions whose loop 1 is done: what the weights are read a second time for."""

    def __init__(self, model: FusedModel, weights: DecodeWeights) -> None:
        c = model.config
        self._model, self._weights = model, weights
        self._dtype = model.plan.dtype
        self._wide = WIDE.get(self._dtype, self._dtype)
        self._eps = c.hidden_size * c.rms_norm_eps
        self._H, self._KV, self._D = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        self._window = c.loop.window_left

    def __call__(self, x: Tensor, turns: Tensor, cache: KVCache, start: int) -> Tensor:
        """Run loop 2, appending its keys and values to the rings.

        Args:
            x: its inputs at positions start .. start+T-1, [T, d].
            turns: the positions' rotations, complex [T, D/2].
            cache: holds loop 1 of all of them and loop 2 up to `start`; its rings have room for w_left + T positions.
            start: the first position.

        Returns:
            The final states [T, d].
        """
        num = x.shape[0]
        views = cache.row_views(start + num - 1)
        seen = self._causal_mask(start, num), self._ring_mask(start, num, views.ring_keys[0].shape[2])
        x = x.to(self._wide)
        for i, layer in enumerate(self._model.layers):
            unit = self._unit(x)
            q, kv = self._rotated(layer.qkv((unit * self._weights.input_norms[i]).to(self._dtype)), turns)
            cache.write_local(i, 2, start, kv)
            shared = F.scaled_dot_product_attention(q, views.keys[i], views.values[i], attn_mask=seen[0])
            local = F.scaled_dot_product_attention(q, views.ring_keys[i], views.ring_values[i], attn_mask=seen[1])
            y = self._mixed(i, local, shared, unit, q)
            x = x + layer.o(y)
            gate_up = layer.gate_up((self._unit(x) * self._weights.post_norms[i]).to(self._dtype))
            gate, up = gate_up.chunk(2, -1)
            x = x + layer.down(F.silu(gate).mul_(up))
        return (self._unit(x) * self._weights.norm).to(self._dtype)

    def _unit(self, x: Tensor) -> Tensor:
        """Rows [T, d] over sqrt(sum x^2 + d * eps); the norms' weights hold the factor sqrt(d)."""
        return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + self._eps)

    def _rotated(self, qkv: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Rotated q [1, KV, T * G, D], and rotated k with v [T, 2, KV, D], of qkv [T, (H + 2 KV) * D]."""
        num, H, KV, D = qkv.shape[0], self._H, self._KV, self._D
        halves = qkv.view(num, H + 2 * KV, 2, D // 2).to(self._wide)
        pairs = torch.view_as_complex(halves.transpose(-1, -2).contiguous())  # [T, H + 2 KV, D/2]
        pairs[:, : H + KV] *= turns[:, None]
        turned = torch.view_as_real(pairs).transpose(-1, -2).to(self._dtype).reshape(num, H + 2 * KV, D)
        q = turned[:, :H].view(num, KV, H // KV, D).transpose(0, 1).reshape(1, KV, num * (H // KV), D)
        return q, turned[:, H:].view(num, 2, KV, D)

    def _mixed(self, i: int, local: Tensor, shared: Tensor, unit: Tensor, q: Tensor) -> Tensor:
        """Local and shared attention [1, KV, T * G, D] mixed by the layer's gate, [T, H * D]."""
        weights = self._weights.gates[i]
        assert weights is not None, "a model with two loops has a gate in every layer; the loader sees to it"
        num, H, KV, D = unit.shape[0], self._H, self._KV, self._D
        rows = (KV, num, H // KV, D)
        if weights.reads_hidden:
            gate = F.linear(unit, weights.weight, weights.bias)
        else:
            by_head = q.view(rows).transpose(0, 1).reshape(num, H, D).to(self._wide)
            gate = (by_head * weights.weight).sum(-1) + weights.bias
        mixing = torch.sigmoid(gate).to(self._dtype).view(num, KV, H // KV, 1)
        y = torch.lerp(local.view(rows).transpose(0, 1), shared.view(rows).transpose(0, 1), mixing)
        return y.reshape(num, H * D)

    def _causal_mask(self, start: int, num: int) -> Tensor | None:
        """[T * G, start + T] for keys in order; None for one row, which sees them all."""
        if num == 1:
            return None
        return self._mask(torch.arange(start + num)[None] <= torch.arange(start, start + num)[:, None])

    def _ring_mask(self, start: int, num: int, ring_size: int) -> Tensor:
        """[T * G, C] for keys in the ring's slots."""
        last = start + num - 1
        held = last - (last - torch.arange(ring_size)) % ring_size  # the position in each slot
        age = torch.arange(start, start + num)[:, None] - held
        return self._mask((age >= 0) & (age <= self._window) & (held >= 0))

    def _mask(self, seen: Tensor) -> Tensor:
        bias = torch.zeros(seen.shape, dtype=self._dtype).masked_fill_(~seen, -torch.inf)
        return bias.repeat_interleave(self._H // self._KV, 0)


class EarlyExit:
    """Decodes one sequence after the other by an `ExitRule`.

    What is exact: loop 1's states and the shared KV, which do not depend on loop 2, and, where the rule is exact,
    loop 2's distribution at every token that it is asked for. What is approximate: a skipped token's distribution is
    loop 1's; and where the rule is not exact, what loop 2 sees of its own past at the positions that were skipped.
    """

    def __init__(self, runner: ModelRunner, rule: ExitRule) -> None:
        config, loop = runner.config, runner.config.loop
        if loop.num_loops != 2 or loop.rule != LoopRule.PARALLEL or not loop.normalize_per_loop:
            raise ValueError(f"{loop} cannot exit early here; it takes two parallel loops, normalised in between")
        self._runner, self._rule, self._loop = runner, rule, loop
        weights = DecodeWeights.of(runner.model)
        self._one, self._both = DecodePass(runner.model, weights, 1), DecodePass(runner.model, weights, 2)
        self._later = LaterRows(runner.model, weights)
        wide = WIDE.get(runner.dtype, runner.dtype)
        self._turns = reference.rope_turns(runner.max_tokens, config.head_dim, config.rope_theta, wide)
        self._cache = self.new_cache()
        self._pending: list[int] = []
        self._was_unsure = False

    def new_cache(self) -> KVCache:
        """A cache with rings long enough for the rows that are put off."""
        return self._runner.new_cache(2, max(REWIND_TOKENS, self._rule.max_pending))

    def begin(self, cache: KVCache) -> None:
        """Go on from a cache that `new_cache` made and a prefill at two loops filled."""
        assert cache.is_ready and cache.rewind_tokens >= self._rule.max_pending
        self._cache, self._pending, self._was_unsure = cache, [], False

    @torch.inference_mode()
    def step(self, token: int) -> Step:
        """Append one token: loop 1's row, and loop 2's where it is not certain of what follows."""
        position = self._cache.num_tokens
        self._cache.reserve(position + 1)
        if self._rule.dwells and self._was_unsure:
            return self._step_of_both(token, position)
        embedding = self._runner.model.embed(torch.tensor([token]))
        _, state = self._one(embedding, self._turns[position], self._cache, position)
        self._cache.write_saved_rows(position, state[None])
        self._cache.commit(position + 1)
        self._pending.append(token)
        logits = self._runner.logits(state)
        is_sure = self._is_sure(logits)
        self._was_unsure = not is_sure
        if is_sure and len(self._pending) < self._rule.max_pending:
            return Step(logits, is_skipped=True)
        later = self._catch_up()
        return Step(logits, is_skipped=True) if is_sure else Step(self._runner.logits(later), is_skipped=False)

    def _step_of_both(self, token: int, position: int) -> Step:
        """The plain one-pass decode of two loops; no row is put off when it begins."""
        embedding = self._runner.model.embed(torch.tensor([token]))
        x = torch.cat((embedding, self._later_input(embedding, position)))
        passed_on, state = self._both(x, self._turns[position], self._cache, position)
        self._cache.write_saved_rows(position, passed_on)
        self._cache.commit(position + 1)
        logits = self._runner.logits(state)
        self._was_unsure = not self._is_sure(logits)
        return Step(logits, is_skipped=False)

    def _is_sure(self, logits: Tensor) -> bool:
        wide = logits.float()
        return math.exp(float(wide.max() - wide.logsumexp(-1))) >= self._rule.threshold

    def _catch_up(self) -> Tensor:
        """Loop 2's final state [d] at the last position; nothing is put off any more."""
        num = len(self._pending) if self._rule.is_exact else 1
        start = self._cache.num_tokens - num
        self._let_loop_1_stand_in(self._cache.num_tokens - len(self._pending), start)
        embedding = self._runner.model.embed(torch.tensor(self._pending[-num:]))
        states = self._later(self._later_input(embedding, start), self._turns[start : start + num], self._cache, start)
        self._pending.clear()
        return states[-1]

    def _later_input(self, embedding: Tensor, start: int) -> Tensor:
        """Loop 2's inputs [T, d] at the positions from `start` whose embeddings [T, d] these are."""
        positions = range(start - 1, start - 1 + embedding.shape[0])
        shifted = torch.cat([self._cache.saved(position) for position in positions])
        return reference.clp_input(embedding, shifted, self._loop.emb_scale, self._loop.hidden_scale)

    def _let_loop_1_stand_in(self, start: int, end: int) -> None:
        """Put loop 1's keys and values of positions start .. end-1 into loop 2's rings."""
        buffers, positions = self._cache.decode_buffers(), torch.arange(start, end)
        slots = positions % buffers.ring_k.shape[3]
        buffers.ring_k[:, 0, :, slots] = buffers.shared_k[:, :, positions]
        buffers.ring_v[:, 0, :, slots] = buffers.shared_v[:, :, positions]

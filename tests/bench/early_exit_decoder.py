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
from plt_engine.kv_cache import REWIND_TOKENS, KVCache, RowViews
from plt_engine.runner import ModelRunner
from plt_kernels import reference


@dataclass(frozen=True, slots=True)
class ExitRule:
    """When loop 2 is skipped, and what becomes of the state that it would have left.

    Attributes:
        threshold: a token is loop 1's where its top probability is at least this: over 1 never, 0 always.
        is_exact: whether skipped rows are computed when the next unsure token needs their keys and values; otherwise
            they never are, and loop 1's keys and values of the position stand in for them.
        max_pending: where it is exact, rows that are put off at most; then they are computed, needed or not.
        dwells: whether the token after an unsure one is run with both loops in one pass, as long as loop 2 stays
            unsure itself: unsure tokens come in groups, and one pass is cheaper than two.
    """

    threshold: float
    is_exact: bool = True
    max_pending: int = 24
    dwells: bool = False

    @property
    def num_lagging(self) -> int:
        """Rows that the later loop's state may lag behind."""
        return self.max_pending if self.is_exact else 1


@dataclass(frozen=True, slots=True)
class Step:
    """What one token led to: the logits [V] to choose the next from, and whether loop 2's row was skipped for them."""

    logits: Tensor
    is_skipped: bool


class LaterRows:
    """Loop 2 alone over T positions whose loop 1 is done: what the weights are read a second time for.

    It computes as `DecodePass` does, with buffers that are overwritten by each call and the same tricks.
    """

    def __init__(self, model: FusedModel, weights: DecodeWeights, num_rows: int) -> None:
        c = model.config
        self._model, self._weights, self._window = model, weights, c.loop.window_left
        self._dtype = model.plan.dtype
        wide = WIDE.get(self._dtype, self._dtype)
        T, d, D = num_rows, c.hidden_size, c.head_dim
        H, KV = c.num_attention_heads, c.num_key_value_heads
        G = H // KV
        self._num_rows, self._group = T, G
        self._stream = torch.full((T, d + 1), math.sqrt(d * c.rms_norm_eps), dtype=wide)
        self._x = self._stream[:, :d]
        self._unit, self._normed = torch.empty(T, d, dtype=wide), torch.empty(T, d, dtype=self._dtype)
        pairs = torch.empty(T, H + 2 * KV, D // 2, 2, dtype=wide)
        self._rotated = torch.view_as_complex(pairs)[:, : H + KV]
        self._qkv = pairs.transpose(-1, -2)  # [T, H + 2 KV, 2, D/2]
        self._kv = self._qkv[:, H:].view(T, 2, KV, 2, D // 2)
        self._wide_q = self._qkv[:, :H].view(T, KV, G, 2, D // 2).transpose(0, 1)
        q = torch.empty(KV, T, G, D, dtype=self._dtype)
        self._halved_q, self._q = q.view(KV, T, G, 2, D // 2), q.view(1, KV, T * G, D)
        self._rows_by_head = (KV, T, G, D)
        self._y = torch.empty(T, KV, G, D, dtype=self._dtype)
        self._gate = torch.empty(T, H, dtype=self._dtype)
        self._mixing = self._gate.view(T, KV, G, 1)

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
        self._x.copy_(x)
        views, turns = cache.row_views(start + self._num_rows - 1), turns[:, None]
        causal, local = self._masks(start, views)
        for i, layer in enumerate(self._model.layers):
            qkv = layer.qkv(self._norm(self._weights.input_norms[i]))
            self._qkv.copy_(qkv.view(self._qkv.shape))
            self._rotated.mul_(turns)
            self._keep(i, cache, views, start)
            self._x.add_(layer.o(self._attend(i, views, causal, local)))
            gate_up = layer.gate_up(self._norm(self._weights.post_norms[i]))
            gate, up = gate_up.view(self._num_rows, 2, -1).unbind(1)
            self._x.add_(layer.down(F.silu(gate).mul_(up)))
        return self._norm(self._weights.norm).clone()

    def _norm(self, weight: Tensor) -> Tensor:
        """The normed rows [T, d]; the rows over their lengths stay in `_unit`."""
        length = torch.linalg.vector_norm(self._stream, dim=-1, keepdim=True)
        torch.div(self._x, length, out=self._unit)
        return torch.mul(self._unit, weight, out=self._normed)

    def _keep(self, i: int, cache: KVCache, views: RowViews, start: int) -> None:
        """Put the rows' keys and values into layer i's ring."""
        if self._num_rows == 1:
            views.ring_slots[i].copy_(self._kv)
        else:
            cache.write_local(i, 2, start, self._kv.flatten(-2).to(self._dtype))

    def _attend(self, i: int, views: RowViews, causal: Tensor | None, seen: Tensor) -> Tensor:
        """Shared and local attention of layer i, mixed by its gate, [T, H * D]."""
        self._halved_q.copy_(self._wide_q)
        shared = F.scaled_dot_product_attention(self._q, views.keys[i], views.values[i], attn_mask=causal)
        local = F.scaled_dot_product_attention(self._q, views.ring_keys[i], views.ring_values[i], attn_mask=seen)
        weights = self._weights.gates[i]
        assert weights is not None, "a model with two loops has a gate in every layer; the loader sees to it"
        if weights.reads_hidden:
            gate = F.linear(self._unit, weights.weight, weights.bias)
        else:
            by_head = self._wide_q.transpose(0, 1).reshape(self._num_rows, *weights.weight.shape)
            gate = (by_head * weights.weight).sum(-1) + weights.bias
        torch.sigmoid(gate, out=self._gate)
        of_local, of_shared = (y.view(self._rows_by_head).transpose(0, 1) for y in (local, shared))
        return torch.lerp(of_local, of_shared, self._mixing, out=self._y).view(self._num_rows, -1)

    def _masks(self, start: int, views: RowViews) -> tuple[Tensor | None, Tensor]:
        """Of the shared keys [T * G, start + T], None for one row, which sees them all; of the ring's [T * G, C]."""
        if self._num_rows == 1:
            return None, views.ring_mask
        rows, last = torch.arange(start, start + self._num_rows)[:, None], start + self._num_rows - 1
        held = last - (last - torch.arange(views.ring_mask.shape[1])) % views.ring_mask.shape[1]  # by slot
        age = rows - held
        is_local = (age >= 0) & (age <= self._window) & (held >= 0)
        return self._mask(torch.arange(last + 1) <= rows), self._mask(is_local)

    def _mask(self, seen: Tensor) -> Tensor:
        bias = torch.zeros(seen.shape, dtype=self._dtype).masked_fill_(~seen, -torch.inf)
        return bias.repeat_interleave(self._group, 0)


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
        self._weights, self._later = weights, dict[int, LaterRows]()
        wide = WIDE.get(runner.dtype, runner.dtype)
        self._turns = reference.rope_turns(runner.max_tokens, config.head_dim, config.rope_theta, wide)
        self._cache = self.new_cache()
        self._pending: list[int] = []
        self._was_unsure = False

    def new_cache(self) -> KVCache:
        """A cache with rings long enough for the rows that are put off."""
        return self._runner.new_cache(2, max(REWIND_TOKENS, self._rule.num_lagging))

    def begin(self, cache: KVCache) -> None:
        """Go on from a cache that `new_cache` made and a prefill at two loops filled."""
        assert cache.is_ready, "a prefill leaves a cache ready"
        assert cache.rewind_tokens >= self._rule.num_lagging, "the rings must hold what is put off"
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
        if is_sure and (not self._rule.is_exact or len(self._pending) < self._rule.max_pending):
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
        if num not in self._later:
            self._later[num] = LaterRows(self._runner.model, self._weights, num)
        embedding = self._runner.model.embed(torch.tensor(self._pending[-num:]))
        x = self._later_input(embedding, start)
        states = self._later[num](x, self._turns[start : start + num], self._cache, start)
        self._pending.clear()
        return states[-1]

    def _later_input(self, embedding: Tensor, start: int) -> Tensor:
        """Loop 2's inputs [T, d] at the positions from `start` whose embeddings [T, d] these are."""
        positions = range(start - 1, start - 1 + embedding.shape[0])
        shifted = torch.cat([self._cache.saved(position) for position in positions])
        return reference.clp_input(embedding, shifted, self._loop.emb_scale, self._loop.hidden_scale)

    def _let_loop_1_stand_in(self, start: int, end: int) -> None:
        """Put loop 1's keys and values of positions start .. end-1 into loop 2's rings, as far as they are seen."""
        buffers, positions = self._cache.decode_buffers(), torch.arange(max(start, end - self._loop.window_left), end)
        slots = positions % buffers.ring_k.shape[3]
        buffers.ring_k[:, 0, :, slots] = buffers.shared_k[:, :, positions]
        buffers.ring_v[:, 0, :, slots] = buffers.shared_v[:, :, positions]

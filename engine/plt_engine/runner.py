"""The mechanism: prefill in trapezoid chunks and one-pass decode, over the same layers for every R.

It turns token ids and a `KVCache` into final states and logits; it does not know sampling, sessions, packs or time.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from plt_engine.decode import WIDE, DecodePass, DecodeWeights
from plt_engine.device import kernel_ops
from plt_engine.fused import FusedLayer, FusedModel
from plt_engine.kv_cache import REWIND_TOKENS, KVCache
from plt_engine.model import loop_gate
from plt_engine.static_decode import StaticDecoder, capture_graph
from plt_engine.trapezoid import LoopSpan, LoopState, PrefillPlan, plan_prefill
from plt_kernels import reference, reference_path

CHUNK_TOKENS = 512
# A prefill leaves the later loops' state whole for this many tokens before its end, since an editor's next prompt often
# differs in its last tokens only. The price is as many token-layers per layer of each later loop.
REWIND_MARGIN_TOKENS = 8


# Of a chunk's shared and of its local attention; None where the kernels need none.
Biases = tuple[Tensor | None, Tensor | None]


class ModelRunner:
    """Runs one model; any number of caches may be used with it, one call at a time.

    Args:
        model: the weights in their runnable form.
        max_tokens: the longest sequence; the rotary tables' length.
    """

    def __init__(self, model: FusedModel, max_tokens: int) -> None:
        self.config = model.config
        self.model = model
        self.max_tokens = max_tokens
        cos, sin = reference.rope_tables(max_tokens, self.config.head_dim, self.config.rope_theta, self.dtype)
        self._cos, self._sin = cos[:, None].to(self.device), sin[:, None].to(self.device)  # [P, 1, D]
        wide = WIDE.get(self.dtype, self.dtype)
        turns = reference.rope_turns(max_tokens, self.config.head_dim, self.config.rope_theta, wide)
        self._turns = turns.to(self.device)
        self._decode_weights = DecodeWeights.of(model)
        self._passes: dict[int, DecodePass] = {}
        self._ops = model.plan.ops or kernel_ops(self.device, self.dtype)
        self._static = self._static_decoder()

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of activations and of the KV cache."""
        return self.model.plan.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.norm.device

    def new_cache(self, loops: int, rewind_tokens: int = REWIND_TOKENS) -> KVCache:
        """An empty cache for a sequence that is run with `loops` loops."""
        return KVCache(self.config, loops, self.dtype, self.device, rewind_tokens)

    def logits(self, state: Tensor) -> Tensor:
        """Logits [T, V] of final states [T, d], or [V] of one state [d]."""
        return self.model.lm_head(state) if state.dim() == 2 else self.model.lm_head(state[None])[0]

    def plan(self, cache: KVCache, end: int, first_wanted: int) -> PrefillPlan:
        """What `prefill` computes to extend `cache` to `end` tokens."""
        return self.plan_from(cache.num_tokens, cache.later_loops, cache.rewind_tokens, end, first_wanted)

    def plan_from(
        self, num_cached: int, later_loops: tuple[LoopState, ...], rewind_tokens: int, end: int, first_wanted: int
    ) -> PrefillPlan:
        """What `prefill` would compute to extend a cache that holds so much to `end` tokens."""
        if later_loops:
            margin = min(REWIND_MARGIN_TOKENS, rewind_tokens)
            first_wanted = min(first_wanted, max(num_cached, end - 1 - margin))
        return plan_prefill(
            num_cached=num_cached,
            end=end,
            num_layers=self.config.num_hidden_layers,
            window_left=self.config.loop.window_left,
            later_loops=later_loops,
            first_wanted=first_wanted,
            shift=self.config.loop.shift,
        )

    @torch.inference_mode()
    def prefill(
        self,
        cache: KVCache,
        tokens: Sequence[int],
        *,
        first_wanted: int | None = None,
        chunk_tokens: int = CHUNK_TOKENS,
        should_abort: Callable[[], bool] = lambda: False,
    ) -> Tensor | None:
        """Extend a cache to a whole sequence, computing no more than the trapezoid (plt.md section 4).

        Args:
            cache: holds the first `cache.num_tokens` of `tokens` already.
            tokens: the whole sequence; at least one more than the cache holds.
            first_wanted: the first position whose final state is returned; by default the last.
            chunk_tokens: positions per chunk.
            should_abort: asked before each chunk.

        Returns:
            Final states [len(tokens) - first_wanted, d], or None where it was aborted. After an abort the cache holds
            every finished chunk and can be extended again.
        """
        end = len(tokens)
        if not cache.num_tokens < end <= self.max_tokens:
            raise ValueError(f"{end} tokens cannot extend {cache.num_tokens} within {self.max_tokens}")
        wanted = end - 1 if first_wanted is None else first_wanted
        num_cached, held = cache.num_tokens, cache.later_loops
        plan = self.plan(cache, end, wanted)
        cache.reserve(end)
        states: list[Tensor] = []
        for start in range(plan.start, end, chunk_tokens):
            if should_abort():
                return None
            stop = min(start + chunk_tokens, end)
            ids = torch.tensor(tokens[start:stop], dtype=torch.long, device=self.device)
            states.append(self._prefill_chunk(cache, plan, start, stop, ids))
            cache.commit(max(stop, num_cached), _first_held(plan, held, num_cached, stop))
        return torch.cat(states)[-(end - wanted) :]

    def _prefill_chunk(self, cache: KVCache, plan: PrefillPlan, start: int, stop: int, ids: Tensor) -> Tensor:
        """Run every loop over positions start .. stop-1; returns the final states that the plan wants of them."""
        embedding = self.model.embed(ids)  # [T, d]
        num, window = stop - start, self.config.loop.window_left
        biases = (
            self._ops.band_bias(num, stop, stop, embedding),
            self._ops.band_bias(num, min(stop, num + window), window, embedding),
        )
        states = [self._run_loop(cache, 1, plan.loops[0], start, stop, embedding, biases)]
        for r in range(2, cache.loops + 1):
            span = plan.loops[r - 1]
            first = max(start, span.input_start)
            if first >= stop:
                states.append(embedding[:0])
                continue
            x = self._later_input(embedding[first - start :], states[-1], cache.saved(first - 1)[r - 2])
            states.append(self._run_loop(cache, r, span, start, stop, x, biases))
        for r in range(1, cache.loops):
            cache.write_saved(r, stop - states[r - 1].shape[0], states[r - 1])
        return self._final(states[-1])

    def _later_input(self, embedding: Tensor, below: Tensor, before: Tensor) -> Tensor:
        """The input of a later loop at the positions of embedding [T, d], the last of those of `below`.

        `below` is what loop r - 1 passes on, [T', d]; `before` [d] is that of the position before the first of T.
        """
        loop, num = self.config.loop, embedding.shape[0]
        if loop.shift == 0:
            return below[-num:]
        return self._ops.clp_input(embedding, _shift_right(below, num, before), loop.emb_scale, loop.hidden_scale)

    def _run_loop(
        self, cache: KVCache, r: int, span: LoopSpan, start: int, stop: int, x: Tensor, biases: Biases
    ) -> Tensor:
        """Run the layers of loop r over inputs x [T', d], the last of them at position stop-1.

        `biases` are those of the chunk's shared and local attention, see `reference.band_bias`.

        Returns the state that passes to the next loop (for the last loop: the residual stream), [T'', d], for as many
        of the last positions as the span wants.
        """
        for i, layer in enumerate(self.model.layers):
            first = stop - x.shape[0]
            wanted = min(stop, max(start, span.out_start[i]))
            q, kv = self._project(layer, x, self._cos[first:stop], self._sin[first:stop])
            q, x = q[wanted - first :], x[wanted - first :]
            if r == 1:
                cache.write_shared(i, first, kv)
                if wanted < stop:
                    x = self._block(layer, x, self._ops.causal_attention(q, *cache.shared(i, stop), biases[0]))
            else:
                k, v = self._local_keys(cache, i, r, first, wanted, kv)
                cache.write_local(i, r, first, kv)
                if wanted < stop:
                    gate = loop_gate(self.config, layer.loop_gate, x, q)
                    window = self.config.loop.window_left
                    y = self._ops.loop_attention_prefill(q, *cache.shared(i, stop), k, v, gate, window, *biases)
                    x = self._block(layer, x, y)
        return self._carried(x) if r < cache.loops else x

    def _local_keys(
        self, cache: KVCache, layer: int, r: int, first: int, wanted: int, kv: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys and values that queries from position `wanted` see locally: the ring's, then those of this chunk."""
        oldest = max(0, wanted - self.config.loop.window_left)
        k, v = kv[:, 0].transpose(0, 1), kv[:, 1].transpose(0, 1)  # [KV, T', D]
        if oldest >= first:
            return k[:, oldest - first :], v[:, oldest - first :]
        ring_k, ring_v = cache.local(layer, r, oldest, first)
        return torch.cat((ring_k, k), 1), torch.cat((ring_v, v), 1)

    @torch.inference_mode()
    def decode(self, cache: KVCache, token: int) -> Tensor:
        """Append one token: in ONE pass over the layers with R rows (plt.md section 3), or R passes if sequential.

        Row 1 is loop 1's; row r reads the state that loop r-1 passed on at the position before. All rows share each
        read of the weights, and the shared KV with the new token's entry is read once for all of them.

        Args:
            cache: must be ready (`KVCache.is_ready`).
            token: the token at position `cache.num_tokens`.

        Returns:
            The final state [d] of the last loop.
        """
        position, loops = cache.num_tokens, cache.loops
        if not cache.is_ready or position >= self.max_tokens:
            raise ValueError(f"a cache of {position} tokens cannot be decoded from; run prefill, or shorten it")
        if loops > 1 and self.config.loop.shift == 0:
            cache.reserve(position + 1)
            return self._decode_in_turn(cache, token)
        if self._static is not None:
            # Room for the longest sequence is made at once, since a captured graph must be made anew where it moves.
            cache.reserve(self.max_tokens)
            state = self._static.decode(cache, token)
            cache.commit(position + 1)
            return state
        cache.reserve(position + 1)
        x = self._decode_input(cache, token)  # [R, d]
        passed_on, state = self._decode_pass(loops)(x, self._turns[position], cache, position)
        if loops > 1:
            cache.write_saved_rows(position, passed_on)
        cache.commit(position + 1)
        return state

    def _static_decoder(self) -> StaticDecoder | None:
        """What decodes on a GPU, or wherever the Triton path is taken; None for `DecodePass`, the CPU's fast form."""
        is_gpu = self.device.type == "cuda"
        if not is_gpu and self._ops is reference_path:
            return None
        tables = self._cos[:, 0], self._sin[:, 0]
        return StaticDecoder(self.model, tables, self._ops, capture_graph if is_gpu else lambda step: step)

    def _decode_pass(self, loops: int) -> DecodePass:
        if loops not in self._passes:
            self._passes[loops] = DecodePass(self.model, self._decode_weights, loops)
        return self._passes[loops]

    def _decode_in_turn(self, cache: KVCache, token: int) -> Tensor:
        """Append one token in R passes: a sequential loop needs the loop below at the token's own position."""
        position = cache.num_tokens
        plan = self.plan(cache, position + 1, position)
        state = self._prefill_chunk(cache, plan, position, position + 1, torch.tensor([token], device=self.device))
        cache.commit(position + 1)
        return state[-1]

    def _decode_input(self, cache: KVCache, token: int) -> Tensor:
        embedding = self.model.embed(torch.tensor([token], device=self.device))  # [1, d]
        if cache.loops == 1:
            return embedding
        loop = self.config.loop
        saved = cache.saved(cache.num_tokens - 1)  # [R-1, d]
        return torch.cat((embedding, self._ops.clp_input(embedding, saved, loop.emb_scale, loop.hidden_scale)))

    def _project(self, layer: FusedLayer, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """Rotated q [T, H, D] and rotated k with v, [T, 2, KV, D], of the residual stream x [T, d]."""
        c = self.config
        H, KV = c.num_attention_heads, c.num_key_value_heads
        qkv = layer.qkv(self._ops.rms_norm(x, layer.input_norm, c.rms_norm_eps)).view(-1, H + 2 * KV, c.head_dim)
        qkv[:, : H + KV] = reference.rope(qkv[:, : H + KV], cos, sin)
        return qkv[:, :H], qkv[:, H:].view(-1, 2, KV, c.head_dim)

    def _block(self, layer: FusedLayer, x: Tensor, y: Tensor) -> Tensor:
        """The rest of a layer: attention output y [T, H, D] and the MLP onto the residual stream x [T, d]."""
        x = x + layer.o(y.reshape(x.shape[0], -1))
        m = self._ops.rms_norm(x, layer.post_norm, self.config.rms_norm_eps)
        return x + layer.down(self._ops.swiglu(layer.gate_up(m)))

    def _carried(self, x: Tensor) -> Tensor:
        """The state that a loop passes to the next."""
        return self._final(x) if self.config.loop.normalize_per_loop else x

    def _final(self, x: Tensor) -> Tensor:
        return self._ops.rms_norm(x, self.model.norm, self.config.rms_norm_eps)


def _shift_right(states: Tensor, num: int, before: Tensor) -> Tensor:
    """The `num` states that stand one position before the last `num`: from states [T, d], led by `before` [d]."""
    if states.shape[0] > num:
        return states[-num - 1 : -1]
    return torch.cat((before[None], states[:-1]))


def _first_held(
    plan: PrefillPlan, held: tuple[LoopState, ...], num_cached: int, stop: int
) -> tuple[tuple[int, int], ...]:
    """Per later loop, where ring and saved state are held from, once the chunk that ends at `stop` is done."""

    def held_from(first: int, before: int) -> int:
        untouched = first >= num_cached and stop <= num_cached
        if untouched or first == num_cached < stop:
            return before
        complete = first < stop and stop >= num_cached
        return first if complete else max(stop, num_cached)

    return tuple(
        (held_from(span.kv_start[-1], state.ring_start), held_from(below.out_start[-1], state.saved_start))
        for (below, span), state in zip(pairwise(plan.loops), held, strict=True)
    )

"""One-pass decode over buffers that never move, so that a GPU can replay it as one captured graph, token after token.

The token and its position are numbers on the device. The same step runs uncaptured on a CPU, which is how it is
tested. It does not know sessions or prefill, and sequential loops have no such step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.fused import FusedLayer, FusedModel
from plt_engine.kv_cache import DecodeBuffers, KVCache
from plt_kernels.dispatch import Ops

Step = Callable[[], None]


class DecodeStep:
    """The step of one cache: reads `token` and `position`, writes the cache and `state`, and allocates nothing lasting.

    Args:
        model: the weights in their runnable form.
        buffers: where the cache lies.
        tables: cosines and sines, each [P, D].
        ops: what computes.
    """

    def __init__(self, model: FusedModel, buffers: DecodeBuffers, tables: tuple[Tensor, Tensor], ops: Ops) -> None:
        self._model, self._buffers, self._tables, self._ops = model, buffers, tables, ops
        self.token = torch.zeros(1, dtype=torch.long, device=buffers.saved.device)
        self.position = torch.zeros_like(self.token)
        self.state = buffers.saved.new_zeros(model.config.hidden_size)

    def __call__(self) -> None:
        """Append the token: one pass over the layers with all R rows (plt.md section 3)."""
        model, config, ops = self._model, self._model.config, self._ops
        loop, eps = config.loop, config.rms_norm_eps
        saved = self._buffers.saved
        x = ops.clp_rows(model.embed(self.token), saved, self.position, loop.emb_scale, loop.hidden_scale)  # [R, d]
        normed = ops.rms_norm(x, model.layers[0].input_norm, eps)
        next_norms = [layer.input_norm for layer in model.layers[1:]] + [model.norm]
        for i, (layer, next_norm) in enumerate(zip(model.layers, next_norms, strict=True)):
            y = self._attention(i, layer, x, normed)  # [R, H * D]
            x, m = ops.add_rms_norm(layer.o(y), x, layer.post_norm, eps)
            x, normed = ops.add_rms_norm(layer.down(ops.swiglu(layer.gate_up(m))), x, next_norm, eps)
        carried = normed if loop.normalize_per_loop else x
        saved.index_copy_(1, self.position % saved.shape[1], carried[:-1, None])
        self.state.copy_(normed[-1])

    def _attention(self, i: int, layer: FusedLayer, x: Tensor, normed: Tensor) -> Tensor:
        config, buffers = self._model.config, self._buffers
        qkv = layer.qkv(normed).view(x.shape[0], -1, config.head_dim)  # [R, H + 2 KV, D]
        k, v, ring_k, ring_v = buffers.shared_k[i], buffers.shared_v[i], buffers.ring_k[i], buffers.ring_v[i]
        q = self._ops.rope_and_append(qkv, *self._tables, self.position, k, v, ring_k, ring_v)
        logits, weight = self._gate(layer, x)
        window = config.loop.window_left
        y = self._ops.ring_attention_decode(q, k, v, ring_k, ring_v, logits, self.position, window, weight)
        return y.view(x.shape[0], -1)

    def _gate(self, layer: FusedLayer, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The gate's logits [R-1, H], in query mode its bias alone, and in that mode the weight [H, D]."""
        gate = layer.loop_gate
        if gate is None or x.shape[0] == 1:
            return x.new_empty((0, self._model.config.num_attention_heads)), None
        if gate.norm is None:
            return gate.bias.expand(x.shape[0] - 1, -1), gate.weight
        normed = self._ops.rms_norm(x[1:], gate.norm, self._model.config.rms_norm_eps)
        return F.linear(normed, gate.weight, gate.bias), None


@dataclass(slots=True)
class _Bound:
    buffers: DecodeBuffers
    step: DecodeStep
    run: Step


class StaticDecoder:
    """Decodes with one `DecodeStep` per cache, made anew where the cache has moved.

    Args:
        model: the weights in their runnable form.
        tables: cosines and sines, each [P, D].
        ops: what computes.
        prepare: makes what is run for every token out of a step; `capture_graph` on a GPU.
    """

    def __init__(
        self, model: FusedModel, tables: tuple[Tensor, Tensor], ops: Ops, prepare: Callable[[Step], Step]
    ) -> None:
        self._model, self._tables, self._ops, self._prepare = model, tables, ops, prepare
        self._bound: WeakKeyDictionary[KVCache, _Bound] = WeakKeyDictionary()

    def decode(self, cache: KVCache, token: int) -> Tensor:
        """Append a token at `cache.num_tokens`, for which room is reserved; returns the last loop's final state [d]."""
        buffers = cache.decode_buffers()
        bound = self._bound.get(cache)
        is_new = bound is None or bound.buffers.addresses != buffers.addresses
        if bound is None or is_new:
            step = DecodeStep(self._model, buffers, self._tables, self._ops)
            bound = _Bound(buffers, step, step)
        bound.step.token.fill_(token)
        bound.step.position.fill_(cache.num_tokens)
        if is_new:
            # Preparing runs the step. Caches get the same entries each time, but a saved state may take the place of
            # the one that it was made from.
            saved = buffers.saved.clone()
            bound.run = self._prepare(bound.step)
            buffers.saved.copy_(saved)
            self._bound[cache] = bound
        bound.run()
        return bound.step.state.clone()


def capture_graph(step: Step) -> Step:
    """The step as a CUDA graph; it is run twice before, in which kernels are compiled and libraries set up."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay

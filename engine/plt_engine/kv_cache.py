"""The state of one sequence: loop 1's shared KV, a ring of local KV per later loop and layer, and the saved states.

It stores and hands back tensors by position and knows what it still holds; it does not know how they are computed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from plt_engine.config import ModelConfig
from plt_engine.trapezoid import LoopState

BLOCK_TOKENS = 256
# With a window of 64 the rings are then 1.9 % of a cache of 4096 tokens.
REWIND_TOKENS = 12


@dataclass(frozen=True, slots=True)
class RowViews:
    """What a one-pass decode reads and writes at one position, one view per layer; KV heads are KV, width D.

    Attributes:
        keys: shared keys up to the position, [1, KV, position + 1, D]; `values` likewise.
        shared_slots: where loop 1's k and v of the position go, [2, KV, 2, D/2].
        ring_keys: the later loops' whole rings, [R-1, KV, C, D]; `ring_values` likewise.
        ring_slots: where the later loops' k and v of the position go, [R-1, 2, KV, 2, D/2].
        ring_mask: [1, C], zero for the slots that the position sees and minus infinity for the others.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    shared_slots: tuple[Tensor, ...]
    ring_keys: tuple[Tensor, ...]
    ring_values: tuple[Tensor, ...]
    ring_slots: tuple[Tensor, ...]
    ring_mask: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class DecodeBuffers:
    """Where a cache lies, for a decode that is told the position on the device (see static_decode.py).

    Attributes:
        shared_k: loop 1's keys, [L, KV, capacity, D]; `shared_v` likewise.
        ring_k: the later loops' rings, [L, R-1, KV, C, D]; `ring_v` likewise.
        saved: what loops 1..R-1 pass on, [R-1, rewind_tokens + 1, d]; position p lies in slot p mod the number.
    """

    shared_k: Tensor
    shared_v: Tensor
    ring_k: Tensor
    ring_v: Tensor
    saved: Tensor

    @property
    def addresses(self) -> tuple[object, ...]:
        """What changes when any of them moves or changes its shape."""
        tensors = (self.shared_k, self.ring_k, self.saved)
        return tuple((t.data_ptr(), t.shape) for t in tensors)


class KVCache:
    """KV of one sequence at a loop count R (plt.md's notation: w_left, KV heads, head width D, L layers).

    The shared KV is [L, 2, KV, capacity, D] and grows by blocks. Later loops have rings [L, R-1, 2, KV, C, D] with
    C = w_left + 1 + rewind_tokens: position p lies in slot p mod C. The states that loops 1..R-1 pass on are rings
    [R-1, rewind_tokens + 1, d].

    Args:
        config: the model's shape.
        loops: R.
        dtype: of everything held.
        device: where it is held.
        rewind_tokens: how many tokens `truncate` can take back without anything to be computed anew.
    """

    def __init__(
        self,
        config: ModelConfig,
        loops: int,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        rewind_tokens: int = REWIND_TOKENS,
    ) -> None:
        self.config = config
        self.rewind_tokens = rewind_tokens
        self.num_tokens = 0
        self._shared = torch.empty(self._shared_shape(0), dtype=dtype, device=device)
        self.set_loops(loops)

    def _shared_shape(self, capacity: int) -> tuple[int, ...]:
        c = self.config
        return (c.num_hidden_layers, 2, c.num_key_value_heads, capacity, c.head_dim)

    def set_loops(self, loops: int) -> None:
        """Change R. The shared KV stays; the later loops' rings start empty and are rebuilt by the next prefill."""
        c = self.config
        self.loops = loops
        self._ring_size = c.loop.window_left + 1 + self.rewind_tokens
        kv = (c.num_hidden_layers, loops - 1, 2, c.num_key_value_heads, self._ring_size, c.head_dim)
        self._rings = self._shared.new_zeros(kv)
        self._saved = self._shared.new_zeros((loops - 1, self.rewind_tokens + 1, c.hidden_size))
        self._ring_start = [self.num_tokens] * (loops - 1)
        self._saved_start = [self.num_tokens] * (loops - 1)

    def fork(self, num_tokens: int) -> "KVCache":
        """A cache of its own that holds the first `num_tokens` of this one."""
        twin = KVCache(self.config, self.loops, self._shared.dtype, self._shared.device, self.rewind_tokens)
        twin.reserve(num_tokens)
        twin._shared[:, :, :, :num_tokens] = self._shared[:, :, :, :num_tokens]
        twin._rings.copy_(self._rings)
        twin._saved.copy_(self._saved)
        twin._ring_start, twin._saved_start = list(self._ring_start), list(self._saved_start)
        twin.num_tokens = num_tokens
        return twin

    @property
    def capacity(self) -> int:
        """Positions that the shared KV has room for."""
        return self._shared.shape[3]

    @property
    def nbytes(self) -> int:
        """Bytes held: capacity * kv + (R - 1) * ring, with kv = 2 L KV D and ring = 2 L KV C D + saved, in items."""
        return sum(t.numel() * t.element_size() for t in (self._shared, self._rings, self._saved))

    @property
    def later_loops(self) -> tuple[LoopState, ...]:
        """What is held for loops 2..R."""
        return tuple(LoopState(*starts) for starts in zip(self._ring_start, self._saved_start, strict=True))

    @property
    def is_ready(self) -> bool:
        """Whether the next token can be decoded in one pass, without a prefill to rebuild a later loop first."""
        loop = self.config.loop
        return all(state.reaches(self.num_tokens, loop.window_left, loop.shift) for state in self.later_loops)

    def reserve(self, num_tokens: int) -> None:
        """Make room for `num_tokens` positions in all."""
        if num_tokens <= self.capacity:
            return
        blocks = -(-num_tokens // BLOCK_TOKENS)
        grown = self._shared.new_empty(self._shared_shape(blocks * BLOCK_TOKENS))
        grown[:, :, :, : self.num_tokens] = self._shared[:, :, :, : self.num_tokens]
        self._shared = grown

    def write_shared(self, layer: int, start: int, kv: Tensor) -> None:
        """Store loop 1's keys and values kv [T, 2, KV, D] for positions from `start`; room must be reserved."""
        self._shared[layer, :, :, start : start + kv.shape[0]] = kv.permute(1, 2, 0, 3)

    def shared(self, layer: int, end: int) -> tuple[Tensor, Tensor]:
        """Loop 1's keys and values of positions 0 .. end-1, each [KV, end, D]."""
        kv = self._shared[layer, :, :, :end]
        return kv[0], kv[1]

    def write_local(self, layer: int, loop: int, start: int, kv: Tensor) -> None:
        """Store loop `loop`'s (from 2) own keys and values kv [T, 2, KV, D] for positions from `start`."""
        kept = kv[-self._ring_size :]
        first = start + kv.shape[0] - kept.shape[0]
        slots = torch.arange(first, first + kept.shape[0], device=kv.device) % self._ring_size
        self._rings[layer, loop - 2].index_copy_(2, slots, kept.permute(1, 2, 0, 3))

    def row_views(self, position: int) -> RowViews:
        """Views for a one-pass decode of a position; room must be reserved."""
        shared = self._shared[:, :, None, :, : position + 1]
        slot = position % self._ring_size
        age = torch.arange(slot, slot - self._ring_size, -1, device=self._rings.device) % self._ring_size
        seen = age <= min(position, self.config.loop.window_left)
        return RowViews(
            keys=shared[:, 0].unbind(),
            values=shared[:, 1].unbind(),
            shared_slots=self._halves(self._shared[:, :, :, position]).unbind(),
            ring_keys=self._rings[:, :, 0].unbind(),
            ring_values=self._rings[:, :, 1].unbind(),
            ring_slots=self._halves(self._rings[..., slot, :]).unbind(),
            ring_mask=torch.zeros_like(seen, dtype=self._rings.dtype).masked_fill_(~seen, -torch.inf)[None],
        )

    def decode_buffers(self) -> DecodeBuffers:
        """The cache's own memory, whole; room must be reserved before."""
        shared, rings = self._shared, self._rings
        return DecodeBuffers(shared[:, 0], shared[:, 1], rings[:, :, 0], rings[:, :, 1], self._saved)

    def _halves(self, kv: Tensor) -> Tensor:
        """A view [..., 2, D/2] of keys and values [..., D]."""
        return kv.view(*kv.shape[:-1], 2, self.config.head_dim // 2)

    def local(self, layer: int, loop: int, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Loop `loop`'s own keys and values of positions start .. end-1, each [KV, end-start, D]."""
        kv = self._window(self._rings[layer, loop - 2], start, end)
        return kv[0], kv[1]

    def _window(self, ring: Tensor, start: int, end: int) -> Tensor:
        """Positions start .. end-1 of a ring [..., C, D] in order: a view, or a copy where they wrap around."""
        i, j = start % self._ring_size, (end - 1) % self._ring_size + 1
        if end == start:
            return ring[..., :0, :]
        return ring[..., i:j, :] if i < j else torch.cat((ring[..., i:, :], ring[..., :j, :]), -2)

    def write_saved(self, loop: int, start: int, state: Tensor) -> None:
        """Store the state [T, d] that loop `loop` (from 1, below R) passes on, for positions from `start`."""
        size = self._saved.shape[1]
        kept = state[-size:]
        first = start + state.shape[0] - kept.shape[0]
        slots = torch.arange(first, first + kept.shape[0], device=state.device) % size
        self._saved[loop - 1].index_copy_(0, slots, kept)

    def write_saved_rows(self, position: int, state: Tensor) -> None:
        """Store the states [R-1, d] that loops 1..R-1 pass on at one position."""
        self._saved[:, position % self._saved.shape[1]] = state

    def saved(self, position: int) -> Tensor:
        """The states [R-1, d] that loops 1..R-1 passed on at a position; zeros before the first (plt.md, Hn_{-1})."""
        if position < 0:
            return torch.zeros_like(self._saved[:, 0])
        return self._saved[:, position % self._saved.shape[1]]

    def commit(self, end: int, first_held: tuple[tuple[int, int], ...] | None = None) -> None:
        """State that everything up to position `end` is stored.

        Args:
            end: the new number of tokens.
            first_held: per later loop the first position from which (ring, saved state) were stored in this pass;
                None where they were stored without a gap from `num_tokens` on.
        """
        if first_held is not None:
            self._ring_start = [ring for ring, _ in first_held]
            self._saved_start = [saved for _, saved in first_held]
        self.num_tokens = end
        self._ring_start = [max(start, end - self._ring_size) for start in self._ring_start]
        self._saved_start = [max(start, end - self._saved.shape[1]) for start in self._saved_start]

    def truncate(self, num_tokens: int) -> None:
        """Forget every position from `num_tokens` on.

        What the rings no longer hold for the shorter sequence is noticed (`is_ready`) and rebuilt by the next prefill.
        """
        if not 0 <= num_tokens <= self.num_tokens:
            raise ValueError(f"cannot truncate {self.num_tokens} tokens to {num_tokens}")
        self.num_tokens = num_tokens

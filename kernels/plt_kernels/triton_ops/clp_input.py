"""The input of later loops in Triton: a * E + b * shifted state (LoopCoder-v2, Eq. 2), for a range or a token.

It does not know where the states come from.
"""

import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, require

BLOCK = 1024


@triton.jit
def scaled_sum(embedding, shifted, y, emb_scale, hidden_scale, stride_e, stride_s, D: tl.constexpr, BD: tl.constexpr):
    """Block (axis 1) of a row (axis 0) of a * embedding + b * shifted; a row stride of 0 repeats a row."""
    i_row = tl.program_id(0).to(tl.int64)
    o_d = tl.program_id(1) * BD + tl.arange(0, BD)
    m_d = o_d < D
    b_e = tl.load(embedding + i_row * stride_e + o_d, mask=m_d, other=0.0).to(tl.float32)
    b_s = tl.load(shifted + i_row * stride_s + o_d, mask=m_d, other=0.0).to(tl.float32)
    tl.store(y + i_row * D + o_d, (emb_scale * b_e + hidden_scale * b_s).to(y.dtype.element_ty), mask=m_d)


@triton.jit
def token_rows(
    embedding, saved, position, y, emb_scale, hidden_scale, stride_row, stride_slot, ring_size,
    D: tl.constexpr, BD: tl.constexpr,
):  # fmt: skip
    """Block (axis 1) of row r (axis 0): E, or for later loops a * E + b * what loop r-1 saved one position before."""
    i_row = tl.program_id(0)
    o_d = tl.program_id(1) * BD + tl.arange(0, BD)
    m_d = o_d < D
    b_y = tl.load(embedding + o_d, mask=m_d, other=0.0).to(tl.float32)
    if i_row > 0:
        before = tl.load(position).to(tl.int32) - 1
        num_read = tl.where(before >= 0, D, 0)
        slot = (before + ring_size) % ring_size
        p_s = saved + (i_row - 1) * stride_row + slot * stride_slot + o_d
        b_y = emb_scale * b_y + hidden_scale * tl.load(p_s, mask=o_d < num_read, other=0.0).to(tl.float32)
    tl.store(y + i_row * D + o_d, b_y.to(y.dtype.element_ty), mask=m_d)


def launch(embedding: Tensor, shifted: Tensor, emb_scale: float, hidden_scale: float) -> tuple[Launch, Tensor]:
    """The launch and its result [T, d] for shifted [T, d] and embedding [T, d] or [1, d]."""
    T, D = shifted.shape
    fits = embedding.shape in ((T, D), (1, D)) and embedding.stride(1) == shifted.stride(1) == 1
    require(fits, "clp_input", f"embedding {[*embedding.shape]}, shifted {[*shifted.shape]}")
    y = shifted.new_empty((T, D))
    arguments = {
        "embedding": embedding, "shifted": shifted, "y": y, "emb_scale": emb_scale, "hidden_scale": hidden_scale,
        "stride_e": embedding.stride(0) if embedding.shape[0] == T else 0, "stride_s": shifted.stride(0),
    }  # fmt: skip
    return Launch(scaled_sum, (T, triton.cdiv(D, BLOCK)), arguments, {"D": D, "BD": BLOCK}, num_warps=4), y


def launch_rows(
    embedding: Tensor, saved: Tensor, position: Tensor, emb_scale: float, hidden_scale: float
) -> tuple[Launch, Tensor]:
    """The launch and its result [R, d] for embedding [1, d] and saved [R-1, W, d]."""
    later, W, D = saved.shape
    fits = embedding.shape == (1, D) and embedding.stride(1) == 1 and saved.stride(2) == 1
    require(fits, "clp_rows", f"embedding {[*embedding.shape]}, saved {[*saved.shape]}")
    y = embedding.new_empty((later + 1, D))
    arguments = {
        "embedding": embedding, "saved": saved, "position": position, "y": y, "emb_scale": emb_scale,
        "hidden_scale": hidden_scale, "stride_row": saved.stride(0), "stride_slot": saved.stride(1), "ring_size": W,
    }  # fmt: skip
    return Launch(token_rows, (later + 1, triton.cdiv(D, BLOCK)), arguments, {"D": D, "BD": BLOCK}, num_warps=4), y


def clp_input(embedding: Tensor, shifted: Tensor, emb_scale: float, hidden_scale: float) -> Tensor:
    """See `reference.clp_input`; embedding [T, d] or [1, d], shifted [T, d]."""
    made, y = launch(embedding, shifted, emb_scale, hidden_scale)
    if y.shape[0] > 0:
        made.run()
    return y


def clp_rows(embedding: Tensor, saved: Tensor, position: Tensor, emb_scale: float, hidden_scale: float) -> Tensor:
    """See `static_reference.clp_rows`."""
    made, y = launch_rows(embedding, saved, position, emb_scale, hidden_scale)
    made.run()
    return y

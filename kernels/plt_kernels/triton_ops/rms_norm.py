"""Root-mean-square norm in Triton, alone or with the residual's addition before it; one program per row.

It does not know which norm of a model it computes.
"""

import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, power_of_two, require

NAME = "rms_norm"


@triton.jit
def norm_rows(
    x, residual, weight, total, y, eps, stride_x,
    D: tl.constexpr, BD: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
):  # fmt: skip
    """Row i of x, in HAS_RESIDUAL mode plus row i of residual, whose sum is stored as it is rounded and then normed."""
    i_row = tl.program_id(0).to(tl.int64)
    o_d = tl.arange(0, BD)
    m_d = o_d < D
    b_x = tl.load(x + i_row * stride_x + o_d, mask=m_d, other=0.0).to(tl.float32)
    if HAS_RESIDUAL:
        b_x += tl.load(residual + i_row * D + o_d, mask=m_d, other=0.0).to(tl.float32)
        b_total = b_x.to(total.dtype.element_ty)
        tl.store(total + i_row * D + o_d, b_total, mask=m_d)
        b_x = b_total.to(tl.float32)
    b_w = tl.load(weight + o_d, mask=m_d, other=0.0).to(tl.float32)
    b_y = b_x / tl.sqrt(tl.sum(b_x * b_x, 0) / D + eps) * b_w
    tl.store(y + i_row * D + o_d, b_y.to(y.dtype.element_ty), mask=m_d)


def launch(x: Tensor, residual: Tensor | None, weight: Tensor, eps: float) -> tuple[Launch, Tensor, Tensor]:
    """The launch, the sum [T, d] (x itself without a residual) and the normed rows [T, d] of x [T, d]."""
    T, D = x.shape
    require(weight.shape == (D,) and weight.is_contiguous(), NAME, f"x {[*x.shape]}, weight {[*weight.shape]}")
    require(x.stride(1) == 1, NAME, "the last dimension must be contiguous")
    if residual is not None:
        fits = residual.shape == x.shape and residual.is_contiguous()
        require(fits, NAME, f"x {[*x.shape]}, residual {[*residual.shape]}, which must be contiguous")
    y = x.new_empty(x.shape)
    total = x if residual is None else x.new_empty(x.shape)
    made = Launch(
        norm_rows,
        (T,),
        {"x": x, "residual": residual, "weight": weight, "total": total, "y": y, "eps": eps, "stride_x": x.stride(0)},
        {"D": D, "BD": power_of_two(D), "HAS_RESIDUAL": residual is not None},
        num_warps=8 if D > 2048 else 4,
    )
    return made, total, y


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """See `reference.rms_norm`."""
    made, _, y = launch(x.reshape(-1, x.shape[-1]), None, weight, eps)
    if y.shape[0] > 0:
        made.run()
    return y.view(x.shape)


def add_rms_norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """See `static_reference.add_rms_norm`."""
    made, total, y = launch(x.reshape(-1, x.shape[-1]), residual.reshape(-1, x.shape[-1]), weight, eps)
    if y.shape[0] > 0:
        made.run()
    return total.view(x.shape), y.view(x.shape)

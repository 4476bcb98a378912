"""silu(gate) * up in Triton, over the two halves of one projection's output.

It does not know what is projected.
"""

import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, require

BLOCK = 1024


@triton.jit
def gated_rows(gate_up, y, stride_x, F: tl.constexpr, BF: tl.constexpr):
    """Block (axis 1) of a row (axis 0)."""
    i_row = tl.program_id(0).to(tl.int64)
    o_f = tl.program_id(1) * BF + tl.arange(0, BF)
    m_f = o_f < F
    b_gate = tl.load(gate_up + i_row * stride_x + o_f, mask=m_f, other=0.0).to(tl.float32)
    b_up = tl.load(gate_up + i_row * stride_x + F + o_f, mask=m_f, other=0.0).to(tl.float32)
    tl.store(y + i_row * F + o_f, (b_gate / (1 + tl.exp(-b_gate)) * b_up).to(y.dtype.element_ty), mask=m_f)


def launch(gate_up: Tensor) -> tuple[Launch, Tensor]:
    """The launch and its result [T, f] for gate_up [T, 2f]."""
    T, F = gate_up.shape[0], gate_up.shape[1] // 2
    require(gate_up.shape[1] % 2 == 0 and gate_up.stride(1) == 1, "swiglu", f"gate_up {[*gate_up.shape]}")
    y = gate_up.new_empty((T, F))
    arguments = {"gate_up": gate_up, "y": y, "stride_x": gate_up.stride(0)}
    return Launch(gated_rows, (T, triton.cdiv(F, BLOCK)), arguments, {"F": F, "BF": BLOCK}, num_warps=4), y


def swiglu(gate_up: Tensor) -> Tensor:
    """See `reference.swiglu`."""
    made, y = launch(gate_up.reshape(-1, gate_up.shape[-1]))
    if y.shape[0] > 0:
        made.run()
    return y.view(*gate_up.shape[:-1], y.shape[-1])

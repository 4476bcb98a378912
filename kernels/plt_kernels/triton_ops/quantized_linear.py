"""A projection with int8 or int4 weights in Triton, for the few rows of a decode, which share one read of the weights.

It does not know packs; the forms are those of `static_reference.quantized_linear`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from plt_kernels.launch import Launch, LaunchTable, power_of_two, require, table_for
from plt_kernels.triton_ops.matrix_product import product_dtype

NAME = "quantized_linear"
# Rows that one program takes; a product has no fewer.
ROWS = 16


@triton.jit
def _numbers(b_q, p_scale, p_minimum, o_o, m_o, i_g, GROUPS: tl.constexpr, BG: tl.constexpr, HAS_MINIMUM: tl.constexpr):
    """Values q [BO, BK] times their groups' scales plus minima, in float32; BG groups from i_g on."""
    o_g = i_g + tl.arange(0, BG)
    m_g = m_o[:, None] & (o_g < GROUPS)[None, :]
    o_scale = o_o[:, None] * GROUPS + o_g[None, :]
    BO: tl.constexpr = b_q.shape[0]
    BK: tl.constexpr = b_q.shape[1]
    b_w = tl.reshape(b_q.to(tl.float32), [BO, BG, BK // BG])
    b_w *= tl.load(p_scale + o_scale, mask=m_g, other=0.0).to(tl.float32)[:, :, None]
    if HAS_MINIMUM:
        b_w += tl.load(p_minimum + o_scale, mask=m_g, other=0.0).to(tl.float32)[:, :, None]
    return tl.reshape(b_w, [BO, BK])


@triton.jit(do_not_specialize=["num_rows"])
def few_rows(
    x, values, scale, minimum, bias, y, num_rows, num_outputs, stride_x,
    INPUTS: tl.constexpr, GROUPS: tl.constexpr, BG: tl.constexpr, IS_INT4: tl.constexpr, HAS_BIAS: tl.constexpr,
    BM: tl.constexpr, BO: tl.constexpr, BK: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """Outputs (axis 0) of rows (axis 1); one scale per output is applied to the sums, others to the weights."""
    o_o = tl.program_id(0) * BO + tl.arange(0, BO)
    o_m = tl.program_id(1) * BM + tl.arange(0, BM)
    m_o, m_m = o_o < num_outputs, o_m < num_rows
    o_row = o_o.to(tl.int64)[:, None]
    p_x = x + o_m[None, :] * stride_x
    b_y = tl.zeros([BO, BM], tl.float32)
    for i_k in range(0, INPUTS, BK):
        if IS_INT4:
            o_b = i_k // 2 + tl.arange(0, BK // 2)
            m_b = o_b < INPUTS // 2
            b_q = tl.load(values + o_row * (INPUTS // 2) + o_b[None, :], mask=m_o[:, None] & m_b[None, :], other=0)
            i_g = i_k // (INPUTS // GROUPS)
            m_x = m_b[:, None] & m_m[None, :]
            b_w = _numbers(b_q & 15, scale, minimum, o_o, m_o, i_g, GROUPS, BG, True)
            b_x = tl.load(p_x + 2 * o_b[:, None], mask=m_x, other=0.0)
            b_y += tl.dot(b_w.to(b_x.dtype).to(DOT), b_x.to(DOT), input_precision="ieee")
            b_w = _numbers(b_q >> 4, scale, minimum, o_o, m_o, i_g, GROUPS, BG, True)
            b_x = tl.load(p_x + 2 * o_b[:, None] + 1, mask=m_x, other=0.0)
            b_y += tl.dot(b_w.to(b_x.dtype).to(DOT), b_x.to(DOT), input_precision="ieee")
        else:
            o_k = i_k + tl.arange(0, BK)
            m_k = o_k < INPUTS
            b_q = tl.load(values + o_row * INPUTS + o_k[None, :], mask=m_o[:, None] & m_k[None, :], other=0)
            b_x = tl.load(p_x + o_k[:, None], mask=m_k[:, None] & m_m[None, :], other=0.0)
            if GROUPS == 1:
                b_y += tl.dot(b_q.to(tl.float32).to(DOT), b_x.to(DOT), input_precision="ieee")
            else:
                b_w = _numbers(b_q, scale, minimum, o_o, m_o, i_k // (INPUTS // GROUPS), GROUPS, BG, False)
                b_y += tl.dot(b_w.to(b_x.dtype).to(DOT), b_x.to(DOT), input_precision="ieee")
    if GROUPS == 1 and not IS_INT4:
        b_y *= tl.load(scale + o_o, mask=m_o, other=0.0).to(tl.float32)[:, None]
    if HAS_BIAS:
        b_y += tl.load(bias + o_o, mask=m_o, other=0.0).to(tl.float32)[:, None]
    p_y = y + o_m[None, :] * num_outputs + o_o[:, None]
    tl.store(p_y, b_y.to(y.dtype.element_ty), mask=m_o[:, None] & m_m[None, :])


def launch(
    x: Tensor, values: Tensor, scale: Tensor, minimum: Tensor | None, bias: Tensor | None, table: LaunchTable
) -> tuple[Launch, Tensor]:
    """The launch and its result [M, O] for x [M, I]; see `static_reference.quantized_linear`."""
    (M, inputs), (outputs, groups) = x.shape, scale.shape
    is_int4 = values.dtype is torch.uint8
    group = inputs // groups
    _check(x, values, scale, minimum)
    # One scale per output is applied to the sums; else a step takes whole groups.
    is_grouped = is_int4 or groups > 1
    step = max(group, table.linear.columns) if is_grouped else table.linear.columns
    y = x.new_empty((M, outputs))
    made = Launch(
        few_rows,
        (triton.cdiv(outputs, table.linear.rows), triton.cdiv(M, ROWS)),
        {
            "x": x, "values": values, "scale": scale, "minimum": minimum, "bias": bias, "y": y, "num_rows": M,
            "num_outputs": outputs, "stride_x": x.stride(0),
        },
        {
            "INPUTS": inputs, "GROUPS": groups, "BG": step // group if is_grouped else 1, "IS_INT4": is_int4,
            "HAS_BIAS": bias is not None, "BM": ROWS, "BO": table.linear.rows, "BK": step,
            "DOT": product_dtype(x.dtype),
        },
        table.linear.num_warps,
        table.linear.num_stages,
    )  # fmt: skip
    return made, y


def _check(x: Tensor, values: Tensor, scale: Tensor, minimum: Tensor | None) -> None:
    inputs, (outputs, groups) = x.shape[1], scale.shape
    is_int4 = values.dtype is torch.uint8
    fits = values.shape[0] == outputs and values.shape[1] * (2 if is_int4 else 1) == inputs and x.stride(1) == 1
    require(fits, NAME, f"x {[*x.shape]}, values {[*values.shape]}, scale {[*scale.shape]}")
    require(is_int4 == (minimum is not None), NAME, "int4 has minima, int8 has none")
    require(minimum is None or minimum.shape == scale.shape, NAME, "scale and minimum differ in their shapes")
    group = inputs // groups
    whole = inputs % groups == 0 and (group == power_of_two(group) or (groups == 1 and not is_int4))
    require(whole, NAME, f"{groups} groups of {inputs} inputs are no power of two wide")
    contiguous = all(t.is_contiguous() for t in (values, scale, minimum) if t is not None)
    require(contiguous, NAME, "values, scale and minimum must be contiguous")


def quantized_linear(
    x: Tensor, values: Tensor, scale: Tensor, minimum: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """See `static_reference.quantized_linear`."""
    made, y = launch(x, values, scale, minimum, bias, table_for(x.device))
    made.run()
    return y

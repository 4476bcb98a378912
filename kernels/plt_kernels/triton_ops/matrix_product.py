"""The dtype in which kernels multiply matrices: that of their operands, which a device multiplies with sums in float32.

It does not know what is multiplied. Triton's interpreter has no product of bfloat16 (it would multiply the bit
patterns), so there the operands are widened first: they were rounded before, hence the result is the device's.
"""

import torch
import triton
import triton.language as tl

TRITON_DTYPES = {torch.bfloat16: tl.bfloat16, torch.float16: tl.float16, torch.float32: tl.float32}


def product_dtype(dtype: torch.dtype) -> tl.dtype:
    """Triton's name of the dtype that operands of `dtype` are multiplied in."""
    return tl.float32 if triton.knobs.runtime.interpret else TRITON_DTYPES[dtype]

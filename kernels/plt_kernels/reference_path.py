"""All operations of the reference path: what runs where there is no triton, no GPU, or where it is asked for.

It only gathers; the definitions are in `reference` and `static_reference`.
"""

from plt_kernels.reference import band_bias as band_bias
from plt_kernels.reference import causal_attention as causal_attention
from plt_kernels.reference import clp_input as clp_input
from plt_kernels.reference import loop_attention_decode as loop_attention_decode
from plt_kernels.reference import loop_attention_prefill as loop_attention_prefill
from plt_kernels.reference import rms_norm as rms_norm
from plt_kernels.reference import swiglu as swiglu
from plt_kernels.static_reference import add_rms_norm as add_rms_norm
from plt_kernels.static_reference import clp_rows as clp_rows
from plt_kernels.static_reference import quantized_linear as quantized_linear
from plt_kernels.static_reference import ring_attention_decode as ring_attention_decode
from plt_kernels.static_reference import rope_and_append as rope_and_append
from plt_kernels.static_reference import varlen_loop_attention_prefill as varlen_loop_attention_prefill

"""All operations of the Triton path under the names of their twins; importing it needs triton.

It only gathers; what each computes is said by its twin in `reference` or `static_reference`.
"""

from plt_kernels.triton_ops.clp_input import clp_input as clp_input
from plt_kernels.triton_ops.clp_input import clp_rows as clp_rows
from plt_kernels.triton_ops.loop_attention_decode import loop_attention_decode as loop_attention_decode
from plt_kernels.triton_ops.loop_attention_decode import ring_attention_decode as ring_attention_decode
from plt_kernels.triton_ops.loop_attention_prefill import band_bias as band_bias
from plt_kernels.triton_ops.loop_attention_prefill import causal_attention as causal_attention
from plt_kernels.triton_ops.loop_attention_prefill import loop_attention_prefill as loop_attention_prefill
from plt_kernels.triton_ops.loop_attention_prefill import varlen_loop_attention_prefill as varlen_loop_attention_prefill
from plt_kernels.triton_ops.quantized_linear import quantized_linear as quantized_linear
from plt_kernels.triton_ops.rms_norm import add_rms_norm as add_rms_norm
from plt_kernels.triton_ops.rms_norm import rms_norm as rms_norm
from plt_kernels.triton_ops.rope_and_append import rope_and_append as rope_and_append
from plt_kernels.triton_ops.swiglu import swiglu as swiglu

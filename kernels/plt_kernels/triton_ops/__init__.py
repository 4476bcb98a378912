"""The operations as Triton kernels, one file per operation: the kernel, its launch as plain data, and the wrapper.

Importing one needs triton; `plt_kernels.dispatch` decides whether that happens. None of them knows who calls it.
"""

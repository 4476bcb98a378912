"""The operations of a Parallel Loop Transformer on tensors, each with a plain torch definition.

They know nothing of models, configurations or files.
"""

"""The engine: Parallel Loop Transformers from tokens to tokens.

It knows nothing of documents, editors or the language server protocol, and importing this package imports no torch.
"""

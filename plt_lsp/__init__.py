"""The language server: documents, features and editors' settings.

It knows nothing of tensors; models live behind `plt_lsp.engine_client` in a process of their own.
"""

__version__ = "0.1.0"

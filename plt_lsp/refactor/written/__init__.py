"""Refactorings that a model writes, each checked before anybody sees it.

They do not know the protocol; `plt_lsp.refactor.written.api` is what others use.
"""

"""Refactorings: exact ones by syntax tree, ones that the model writes, and the checks that every one passes.

They do not know the protocol; `plt_lsp.features` speaks it.
"""

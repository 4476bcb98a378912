"""Explanations of selected code: facts of the syntax tree and the index, and behind them the model's own words.

It does not know the protocol; `plt_lsp.features.explain` speaks it.
"""

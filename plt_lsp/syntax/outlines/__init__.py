"""Tables of what to look for in a syntax tree, one for each language, in tree-sitter's query language.

They hold no code and know nothing of how they are read; `plt_lsp.syntax.outline` says what the captures mean.
"""

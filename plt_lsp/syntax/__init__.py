"""Syntax trees of open documents: which grammar, the tree, and what it says about a place.

Nothing here knows the protocol, the editor or the engine; loading a grammar is the only thing done outside memory.
"""

"""The features of the protocol, one file each, registered from the list in `plt_lsp.server`.

A feature converts, takes a snapshot and hands over; it holds no state of its own.
"""

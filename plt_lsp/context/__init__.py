"""From a snapshot to a prompt: pure functions.

Nothing here does IO, looks at a clock, or knows the engine's process or the protocol.
"""

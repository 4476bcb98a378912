"""From the model's text to the text that is offered: pure functions.

Nothing here does IO, looks at a clock, or knows the engine's process or the protocol.
"""

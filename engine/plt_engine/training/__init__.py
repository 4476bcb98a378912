"""The recipe of the shipped model: data, formats, training loop and export, in three commands.

Nothing outside this package imports it: the engine that users run does not know how its weights came about.
"""

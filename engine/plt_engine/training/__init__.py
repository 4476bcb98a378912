"""The recipe of the shipped model: data, formats, training loop and export, in three commands.

Only the evaluation imports it, for the held-out files: the engine does not know how its weights came about.
"""

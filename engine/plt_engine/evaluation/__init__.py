"""The measuring of packs: bits per byte, completion and infilling on held-out code, with intervals.

Nothing that users run while editing imports it.
"""

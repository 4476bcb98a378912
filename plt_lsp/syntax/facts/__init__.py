"""Facts about a piece of code that its syntax tree shows for certain: what it calls, raises, returns and touches.

What a tree leaves open is not said. It does not know other files, nor how facts are worded.
"""

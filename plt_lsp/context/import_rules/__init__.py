"""Which files of a workspace an import means, by the rules of its language, one module for each group of languages.

What is not said by a rule is not found; nothing here guesses from likeness of names.
"""

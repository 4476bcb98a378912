"""The words that the evaluations' commands have in common: what is read of them, and what goes on to the engine's half.

It does not know any command.
"""

import argparse
from collections.abc import Iterator, Sequence


def positive(word: str) -> int:
    """A whole number from 1, for argparse.

    Raises:
        argparse.ArgumentTypeError: it is less; ValueError: it is none.
    """
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word}: write 1 or more")
    return number


def passed_on(options: argparse.Namespace, names: Sequence[str]) -> Iterator[str]:
    """The options of these names as words again, those that were not given left out."""
    for name in names:
        value, word = getattr(options, name), f"--{name.replace('_', '-')}"
        if value is True:
            yield word
        elif isinstance(value, list):
            yield from (word, *map(str, value))
        elif value is not None and value is not False:
            yield from (word, str(value))

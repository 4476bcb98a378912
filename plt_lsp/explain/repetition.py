"""Where a model that turns in circles begins to say again what it has said, as small models do in prose.

It knows sentences; it does not know what they are about.
"""

import re
from collections import Counter

# Shorter ones, such as `It is a loop.`, are said again with good reason.
MIN_CHARS = 20
# Sentences that stand apart may come twice, as in a list of lines that do the same.
MOST_OFTEN = 2

_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?!\s)|(?<=\d)\.)+(?:[.!?](?=\s)|\n)")
_NUMBER = re.compile(r"^\W*\d*\W*")


def repetition_start(text: str) -> int | None:
    """Where the sentence begins that says the one before it again, or one for the third time; None where none does.

    Args:
        text: what was said so far; a sentence counts once something stands behind it.
    """
    last, counts = "", Counter[str]()
    for found in _SENTENCE.finditer(text):
        sentence = " ".join(_NUMBER.sub("", found[0]).split()).casefold()
        if len(sentence) < MIN_CHARS:
            continue
        if sentence == last or counts[sentence] == MOST_OFTEN:
            return found.start()
        last = sentence
        counts[sentence] += 1
    return None

"""Where a model is no longer sure of its text: a pure rule on the log-probabilities of the tokens it chose.

It knows numbers only, neither tokens nor text.
"""

import math
from collections.abc import Sequence

WINDOW_TOKENS = 4


def is_unsure(log_probabilities: Sequence[float], min_probability: float) -> bool:
    """Whether the text should end before its last token.

    The geometric mean of the last four probabilities (of all, where there are fewer) must not be below the threshold.
    One doubtful token among sure ones passes, as after a dot; a doubtful run does not.

    Args:
        log_probabilities: of the tokens so far, the new one last; natural logarithms.
        min_probability: 0 (never unsure) to 1.
    """
    if min_probability <= 0 or not log_probabilities:
        return False
    recent = log_probabilities[-WINDOW_TOKENS:]
    return sum(recent) / len(recent) < math.log(min_probability)

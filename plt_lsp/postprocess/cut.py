"""What a filter returns: the text that is left, and why.

It does not know any filter.
"""

from collections.abc import Callable
from dataclasses import dataclass

from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View


@dataclass(frozen=True, slots=True)
class Cut:
    """A text after a filter.

    Attributes:
        text: what is left.
        reason: why it is another than before, or None where it is not.
        is_final: whether no further text of the model can change it.
    """

    text: str
    reason: Reason | None = None
    is_final: bool = False


Filter = Callable[[str, View], Cut]

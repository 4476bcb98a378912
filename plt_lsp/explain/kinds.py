"""The kinds of explanation: what each asks the model, and how much it may say.

It does not know what is explained.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What the user wants to know."""

    EXPLAIN = "explain"
    ONE_SENTENCE = "oneSentence"
    LINE_BY_LINE = "lineByLine"
    WHAT_COULD_GO_WRONG = "whatCouldGoWrong"


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind's question.

    Attributes:
        title: what the answer is called.
        question: as the model is asked.
        max_tokens: of the answer; what a session can be taken back by without reading the code again bounds it.
        stop: texts that end the answer.
    """

    title: str
    question: str
    max_tokens: int
    stop: tuple[str, ...] = ()


ASKS: Mapping[Kind, Ask] = MappingProxyType(
    {
        Kind.EXPLAIN: Ask("Explanation", "Explain in a few sentences what this code does and why.", 180),
        Kind.ONE_SENTENCE: Ask("In one sentence", "Say in one short sentence what this code does.", 60, ("\n",)),
        Kind.LINE_BY_LINE: Ask("Line by line", "Explain this code line by line, as a numbered list.", 220),
        Kind.WHAT_COULD_GO_WRONG: Ask(
            "What could go wrong", "Which inputs or states could make this code fail? List them shortly.", 160
        ),
    }
)

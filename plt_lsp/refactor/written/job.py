"""What a kind of written refactoring would do at a place: the stretch, what the model is asked in turn, and the checks.

It does not know the kinds, nor how a model is reached.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from plt_engine.types import Prompt, Question, StopUnit
from plt_lsp.positions import Cursor
from plt_lsp.refactor.written.change import Check


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which try it is.

    Attributes:
        number: 0 for the first, 1 for the one that is to repair it.
        fault: what was wrong with the one before, as a sentence.
    """

    number: int = 0
    fault: str = ""


def _raw(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Ask:
    """One text that the model is to write, in each form that a pack may have.

    Attributes:
        infill: what stands around it, or None where it cannot be asked for so.
        question: the question with the beginning of the answer, or None where it cannot be asked for so.
        stop: texts that end it.
        max_tokens: the most that it may have.
        unit: after which it ends by itself.
        indent_columns: of the line where it begins, for a block; in a question that line stands at the margin.
        preview: the whole new text of the stretch, from what the model has said so far.
    """

    infill: Prompt | None
    question: Question | None
    stop: tuple[str, ...]
    max_tokens: int
    unit: StopUnit = StopUnit.NONE
    indent_columns: int = 0
    preview: Callable[[str], str] = _raw


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model has written.

    Attributes:
        text: all of it, with line feeds.
        is_whole: whether it ended by itself, and not for want of room.
    """

    text: str
    is_whole: bool


Steps = Generator[Ask, Answer, str]
"""Asks one after another; it ends with the new text of the stretch, or raises RefusedError."""


@dataclass(frozen=True, slots=True)
class Job:
    """A refactoring at a place.

    Attributes:
        title: as the user reads it.
        description: one sentence about what it does.
        start: where the stretch begins that it may change.
        end: where it ends.
        steps: what the model is asked.
        checks: that the result must pass beside those of all kinds.
        needs_chat: whether it can be asked as a question only.
        hides_secrets: whether what the model is shown of it has something in place of a secret.
    """

    title: str
    description: str
    start: Cursor
    end: Cursor
    steps: Callable[[Attempt], Steps]
    checks: tuple[Check, ...]
    needs_chat: bool = False
    hides_secrets: bool = False

"""The text that chosen tokens grow into, which says what may be chosen next and where it ends.

It knows tokens and texts, but neither models nor how a token is chosen.
"""

from collections.abc import Sequence

from torch import Tensor

from plt_engine.confidence import is_unsure
from plt_engine.identifier import NameChoice
from plt_engine.stopping import TextStopper
from plt_engine.tokenizer import StreamDecoder
from plt_engine.types import FinishReason, GenerationRequest
from plt_engine.vocabulary import Vocabulary

UNIT_ENDS = (FinishReason.STOP_STRING, FinishReason.END_OF_LINE, FinishReason.END_OF_BLOCK)


class GrowingText:
    """A text: what healing takes away, half characters, stop rules, sureness, and what it must be.

    Attributes:
        remainder: bytes that must be spelled first and are no part of it.
        log_probabilities: of its tokens, where they are wanted.
        wants_probabilities: whether they are.

    Raises:
        RequestError: what it must be leaves nothing to choose.
    """

    def __init__(self, vocabulary: Vocabulary, request: GenerationRequest, remainder: bytes) -> None:
        self.remainder = remainder
        self.log_probabilities: list[float] = []
        self._vocabulary = vocabulary
        self._decoder = StreamDecoder(vocabulary.tokenizer)
        self._stopper = TextStopper(request.stop)
        self._min_probability = request.stop.min_probability
        self._name: NameChoice | None = None
        if request.constraint is not None:
            self._name = NameChoice(request.constraint, vocabulary.name_tokens, vocabulary.healer)
        self.wants_probabilities = request.log_probabilities or self._min_probability > 0

    @property
    def text(self) -> str:
        """What there is of it; where it has ended, all of it."""
        return self._stopper.text

    @property
    def allowed(self) -> Sequence[int] | Tensor | None:
        """The ids that may come next, or None for all."""
        if self._name is not None:
            return self._name.allowed(self.text, self.remainder)
        return self._vocabulary.healer.allowed(self.remainder) if self.remainder else None

    @property
    def is_bound(self) -> bool:
        """Whether not every token may come next, so that nothing can be guessed."""
        return bool(self.remainder) or self._name is not None

    def push(self, token: int, log_probability: float) -> tuple[str, FinishReason | None]:
        """Add a token; returns the text that is certain now, and why the text ends, if it does."""
        if self._name is not None and not self.remainder and self._name.ends(token):
            return "", FinishReason.END_OF_IDENTIFIER
        if token in self._vocabulary.end_ids:
            return "", FinishReason.END_OF_TEXT
        spelled = self._vocabulary.tokenizer.token_bytes(token)
        overlap = min(len(spelled), len(self.remainder))
        self.remainder = self.remainder[overlap:]
        adds = overlap == 0 if self._name is None else overlap < len(spelled)
        if self.wants_probabilities and adds:
            # What healing spells again was the user's own text: it says nothing of the model's sureness. A name's first
            # token counts nevertheless, since the blank before it is all that it spells again.
            if is_unsure([*self.log_probabilities, log_probability], self._min_probability):
                return "", FinishReason.UNSURE
            self.log_probabilities.append(log_probability)
        return self._stopper.push(self._decoder.push_bytes(spelled[overlap:]))

    def flush(self, reason: FinishReason) -> str:
        """What was held back and may be shown now: nothing where a stop rule ended the text."""
        if reason in UNIT_ENDS:
            return ""
        certain, ended = self._stopper.push(self._decoder.flush())
        return certain if ended else certain + self._stopper.flush()

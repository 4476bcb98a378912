"""Copy drafts: a guess at the next tokens, taken from where the last few stood before in the same sequence.

Code repeats itself, so the guess is often right, and verifying several tokens costs little more than computing one. It
knows ids only; whether a guess is right is decided by whoever asks.
"""

from collections.abc import Iterable

NGRAM_TOKENS = 3
MAX_DRAFT_TOKENS = 5


# After so many guesses, guessing goes on only while at least a third of them turn out right.
TRIAL_TOKENS = 15


class CopyDrafter:
    """Remembers where each run of three tokens last ended in a growing sequence.

    Attributes:
        num_drafted: tokens guessed so far.
        num_accepted: of these, the right ones; counted by whoever verifies.
    """

    def __init__(self) -> None:
        self.num_drafted = 0
        self.num_accepted = 0
        self._tokens: list[int] = []
        self._end_of: dict[tuple[int, ...], int] = {}

    @property
    def num_tokens(self) -> int:
        """Length of the sequence."""
        return len(self._tokens)

    def extend(self, tokens: Iterable[int]) -> None:
        """Add tokens to the sequence."""
        for token in tokens:
            # The run that ends here is entered with the next token, so that it never finds itself.
            if len(self._tokens) >= NGRAM_TOKENS:
                self._end_of[tuple(self._tokens[-NGRAM_TOKENS:])] = len(self._tokens)
            self._tokens.append(token)

    def draft(self) -> list[int]:
        """What followed the last occurrence of the sequence's last three tokens, at most five; or nothing."""
        end = self._end_of.get(tuple(self._tokens[-NGRAM_TOKENS:]))
        if end is None or (self.num_drafted >= TRIAL_TOKENS and self.num_accepted * 3 < self.num_drafted):
            return []
        guess = self._tokens[end : end + MAX_DRAFT_TOKENS]
        self.num_drafted += len(guess)
        return guess

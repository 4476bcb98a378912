"""What generation needs of a pack's tokenizer, beside the texts of its tokens.

It knows no model, no prompt and no state of a generation.
"""

from dataclasses import dataclass
from functools import cached_property

from plt_engine.healing import TokenHealer
from plt_engine.identifier import NameTokens
from plt_engine.tokenizer import Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, the healer for it, and the ids that end a text."""

    tokenizer: Tokenizer
    healer: TokenHealer
    end_ids: frozenset[int]

    @cached_property
    def name_tokens(self) -> NameTokens:
        """What the tokens mean to identifiers, found out when the first one is asked for."""
        return NameTokens(self.tokenizer.vocab_size, self.healer.spelled, self.end_ids)

    def make_ready(self) -> None:
        """Find out now what would be found out when it is first asked for."""
        _ = self.name_tokens

"""Names as a constraint: which tokens go on with an identifier or end it, so that only a free one can be chosen.

It knows the spellings of a vocabulary's tokens, but no model, no prompt and no language: what may not be chosen, a
keyword or a name that is taken, its caller says.
"""

import re
import string
from collections.abc import Iterable

import torch
from torch import Tensor

from plt_engine.errors import RequestError
from plt_engine.healing import TokenHealer
from plt_engine.types import IdentifierConstraint

_CONTINUING = re.compile(rb"[A-Za-z0-9_]+")
_ANY_STYLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SNAKE_CASE = re.compile(r"[a-z_][a-z0-9_]*")
# Bytes that are in no identifier; those of letters beyond ASCII may be.
_ENDING = frozenset(range(0x80)) - frozenset(f"{string.ascii_letters}{string.digits}_".encode())
# What a name can be made longer with, a character at a time: whatever stands first is most often enough.
_CHARACTERS = string.ascii_lowercase + string.digits + "_" + string.ascii_uppercase


class NameTokens:
    """What each token of a vocabulary means to an identifier; made once for a tokenizer.

    Attributes:
        num_chars: [V], the characters that a token adds to an identifier; 0 where it cannot be a part of one.
        begins: [V], whether an identifier can begin with the token.
        is_snake: [V], whether the token is a part of an identifier and has no capital letter.
        ends: [V], whether an identifier is over with the token: it begins with a character that cannot be a part of
            one, or it ends a text. A token that holds both, such as `_(`, is neither a part nor an end.
        bytes_of: the bytes of each token that has any.
        characters: of which a token of its own makes an identifier longer.

    Args:
        vocab_size: V.
        spelled: the tokens that have bytes, each with them.
        end_ids: the tokens that end a text.
    """

    def __init__(self, vocab_size: int, spelled: Iterable[tuple[int, bytes]], end_ids: Iterable[int]) -> None:
        self.bytes_of = dict(spelled)
        parts = {i: data.decode() for i, data in self.bytes_of.items() if _CONTINUING.fullmatch(data)}
        self.num_chars = torch.zeros(vocab_size, dtype=torch.int64)
        self.num_chars[list(parts)] = torch.tensor([len(part) for part in parts.values()], dtype=torch.int64)
        self.begins = _mask(vocab_size, (i for i, part in parts.items() if not part[0].isdigit()))
        self.is_snake = _mask(vocab_size, (i for i, part in parts.items() if part == part.lower()))
        self.ends = _mask(vocab_size, (i for i, data in self.bytes_of.items() if data[0] in _ENDING))
        self.ends[[i for i in end_ids if i < vocab_size]] = True
        self._ids: dict[str, list[int]] = {}
        for i, part in parts.items():
            self._ids.setdefault(part, []).append(i)
        self.characters = "".join(one for one in _CHARACTERS if one in self._ids)

    def ids_of(self, part: str) -> list[int]:
        """The tokens that are spelled so, a part of an identifier."""
        return self._ids.get(part, [])


def _mask(size: int, ids: Iterable[int]) -> Tensor:
    mask = torch.zeros(size, dtype=torch.bool)
    mask[list(ids)] = True
    return mask


class NameChoice:
    """The tokens from which one name is chosen, as an `IdentifierConstraint` asks.

    Raises:
        RequestError: no name is left.
    """

    def __init__(self, constraint: IdentifierConstraint, tokens: NameTokens, healer: TokenHealer) -> None:
        self._tokens = tokens
        self._healer = healer
        self._forbidden = frozenset(constraint.forbidden)
        self._max_chars = constraint.max_chars
        self._is_snake_case = constraint.is_snake_case
        self._pattern = _SNAKE_CASE if constraint.is_snake_case else _ANY_STYLE
        if not self._leads_somewhere(""):
            raise RequestError(f"No name of at most {constraint.max_chars} characters is left; allow longer ones.")

    def is_free(self, name: str) -> bool:
        """Whether a text is an identifier that may be chosen."""
        is_short = len(name) <= self._max_chars
        return is_short and name not in self._forbidden and self._pattern.fullmatch(name) is not None

    def ends(self, token: int) -> bool:
        """Whether a token ends a name; it is no part of it."""
        return bool(self._tokens.ends[token])

    def allowed(self, name: str, remainder: bytes = b"") -> Tensor:
        """The ids [n] that may come next, ascending.

        Args:
            name: what there is of the identifier.
            remainder: bytes before it that are still to be spelled (see healing.py); `name` is empty then.
        """
        if remainder:
            return torch.tensor(sorted(i for i in self._healer.allowed(remainder) if self._heals(i, remainder)))
        tokens, room = self._tokens, self._max_chars - len(name)
        mask = (tokens.num_chars > 0) & (tokens.num_chars <= room)
        if not name:
            mask &= tokens.begins
        if self._is_snake_case:
            mask &= tokens.is_snake
        for longer in self._forbidden:
            if longer.startswith(name) and not self._leads_somewhere(longer):
                mask[tokens.ids_of(longer[len(name) :])] = False
        if self.is_free(name):
            mask |= tokens.ends
        return mask.nonzero()[:, 0]

    def _heals(self, token: int, remainder: bytes) -> bool:
        """Whether a token that agrees with the remainder spells no more behind it than the beginning of a name."""
        behind = self._tokens.bytes_of[token][len(remainder) :]
        return not behind or (behind.isascii() and self._begins_name(behind.decode()))

    def _begins_name(self, text: str) -> bool:
        if len(text) > self._max_chars or self._pattern.fullmatch(text) is None:
            return False
        return text not in self._forbidden or self._leads_somewhere(text)

    def _leads_somewhere(self, text: str) -> bool:
        """Whether the beginning of a name is one that may be chosen, or can be made longer until it is."""
        if self.is_free(text):
            return True
        longer = (text + one for one in self._tokens.characters)
        return any(self._begins_name(one) for one in longer)

"""Text to token ids and back, by a pack's `tokenizer.json`, and the decoder that streams text out of tokens.

It does not know prompts or their formats: a text that spells a control token is text, and control tokens are asked for
by name.
"""

import codecs
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import tokenizers

from plt_engine.errors import PackFormatError
from plt_engine.token_spelling import opening_tokens, spelling_of, strips_first_space, without_prepend


class Tokenizer:
    """A BPE tokenizer, byte-level or SentencePiece's.

    Attributes:
        vocab_size: one more than the highest id.
        special_ids: the ids of the control tokens, which have a name but no text.
        special_names: the names of the control tokens, with their ids.
        opening_ids: the control tokens that every prompt begins with, often none.
    """

    def __init__(self, document: Mapping[str, Any], where: str = "tokenizer.json") -> None:
        """Build from the content of a `tokenizer.json`; `where` is its name in messages.

        Raises:
            PackFormatError: the content is malformed or of another kind.
        """
        added = _added_tokens(document, where)
        _require_bpe(document, where)
        self._bytes_of = spelling_of(document, where)
        self._strips_space = strips_first_space(document)
        document, self._puts_space = without_prepend(document)
        self._encoder = _text_encoder(document, added, where)
        self._ids: dict[str, int] = {**document["model"]["vocab"], **{token["content"]: token["id"] for token in added}}
        self._tokens = {i: token for token, i in self._ids.items()}
        self._plain_added = frozenset(token["id"] for token in added if not _is_control(token))
        self.special_names = {token["content"]: token["id"] for token in added if _is_control(token)}
        self.special_ids = frozenset(self.special_names.values())
        self.vocab_size = max(self._tokens) + 1
        self.opening_ids = tuple(self._ids[token] for token in opening_tokens(document) if token in self._ids)

    @classmethod
    def from_file(cls, path: Path) -> "Tokenizer":
        """Read a `tokenizer.json`.

        Raises:
            PackFormatError: the file is missing or malformed.
        """
        try:
            document = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            raise PackFormatError(f"{path} does not exist; every pack has this file.") from None
        except orjson.JSONDecodeError as error:
            raise PackFormatError(f"{path}: not valid JSON ({error}). Build the pack anew.") from None
        if not isinstance(document, dict):
            raise PackFormatError(f"{path}: the document must be a JSON object. Build the pack anew.")
        return cls(document, str(path))

    def encode(self, text: str, *, follows: bool = False) -> list[int]:
        """The ids of a text, without any control token; half surrogate pairs become U+FFFD.

        Where the tokenizer puts a space before a text, it does so unless the text `follows` another or a control token.
        """
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if self._puts_space and whole and not follows:
            whole = f" {whole}"
        ids: list[int] = self._encoder.encode(whole, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens; bytes that are no UTF-8 become U+FFFD, control tokens nothing.

        Where the tokenizer puts a space before a text, `ids` are a whole text's, and that space is taken off again.
        """
        text = b"".join(map(self.token_bytes, ids)).decode("utf-8", "replace")
        return text.removeprefix(" ") if self._strips_space else text

    def token_bytes(self, token_id: int) -> bytes:
        """The exact bytes of a token; none for a control token, nor for an id that no token has."""
        token = self._tokens.get(token_id)
        if token is None or token_id in self.special_ids:
            return b""
        if token_id in self._plain_added:
            return token.encode()
        return self._bytes_of(token)

    def special_id(self, token: str) -> int | None:
        """The id of the control token of this name, or None."""
        token_id = self._ids.get(token)
        return token_id if token_id in self.special_ids else None


class StreamDecoder:
    """Turns tokens into text one by one, holding bytes back until they are whole characters."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """The text that this token completes, which may be empty; bytes that can be no UTF-8 become U+FFFD."""
        return self.push_bytes(self._tokenizer.token_bytes(token_id))

    def push_bytes(self, data: bytes) -> str:
        """The text that these bytes complete, as `push`."""
        return self._utf8.decode(data)

    def flush(self) -> str:
        """End the stream: text still held back; the bytes of an unfinished character are dropped."""
        held, _ = self._utf8.getstate()
        self._utf8.reset()
        return held.decode("utf-8", "ignore")


def _added_tokens(document: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    added = document.get("added_tokens") or []
    for token in added:
        if (
            not isinstance(token, dict)
            or not isinstance(token.get("content"), str)
            or not isinstance(token.get("id"), int)
        ):
            raise PackFormatError(f"{where}: added_tokens holds {token!r}; each needs a content and an id.")
    return list(added)


def _require_bpe(document: Mapping[str, Any], where: str) -> None:
    model = document.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE" or not isinstance(model.get("vocab"), dict):
        raise PackFormatError(f"{where}: model must be a BPE with a vocab; other tokenizers are not supported.")


def _text_encoder(document: Mapping[str, Any], added: list[dict[str, Any]], where: str) -> tokenizers.Tokenizer:
    """The library's tokenizer without control tokens, so that it cannot find them in a text."""
    model = document["model"]
    plain = [token for token in added if not _is_control(token)]
    # Ids of added tokens continue those of the vocabulary by position, so they are kept by putting each into it.
    vocab = {**model["vocab"], **{token["content"]: token["id"] for token in plain}}
    stripped = {
        **document,
        "added_tokens": plain,
        "post_processor": None,
        "truncation": None,
        "padding": None,
        "model": {**model, "vocab": vocab},
    }
    try:
        return tokenizers.Tokenizer.from_str(orjson.dumps(stripped).decode())
    except Exception as error:  # The library raises bare Exception for whatever it cannot read.
        raise PackFormatError(f"{where}: {error}. Build the pack anew.") from None


def _is_control(token: Mapping[str, Any]) -> bool:
    """Whether an added token is a control token; some checkpoints forget to mark theirs, so brackets count too."""
    content = token["content"]
    return bool(token.get("special")) or (content[:1], content[-1:]) in (("<", ">"), ("[", "]"))

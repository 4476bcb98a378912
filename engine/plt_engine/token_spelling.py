"""How the tokens of a `tokenizer.json` spell bytes, and what it puts before a text.

It knows two families of vocabularies, byte-level (GPT-2) and SentencePiece; it encodes nothing.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

from plt_engine.errors import PackFormatError
from plt_engine.sentencepiece_model import SPACE

BYTE_TOKEN = re.compile("<0x([0-9A-Fa-f]{2})>")

Spelling = Callable[[str], bytes]
"""The exact bytes of a token of the vocabulary, by its name there."""


def spelling_of(document: Mapping[str, Any], where: str) -> Spelling:
    """How the tokens of a `tokenizer.json` are spelled; `where` is its name in messages.

    Raises:
        PackFormatError: its decoder is of neither family.
    """
    kinds = {str(step.get("type")) for step in _steps(document.get("decoder"), "decoders")}
    if "ByteLevel" in kinds:
        byte_of = {character: byte for byte, character in enumerate(byte_alphabet())}
        return lambda token: bytes(byte_of[character] for character in token)
    if "ByteFallback" in kinds:
        return _sentencepiece_bytes
    if "Metaspace" in kinds:
        return lambda token: token.replace(SPACE, " ").encode()
    raise PackFormatError(
        f"{where}: decoder must be ByteLevel, or SentencePiece's ByteFallback or Metaspace; other tokenizers are not "
        "supported."
    )


def _sentencepiece_bytes(token: str) -> bytes:
    byte = BYTE_TOKEN.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(SPACE, " ").encode()


def strips_first_space(document: Mapping[str, Any]) -> bool:
    """Whether the space that a whole text begins with is not its own, but was put before it."""
    return any(
        (step.get("type") == "Strip" and step.get("content") == " " and step.get("start", 0) > 0)
        or (step.get("type") == "Metaspace" and step.get("prepend_scheme", "always") != "never")
        for step in _steps(document.get("decoder"), "decoders")
    )


def opening_tokens(document: Mapping[str, Any]) -> list[str]:
    """The names of the control tokens that the document's template puts before a single text."""
    for step in _steps(document.get("post_processor"), "processors"):
        if step.get("type") == "TemplateProcessing":
            template = [item.get("SpecialToken") for item in step.get("single", [])]
            return [str(token["id"]) for token in itertools.takewhile(bool, template)]
    return []


def without_prepend(document: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The document without the step that puts a space before a text, and whether it had one.

    The library takes that step anew after each token that it finds in a text; SentencePiece does it once per text.
    """
    normalizer = document.get("normalizer")
    steps = _steps(normalizer, "normalizers")
    kept = [step for step in steps if not (step.get("type") == "Prepend" and step.get("prepend") == SPACE)]
    if len(kept) == len(steps):
        return dict(document), False
    return {**document, "normalizer": {"type": "Sequence", "normalizers": kept} if kept else None}, True


def _steps(step: object, children: str) -> list[Mapping[str, Any]]:
    """A processing step and all steps inside it, in order."""
    if not isinstance(step, dict):
        return []
    inner = [nested for child in step.get(children, []) for nested in _steps(child, children)]
    return inner if step.get("type") == "Sequence" else [step, *inner]


def byte_alphabet() -> str:
    """The 256 characters that stand for the bytes 0..255 in a byte-level vocabulary (GPT-2).

    A printable Latin-1 character stands for itself; the others take the characters from U+0100 on, in order.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(others)) for byte in range(256))

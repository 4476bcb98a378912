"""A SentencePiece `tokenizer.model` of the BPE kind as a `tokenizer.json`: the same ids for every text.

It reads the file's own format, so that nobody needs the library that wrote it; it does not know which tokens a
checkpoint adds to them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from plt_engine.errors import PackFormatError

SPACE = "\u2581"  # SentencePiece writes a space as LOWER ONE EIGHTH BLOCK
BPE = 2  # TrainerSpec.ModelType


class PieceKind(IntEnum):
    """What a piece is (sentencepiece_model.proto, SentencePiece.Type)."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of the vocabulary; of two neighbours to merge, those come first whose piece has the higher score."""

    text: str
    score: float
    kind: PieceKind


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """What a `tokenizer.model` says; `adds_space` is whether a text is read as if a space stood before it."""

    pieces: tuple[Piece, ...]
    adds_space: bool
    byte_fallback: bool


def read_model(path: Path) -> SentencePieceModel:
    """Read a `tokenizer.model`.

    Raises:
        PackFormatError: it is malformed, of another kind than BPE, or changes a text before it splits it.
    """
    try:
        fields = list(_fields(path.read_bytes()))
        pieces = tuple(_piece(bytes(value)) for number, value in fields if number == 1)
        trainer = dict(_fields(_last(fields, 2)))
        normalizer = dict(_fields(_last(fields, 3)))
    except (IndexError, ValueError, struct.error, TypeError) as error:
        raise PackFormatError(f"{path} is no SentencePiece model ({error}). Fetch it again.") from None
    if trainer.get(3, 1) != BPE:
        raise PackFormatError(f"{path}: its model type is {trainer.get(3, 1)}; only BPE ({BPE}) is supported.")
    _refuse_rewriting(path, normalizer, trainer)
    if any(piece.kind is PieceKind.UNUSED for piece in pieces):
        raise PackFormatError(f"{path} has unused pieces, which are not supported.")
    return SentencePieceModel(pieces, bool(normalizer.get(3, 1)), bool(trainer.get(35, 0)))


def _refuse_rewriting(path: Path, normalizer: dict[int, Any], trainer: dict[int, Any]) -> None:
    """Code must come back as it was written: a model that folds characters or blanks cannot be served."""
    wrong = {
        "folds characters (precompiled_charsmap)": bool(normalizer.get(2)),
        "removes extra whitespaces": bool(normalizer.get(4, 1)),
        "does not escape whitespaces": not normalizer.get(5, 1),
        "writes spaces at the end of words": bool(trainer.get(24, 0)),
    }
    for fact, holds in wrong.items():
        if holds:
            raise PackFormatError(f"{path} {fact}, so that a text would not come back as it was; it is not supported.")


def _piece(data: bytes) -> Piece:
    values = dict(_fields(data))
    (score,) = struct.unpack("<f", values.get(2, bytes(4)))
    return Piece(bytes(values[1]).decode(), score, PieceKind(values.get(3, 1)))


def _last(fields: list[tuple[int, Any]], number: int) -> bytes:
    return next((bytes(value) for key, value in reversed(fields) if key == number), b"")


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer message: number and value, an integer or the bytes of what is longer."""
    i = 0
    while i < len(data):
        key, i = _varint(data, i)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, i = _varint(data, i)
            yield number, value
            continue
        if wire_type == 2:
            size, i = _varint(data, i)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if i + size > len(data):
            raise ValueError("it ends too early")
        yield number, data[i : i + size]
        i += size


def _varint(data: bytes, i: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[i]
        value |= (byte & 127) << shift
        shift, i = shift + 7, i + 1
        if byte < 128:
            return value, i


def tokenizer_document(model: SentencePieceModel, added_tokens: list[dict[str, Any]]) -> dict[str, Any]:
    """The `tokenizer.json` of a model.

    Args:
        model: what `tokenizer.model` says.
        added_tokens: what the checkpoint adds to it, in the form of `tokenizer.json`; an id given here wins.
    """
    given = {token["id"] for token in added_tokens}
    added = [_added(i, piece) for i, piece in enumerate(model.pieces) if _is_added(piece) and i not in given]
    unknown = next((piece.text for piece in model.pieces if piece.kind is PieceKind.UNKNOWN), None)
    prepend = [{"type": "Prepend", "prepend": SPACE}] if model.adds_space else []
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if model.adds_space else []
    to_space = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    from_space = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted([*added, *added_tokens], key=lambda token: int(token["id"])),
        "normalizer": {"type": "Sequence", "normalizers": [*prepend, from_space]},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [to_space, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": model.byte_fallback,
            "ignore_merges": False,
            "vocab": {piece.text: i for i, piece in enumerate(model.pieces)},
            "merges": [list(pair) for pair in merges_of(model)],
        },
    }


def _is_added(piece: Piece) -> bool:
    # SentencePiece looks for its own pieces after it has rewritten spaces, so one spelled with a space is never found.
    is_found = piece.kind is PieceKind.USER_DEFINED and " " not in piece.text
    return is_found or piece.kind in (PieceKind.UNKNOWN, PieceKind.CONTROL)


def _added(token_id: int, piece: Piece) -> dict[str, Any]:
    return {
        "id": token_id,
        "content": piece.text.replace(SPACE, " "),
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": piece.kind is not PieceKind.USER_DEFINED,
    }


def merges_of(model: SentencePieceModel) -> list[tuple[str, str]]:
    """Every pair of pieces that make up a third: the highest score first, of one piece in the vocabulary's order.

    SentencePiece keeps no merges: it joins any two neighbours whose text is a piece, best score first.
    """
    ids = {piece.text: i for i, piece in enumerate(model.pieces) if piece.kind is PieceKind.NORMAL}
    ranked = sorted(ids, key=lambda text: (-model.pieces[ids[text]].score, ids[text]))
    merges: list[tuple[str, str]] = []
    for text in ranked:
        splits = ((text[:i], text[i:]) for i in range(1, len(text)))
        pairs = [pair for pair in splits if pair[0] in ids and pair[1] in ids]
        merges += sorted(pairs, key=lambda pair: (ids[pair[0]], ids[pair[1]]))
    return merges

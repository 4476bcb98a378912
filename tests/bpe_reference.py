"""Byte-level BPE written out from its definition, to judge the tokenizer by.

It shares no code with the `tokenizers` library, which transformers' tokenizers are built on too: comparing with those
would compare the library with itself. Splitting is by GPT-2's published pattern on the `regex` engine; a digit is any
character of Unicode's category N; merging applies the best-ranked pair of the piece until no pair has a rank.
"""

import itertools
from typing import Any

import regex

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def reference_encode(document: dict[str, Any], text: str) -> list[int]:
    """The ids of an ordinary text under a `tokenizer.json` whose vocabulary and merges are trusted, nothing else."""
    ranks = {tuple(pair): rank for rank, pair in enumerate(document["model"]["merges"])}
    vocab = document["model"]["vocab"]
    pieces = [piece for part in split_digits(text) for piece in regex.findall(GPT2_PATTERN, part)]
    return [vocab[symbol] for piece in pieces for symbol in merge(spell(piece), ranks)]


def split_digits(text: str) -> list[str]:
    """The text cut before and after every digit."""
    return regex.findall(r"\p{N}|\P{N}+", text)


def spell(piece: str) -> list[str]:
    """The piece's UTF-8 bytes, each as the character that stands for it in the vocabulary."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) if byte in shown else chr(256 + hidden.index(byte)) for byte in piece.encode()]


def merge(symbols: list[str], ranks: dict[tuple[str, ...], int]) -> list[str]:
    """Join the pair of lowest rank, everywhere from left to right, until no pair has a rank."""
    while True:
        pairs = [pair for pair in itertools.pairwise(symbols) if pair in ranks]
        if not pairs:
            return symbols
        best = min(pairs, key=ranks.__getitem__)
        joined: list[str] = []
        for symbol in symbols:
            if joined and (joined[-1], symbol) == best:
                joined[-1] += symbol
            else:
                joined.append(symbol)
        symbols = joined

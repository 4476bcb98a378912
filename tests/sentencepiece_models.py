"""Small SentencePiece models that the reference library itself trains on the tests' own code."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece

CORPUS = (Path(__file__).parent / "packs.py", Path(__file__).parent / "bpe_reference.py")


@cache
def trained_model(**changes: Any) -> bytes:
    """A `tokenizer.model`: BPE with byte fallback, digits one by one, and no rewriting of the text."""
    out = io.BytesIO()
    options = {
        "model_type": "bpe", "vocab_size": 700, "byte_fallback": True, "split_digits": True,
        "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "add_dummy_prefix": False,
        "allow_whitespace_only_pieces": True, "character_coverage": 0.999, "num_threads": 1, "minloglevel": 2,
    }  # fmt: skip
    lines = [line for path in CORPUS for line in path.read_text().split("\n")]
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, **{**options, **changes})
    return out.getvalue()


def processor(model: bytes) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=model)

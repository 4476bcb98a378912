"""The shipped model's vocabulary: the base's without its last merges, and with two unused tokens as FIM sentinels.

Dropping the last merges keeps the rest of the byte-pair encoding intact, so the kept tokens mean what they did; it does
not know models or packs.
"""

import copy
from collections.abc import Mapping
from typing import Any

from plt_engine.pack_manifest import FimFormat, FimOrder

VOCAB_SIZE = 16_384
END_OF_TEXT = "<|endoftext|>"
# Control tokens that the base met only in issue threads, if at all.
RENAMED = {"<issue_start>": "<fim_prefix>", "<issue_comment>": "<fim_suffix>"}
FIM = FimFormat(
    name="plt-coder",
    prefix="<fim_prefix>",
    suffix="<fim_suffix>",
    middle=None,
    order=FimOrder.SPM,
    stop=(END_OF_TEXT,),
    repo_name="<repo_name>",
    file_sep="<file_sep>",
)


def cut_tokenizer(document: Mapping[str, Any], vocab_size: int, renamed: Mapping[str, str]) -> dict[str, Any]:
    """A `tokenizer.json` that keeps the ids below `vocab_size`, with control tokens renamed.

    Args:
        document: the content of the base's `tokenizer.json`, a byte-level BPE whose ids follow the order of its merges.
        vocab_size: how many ids to keep.
        renamed: new names of control tokens by their old ones.

    Raises:
        ValueError: a token to be renamed is not among the kept control tokens.
    """
    cut = copy.deepcopy(dict(document))
    model = cut["model"]
    vocab = {renamed.get(token, token): i for token, i in model["vocab"].items() if i < vocab_size}
    model["vocab"] = vocab
    model["merges"] = [merge for merge in model["merges"] if _merged(merge) in vocab]
    cut["added_tokens"] = [
        {**token, "content": renamed.get(token["content"], token["content"])}
        for token in cut.get("added_tokens", [])
        if token["id"] < vocab_size
    ]
    missing = set(renamed.values()) - {token["content"] for token in cut["added_tokens"]}
    if missing:
        raise ValueError(f"The base's tokenizer has no control tokens to become {', '.join(sorted(missing))}.")
    return cut


def _merged(merge: str | list[str]) -> str:
    return "".join(merge) if isinstance(merge, list) else merge.replace(" ", "", 1)

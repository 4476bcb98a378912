"""The shipped model's vocabulary: the tokens of the base's that its training text needs most, two of them renamed.

A token is kept with all that it is merged of, so that the kept tokens mean what they did, and text that needs no other
is tokenised as before; it does not know models or packs.
"""

import copy
import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from plt_engine.pack_manifest import FimFormat, FimOrder

VOCAB_SIZE = 16_384
VOCABULARY_FILE = "vocabulary.json"
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


def choose_ids(document: Mapping[str, Any], counts: Mapping[int, int], size: int) -> list[int]:
    """The ids to keep, in ascending order: control tokens and single bytes, then what occurs most.

    Args:
        document: the content of the base's `tokenizer.json`, a byte-level BPE.
        counts: how often each id occurs.
        size: the most ids to keep; fewer are kept where the rest never occurs.

    Raises:
        ValueError: there is not even room for the control tokens and the bytes.
    """
    ids: dict[str, int] = document["model"]["vocab"]
    parts = {_merged(merge): _parts(merge) for merge in reversed(document["model"]["merges"])}
    kept = {i for token, i in ids.items() if token not in parts}
    kept |= {token["id"] for token in document.get("added_tokens", [])}
    if len(kept) > size:
        raise ValueError(f"A vocabulary of {size} has no room for the {len(kept)} control tokens and bytes.")
    tokens = {i: token for token, i in ids.items()}
    for token_id in sorted(counts, key=lambda i: (-counts[i], i)):
        needed = _closure(tokens[token_id], parts, ids, kept)
        if len(kept) + len(needed) > size:
            break
        kept |= needed
    return sorted(kept)


def _closure(
    token: str, parts: Mapping[str, tuple[str, str]], ids: Mapping[str, int], kept: Container[int]
) -> set[int]:
    """The token and all that it is merged of, without what is kept already."""
    found: set[int] = set()
    waiting = [token]
    while waiting:
        one = waiting.pop()
        if ids[one] not in kept and ids[one] not in found:
            found.add(ids[one])
            waiting += parts[one]
    return found


def write_vocabulary(folder: Path, kept: Sequence[int]) -> None:
    """Keep the ids beside the windows that are written with them."""
    (folder / VOCABULARY_FILE).write_text(json.dumps({"kept_ids": list(kept)}), encoding="utf-8")


def read_vocabulary(folder: Path) -> list[int]:
    """The base's ids that the windows in a folder were written with, in ascending order.

    Raises:
        FileNotFoundError: the folder has no such list.
    """
    kept: list[int] = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))["kept_ids"]
    return kept


def cut_tokenizer(document: Mapping[str, Any], kept: Container[int], renamed: Mapping[str, str]) -> dict[str, Any]:
    """A `tokenizer.json` with the kept ids alone, numbered anew in their order, and with control tokens renamed.

    Args:
        document: the content of the base's `tokenizer.json`.
        kept: the base's ids, as `choose_ids` gives them.
        renamed: new names of control tokens by their old ones.

    Raises:
        ValueError: a token to be renamed is not among the kept control tokens.
    """
    cut = copy.deepcopy(dict(document))
    model, added = cut["model"], cut.get("added_tokens", [])
    old = {*model["vocab"].values(), *(token["id"] for token in added)}
    new = {old_id: i for i, old_id in enumerate(sorted(i for i in old if i in kept))}
    vocab = {renamed.get(token, token): new[i] for token, i in model["vocab"].items() if i in new}
    model["vocab"] = vocab
    model["merges"] = [
        merge for merge in model["merges"] if _merged(merge) in vocab and all(part in vocab for part in _parts(merge))
    ]
    cut["added_tokens"] = [
        {**token, "id": new[token["id"]], "content": renamed.get(token["content"], token["content"])}
        for token in added
        if token["id"] in new
    ]
    missing = set(renamed.values()) - {token["content"] for token in cut["added_tokens"]}
    if missing:
        raise ValueError(f"The base's tokenizer has no control tokens to become {', '.join(sorted(missing))}.")
    return cut


def _merged(merge: str | list[str]) -> str:
    return "".join(_parts(merge))


def _parts(merge: str | list[str]) -> tuple[str, str]:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second

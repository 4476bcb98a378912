"""A checkpoint's folder as its publisher made it: configuration, tokenizer, chat template and licence out of its files.

It reads small files only; it loads no tensor, runs no code that a checkpoint brings, and does not know where packs go.
"""

import re
from pathlib import Path
from typing import Any

import orjson

from plt_engine.errors import PackFormatError
from plt_engine.json_object import JsonObject
from plt_engine.pack import CONFIG_FILE, TOKENIZER_FILE
from plt_engine.sentencepiece_model import read_model, tokenizer_document

GENERATION_FILE = "generation_config.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
ADDED_TOKENS_FILE = "added_tokens.json"
SENTENCEPIECE_FILE = "tokenizer.model"
CHAT_FILE = "chat_template.jinja"
CARD_FILE = "README.md"
SMALL_FILES = (
    CONFIG_FILE,
    GENERATION_FILE,
    TOKENIZER_FILE,
    SENTENCEPIECE_FILE,
    TOKENIZER_CONFIG_FILE,
    ADDED_TOKENS_FILE,
    CHAT_FILE,
    CARD_FILE,
)
"""Every file beside the weights that this module may read."""


def config_of(folder: Path) -> dict[str, Any]:
    """The checkpoint's `config.json` with all end tokens: some name further ones in `generation_config.json` only."""
    config = _object(folder / CONFIG_FILE)
    ends = [*_ids(config.get("eos_token_id")), *_ids(_object(folder / GENERATION_FILE).get("eos_token_id"))]
    return {**config, "eos_token_id": list(dict.fromkeys(ends))}


def _ids(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def tokenizer_of(folder: Path) -> dict[str, Any]:
    """The checkpoint's `tokenizer.json`, made from `tokenizer.model` where it has none.

    Raises:
        PackFormatError: there is neither, or it cannot be read.
    """
    if (folder / TOKENIZER_FILE).is_file():
        return _object(folder / TOKENIZER_FILE)
    if not (folder / SENTENCEPIECE_FILE).is_file():
        raise PackFormatError(f"{folder} has neither {TOKENIZER_FILE} nor {SENTENCEPIECE_FILE}; a pack needs one.")
    settings = _object(folder / TOKENIZER_CONFIG_FILE)
    document = tokenizer_document(read_model(folder / SENTENCEPIECE_FILE), _added_tokens(folder, settings))
    opening = _name(settings.get("bos_token")) if settings.get("add_bos_token") is True else None
    return document if opening is None else {**document, "post_processor": _opening_template(opening, document)}


def _added_tokens(folder: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """What a checkpoint adds to its SentencePiece model, each id once."""
    tokens: dict[int, dict[str, Any]] = {}
    for content, token_id in _object(folder / ADDED_TOKENS_FILE).items():
        tokens[token_id] = {"id": token_id, "content": content, "special": False}
    for key, token in settings.get("added_tokens_decoder", {}).items():
        if not key.isdigit() or not isinstance(token, dict):
            raise PackFormatError(f"{folder / TOKENIZER_CONFIG_FILE}: added_tokens_decoder holds {key!r}: {token!r}.")
        tokens[int(key)] = {"id": int(key), "content": token.get("content"), "special": bool(token.get("special"))}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [{**plain, **token} for token in tokens.values()]


def _name(token: object) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _opening_template(token: str, document: dict[str, Any]) -> dict[str, Any]:
    token_id = document["model"]["vocab"].get(token)
    text = [{"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "type": "TemplateProcessing",
        "single": text,
        "pair": [*text, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {token: {"id": token, "ids": [token_id], "tokens": [token]}},
    }


def chat_template_of(folder: Path) -> str | None:
    """The checkpoint's Jinja template for conversations, or None."""
    if (folder / CHAT_FILE).is_file():
        return (folder / CHAT_FILE).read_text(encoding="utf-8")
    template = _object(folder / TOKENIZER_CONFIG_FILE).get("chat_template")
    if isinstance(template, list):  # Several by name; the one for plain conversations is called "default".
        template = next((item.get("template") for item in template if item.get("name") == "default"), None)
    return template if isinstance(template, str) and template else None


def license_of(folder: Path) -> str:
    """The licence that the checkpoint's card names, or `unknown`."""
    card = folder / CARD_FILE
    if not card.is_file():
        return "unknown"
    head = re.match(r"---\r?\n(.*?)\r?\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    lines = head[1].splitlines() if head else []
    values = dict(re.findall(r"^(license|license_name): *[\"']?([^\"'\n]+?)[\"']? *$", "\n".join(lines), re.MULTILINE))
    return str(values.get("license_name") if values.get("license") == "other" else values.get("license")) or "unknown"


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one where the file does not exist."""
    if not path.is_file():
        return {}
    try:
        raw = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise PackFormatError(f"{path}: not valid JSON ({error}). Fetch it again.") from None
    JsonObject(raw, str(path))
    content: dict[str, Any] = raw
    return content

"""Tiny packs for tests: random weights, but real files in the real format, with a real byte-level BPE tokenizer.

Nothing is downloaded; the same arguments give the same bytes.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors.torch import save_file
from torch import Tensor

from plt_engine.fim import BARRED
from plt_engine.gguf_import import byte_level_bpe
from plt_engine.json_object import Figure
from plt_engine.pack import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, Pack, write_pack
from plt_engine.pack_manifest import (
    ChatFormat,
    Evidence,
    EvidenceKind,
    LoopSupport,
    PackManifest,
    PackSource,
    WeightFormat,
    WeightInfo,
)
from plt_engine.quantize import GROUP_SIZE, StoredWeight, quantize_int4, quantize_int8, tensors_of
from plt_engine.token_spelling import byte_alphabet

CORPUS = """def add(first, second):
    return first + second


class Counter:
    def __init__(self, start=0):
        self.value = start

    def increment(self):
        self.value += 1
        return self.value


for index in range(10):
    print(index, add(index, 1))
"""
CHAT = ChatFormat(
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
NUM_MERGES = 60


def tiny_tokenizer(fim: bool = True) -> dict[str, Any]:
    """A `tokenizer.json`: 256 bytes, 60 merges trained on a little Python, and control tokens (FIM's too if asked)."""
    alphabet = byte_alphabet()
    merges = train_merges(["".join(alphabet[byte] for byte in word.encode()) for word in _words(CORPUS)], NUM_MERGES)
    tokens = [*alphabet, *("".join(pair) for pair in merges)]
    control = (*CONTROL_TOKENS, *(token for token in BARRED.tokens if fim and token not in CONTROL_TOKENS))
    added = [
        {"id": len(tokens) + i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i, token in enumerate(control)
    ]  # fmt: skip
    vocab = {token: i for i, token in enumerate([*tokens, *control])}
    return byte_level_bpe(vocab, [list(pair) for pair in merges], added, splits_digits=True)


def _words(text: str) -> list[str]:
    """Words with the space before them, and runs of blanks: close to GPT-2's splitting, and enough for training."""
    return re.findall(r" ?\w+| ?[^\s\w]+|\s+(?!\S)|\s+", text)


def train_merges(words: Sequence[str], num_merges: int) -> list[tuple[str, str]]:
    """Byte-pair encoding's merges: again and again the most frequent pair of neighbours, the first of equals."""
    pieces = [list(word) for word in words]
    merges: list[tuple[str, str]] = []
    for _ in range(num_merges):
        counts = Counter(pair for piece in pieces for pair in itertools.pairwise(piece))
        best = max(sorted(counts), key=lambda pair: counts[pair])
        merges.append(best)
        pieces = [_merged(piece, best) for piece in pieces]
    return merges


def _merged(piece: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for symbol in piece:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged


def tiny_config(
    vocab_size: int, loops: int, gate_hidden: bool = True, normalize: bool = True, window: int = 8
) -> dict[str, object]:
    """The `config.json` of a small PLT, or of a dense Llama where `loops` is 1."""
    dense: dict[str, object] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocab_size,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": [256 + NUM_MERGES],
    }
    if loops == 1:
        return dense
    return {
        **dense,
        "architectures": ["IQuestPLTCoderForCausalLM"],
        "model_type": "iquestpltcoder",
        "plt_num_loops": loops,
        "plt_window_size": [window, 0],
        "plt_normalize_per_loop": normalize,
        "plt_emb_scale": 0.707,
        "plt_hidden_scale": 0.053,
        "plt_gate_use_hidden_states": gate_hidden,
    }


def tiny_weights(config: dict[str, object], seed: int = 0) -> dict[str, Tensor]:
    """Random float32 weights under the checkpoint's names, scaled so that activations neither vanish nor grow."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in _shapes(config):
        noise = torch.randn(shape, generator=generator)
        weights[name] = 1 + 0.1 * noise if len(shape) == 1 and "norm" in name else noise * shape[-1] ** -0.5
    return weights


def _shapes(config: dict[str, object]) -> Iterator[tuple[str, tuple[int, ...]]]:
    def size(key: str) -> int:
        value = config[key]
        assert isinstance(value, int)
        return value

    d, ff, head_dim = size("hidden_size"), size("intermediate_size"), size("head_dim")
    num_heads, kv = size("num_attention_heads"), size("num_key_value_heads") * head_dim
    q = num_heads * head_dim
    yield "model.embed_tokens.weight", (size("vocab_size"), d)
    for i in range(size("num_hidden_layers")):
        layer = f"model.layers.{i}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{layer}.{norm}.weight", (d,)
        for name, shape in (("q", (q, d)), ("k", (kv, d)), ("v", (kv, d)), ("o", (d, q))):
            yield f"{layer}.self_attn.{name}_proj.weight", shape
        for name, shape in (("gate", (ff, d)), ("up", (ff, d)), ("down", (d, ff))):
            yield f"{layer}.mlp.{name}_proj.weight", shape
        if "plt_num_loops" in config:
            gate, hidden = f"{layer}.self_attn.plt_gate", config["plt_gate_use_hidden_states"]
            yield f"{gate}.weight", (num_heads, d if hidden else head_dim)
            yield f"{gate}.bias", (num_heads,)
            if hidden:
                yield f"{gate}.gate_norm.weight", (d,)
    yield "model.norm.weight", (d,)
    yield "lm_head.weight", (size("vocab_size"), d)


def tiny_pack(
    path: Path,
    loops: int = 2,
    gate_hidden: bool = True,
    fim: bool = True,
    *,
    normalize: bool = True,
    window: int = 8,
    weight_format: WeightFormat = WeightFormat.FLOAT32,
    certified: Sequence[int] | None = None,
    name: str = "tiny",
    seed: int = 0,
    chat: ChatFormat | None = None,
    family: str | None = None,
    figures: Mapping[int, Mapping[str, Figure]] | None = None,
) -> Pack:
    """Write a tiny PLT pack to `path`.

    `certified` are the loop counts with evidence, by default 1 to `loops`; `figures` are those in their evidence.
    """
    figures = figures or {}
    counts = tuple(certified) if certified is not None else tuple(range(1, loops + 1))
    tokenizer = tiny_tokenizer(fim)
    config = tiny_config(len(tokenizer["model"]["vocab"]), loops, gate_hidden, normalize, window)
    tensors = _stored_tensors(tiny_weights(config, seed), weight_format)
    is_grouped = weight_format in (WeightFormat.INT4, WeightFormat.INT8)
    manifest = PackManifest(
        name=name,
        title="A tiny random model",
        license="Apache-2.0",
        source=PackSource("Random numbers, made for tests.", f"random seed {seed}", f"{seed:064x}"),
        weights=WeightInfo(weight_format, GROUP_SIZE if is_grouped else None),
        loops=tuple(
            LoopSupport(count, Evidence(EvidenceKind.TRAINED, "Random at every loop alike.", figures.get(count, {})))
            for count in counts
        ),
        default_loops=max(counts),
        fim=BARRED if fim else None,
        chat=chat,
        family=family,
    )

    def fill(draft: Path) -> None:
        (draft / CONFIG_FILE).write_bytes(orjson.dumps(config))
        (draft / TOKENIZER_FILE).write_bytes(orjson.dumps(tokenizer))
        save_file(tensors, draft / WEIGHTS_FILE, metadata={"format": "pt"})

    return write_pack(path, manifest, fill)


def _stored_tensors(weights: dict[str, Tensor], weight_format: WeightFormat) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, weight in weights.items():
        tensors |= tensors_of(name, _stored(name, weight, weight_format))
    return tensors


def _stored(name: str, weight: Tensor, weight_format: WeightFormat) -> StoredWeight:
    if weight_format is WeightFormat.BFLOAT16:
        return weight.bfloat16()
    if not name.endswith("_proj.weight") and name not in ("model.embed_tokens.weight", "lm_head.weight"):
        return weight
    if weight_format is WeightFormat.INT8 or (weight_format is WeightFormat.INT4 and not name.endswith("_proj.weight")):
        return quantize_int8(weight)
    return quantize_int4(weight) if weight_format is WeightFormat.INT4 else weight

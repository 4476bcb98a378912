"""A GGUF file of the llama family as a checkpoint: its configuration, its weights bit for bit, and its tokenizer.

It does not know where the file came from or where the checkpoint goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from torch import Tensor

from plt_engine.errors import PackFormatError, TensorError
from plt_engine.json_object import JsonObject
from plt_engine.quantize import (
    Int4Weight,
    Int8Weight,
    StoredWeight,
    int4_from_q4_1_blocks,
    int8_from_q8_0_blocks,
)

GLOBAL_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
LAYER_NAMES = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
# Whether a pre-tokenizer of this GGUF name takes digits one by one before GPT-2's own splitting.
SPLITS_DIGITS = {"gpt-2": False, "smollm": True, "starcoder": True}
CONTROL_TOKEN = 3  # gguf.TokenType.CONTROL
USER_DEFINED_TOKEN = 4  # gguf.TokenType.USER_DEFINED


@dataclass(frozen=True, slots=True)
class GgufCheckpoint:
    """An open GGUF file: its metadata, and the reader of its tensors, which maps the file and copies nothing."""

    where: str
    fields: JsonObject
    reader: gguf.GGUFReader

    def fault(self, fact: str) -> PackFormatError:
        """The error for a file that cannot be imported."""
        return PackFormatError(f"{self.where}: {fact}")


def open_gguf(path: Path) -> GgufCheckpoint:
    """Open a GGUF file.

    Raises:
        PackFormatError: it is no GGUF, or of an architecture other than llama.
    """
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, OSError) as error:
        raise PackFormatError(f"{path} cannot be read as GGUF: {error}") from None
    fields = JsonObject({key: item.contents() for key, item in reader.fields.items()}, str(path))
    architecture = fields.text("general.architecture")
    if architecture != "llama":
        raise PackFormatError(f"{path}: general.architecture is {architecture!r}; only 'llama' can be imported.")
    return GgufCheckpoint(str(path), fields, reader)


def config_of(checkpoint: GgufCheckpoint) -> dict[str, object]:
    """The `config.json` of a dense Llama, with the keys that its checkpoint has."""
    fields = checkpoint.fields
    scaling = fields.optional_text("llama.rope.scaling.type")
    if scaling not in (None, "none"):
        raise checkpoint.fault(f"llama.rope.scaling.type is {scaling!r}; only unscaled RoPE can be imported.")
    num_heads, hidden_size = _num_heads(fields), fields.integer("llama.embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(fields.texts("tokenizer.ggml.tokens")),
        "hidden_size": hidden_size,
        "intermediate_size": fields.integer("llama.feed_forward_length"),
        "num_hidden_layers": fields.integer("llama.block_count"),
        "num_attention_heads": num_heads,
        "num_key_value_heads": _num_kv_heads(fields),
        "head_dim": _integer(fields, "llama.attention.key_length", hidden_size // num_heads),
        "hidden_act": "silu",
        "rms_norm_eps": _shortest(fields.number("llama.attention.layer_norm_rms_epsilon")),
        "rope_theta": _shortest(fields.number("llama.rope.freq_base")),
        "max_position_embeddings": fields.integer("llama.context_length"),
        "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in checkpoint.reader.tensors),
        "bos_token_id": fields.integer("tokenizer.ggml.bos_token_id"),
        "eos_token_id": fields.integer("tokenizer.ggml.eos_token_id"),
    }


def _num_heads(fields: JsonObject) -> int:
    return fields.integer("llama.attention.head_count")


def _num_kv_heads(fields: JsonObject) -> int:
    return _integer(fields, "llama.attention.head_count_kv", _num_heads(fields))


def _integer(fields: JsonObject, key: str, default: int) -> int:
    return fields.integer(key) if fields.has(key) else default


def _shortest(value: float) -> float:
    """The shortest decimal that is this float32: GGUF keeps 1e-5 as 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def weights_of(checkpoint: GgufCheckpoint) -> Iterator[tuple[str, StoredWeight]]:
    """Every weight under its checkpoint name, with the bits of the file kept and q and k in the checkpoint's order.

    Raises:
        TensorError: a tensor is unknown or of a type that cannot be kept without loss.
    """
    fields = checkpoint.fields
    heads = {"self_attn.q_proj.weight": _num_heads(fields), "self_attn.k_proj.weight": _num_kv_heads(fields)}
    for tensor in checkpoint.reader.tensors:
        name = _checkpoint_name(tensor.name)
        weight = _stored(tensor)
        rows = heads.get(name.split(".", 3)[-1])
        yield name, weight if rows is None else _map_rows(weight, rotate_half_order(weight.shape[0], rows))


def _checkpoint_name(name: str) -> str:
    if name in GLOBAL_NAMES:
        return GLOBAL_NAMES[name]
    prefix, _, rest = name.partition(".")
    i, _, kind = rest.partition(".")
    if prefix == "blk" and i.isdigit() and kind in LAYER_NAMES:
        return f"model.layers.{i}.{LAYER_NAMES[kind]}"
    raise TensorError(f"The GGUF tensor {name} is none of a dense Llama's; this model cannot be imported.")


def _stored(tensor: gguf.ReaderTensor) -> StoredWeight:
    kind = tensor.tensor_type
    # The reader's arrays are read-only views of a mapped file; torch wants memory that it may write to.
    data = torch.from_numpy(np.array(tensor.data))
    if kind == gguf.GGMLQuantizationType.Q4_1:
        return int4_from_q4_1_blocks(data)
    if kind == gguf.GGMLQuantizationType.Q8_0:
        return int8_from_q8_0_blocks(data)
    if kind in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16):
        return data
    if kind == gguf.GGMLQuantizationType.BF16:
        return data.view(torch.bfloat16)
    raise TensorError(
        f"The GGUF tensor {tensor.name} is of type {kind.name}, which a pack cannot keep without loss; "
        "take a file in Q4_1, Q8_0, F16, BF16 or F32."
    )


def rotate_half_order(num_rows: int, num_heads: int) -> Tensor:
    """For each row of a q or k projection in the checkpoint's order, its row in the GGUF file; int64 [num_rows].

    GGUF keeps the two members of each rotated pair side by side (2j, 2j+1); the checkpoint's RoPE pairs row j of a head
    with row j + D/2.
    """
    interleaved = torch.arange(num_rows).view(num_heads, num_rows // num_heads // 2, 2)  # [H, D/2, 2]
    return interleaved.transpose(1, 2).reshape(-1)


def _map_rows(weight: StoredWeight, rows: Tensor) -> StoredWeight:
    if isinstance(weight, Int4Weight):
        return Int4Weight(weight.packed[rows], weight.scale[rows], weight.minimum[rows])
    if isinstance(weight, Int8Weight):
        return Int8Weight(weight.values[rows], weight.scale[rows])
    return weight[rows]


def chat_template_of(checkpoint: GgufCheckpoint) -> str | None:
    """The checkpoint's Jinja template for conversations, or None."""
    return checkpoint.fields.optional_text("tokenizer.chat_template")


def tokenizer_of(checkpoint: GgufCheckpoint) -> dict[str, Any]:
    """The `tokenizer.json` of a byte-level BPE, with the pre-tokenisation that the file names.

    Raises:
        PackFormatError: the file has another kind of tokenizer.
    """
    fields = checkpoint.fields
    model, pre = fields.text("tokenizer.ggml.model"), fields.text("tokenizer.ggml.pre")
    if model != "gpt2" or pre not in SPLITS_DIGITS:
        raise checkpoint.fault(
            f"the tokenizer is {model!r} with pre-tokenisation {pre!r}; supported is 'gpt2' with "
            f"{', '.join(SPLITS_DIGITS)}."
        )
    tokens, kinds = fields.texts("tokenizer.ggml.tokens"), fields.integers("tokenizer.ggml.token_type")
    merges = [merge.split(" ") for merge in fields.texts("tokenizer.ggml.merges")]
    added = [_added_token(i, tokens[i], kind) for i, kind in enumerate(kinds) if kind in _ADDED_KINDS]
    return byte_level_bpe({token: i for i, token in enumerate(tokens)}, merges, added, SPLITS_DIGITS[pre])


_ADDED_KINDS = (CONTROL_TOKEN, USER_DEFINED_TOKEN)


def _added_token(token_id: int, content: str, kind: int) -> dict[str, Any]:
    return {
        "id": token_id,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": kind == CONTROL_TOKEN,
    }


def byte_level_bpe(
    vocab: dict[str, int], merges: list[list[str]], added_tokens: list[dict[str, Any]], splits_digits: bool
) -> dict[str, Any]:
    """A `tokenizer.json` in the format of `tokenizers`: GPT-2's splitting, after taking digits one by one or not."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*([digits] if splits_digits else []), byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }

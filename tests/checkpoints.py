"""Tiny checkpoints for tests, laid out as their publishers lay them out: shards, an index, a tokenizer, no pack.json.

Random weights, but every name, key and file is the real one.
"""

from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.packs import tiny_config, tiny_tokenizer, tiny_weights
from tests.sentencepiece_models import trained_model

FIM_TOKENS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_end|>", "<|repo_name|>", "<|file_sep|>")
NUM_PIECES = 700
VOCAB = NUM_PIECES + len(FIM_TOKENS) + 2  # Two rows more than the tokenizer has ids, as real checkpoints often have.


def write_json(path: Path, content: object) -> None:
    path.write_bytes(orjson.dumps(content))


def loopcoder_config(gate_hidden: bool = True, loops: int = 2) -> dict[str, Any]:
    """LoopCoder-V2's keys over a tiny shape."""
    return {**tiny_config(VOCAB, loops, gate_hidden), "bos_token_id": 1, "eos_token_id": [2, NUM_PIECES + 3],
            "rope_scaling": None, "torch_dtype": "bfloat16"}  # fmt: skip


def iquest_loop_config(window: int = 5) -> dict[str, Any]:
    """IQuest-Coder-V1-Loop's keys over a tiny shape."""
    dense = {**tiny_config(VOCAB, 1), "bos_token_id": 1, "eos_token_id": 2}
    return {**dense, "architectures": ["IQuestLoopCoderForCausalLM"], "model_type": "iquestloopcoder",
            "loop_num": 2, "loop_window_size": window, "attention_bias": False, "mlp_bias": False}  # fmt: skip


def iquest_loop_weights(config: dict[str, Any], seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed + 1)
    heads, width = config["num_attention_heads"], config["head_dim"]
    weights = tiny_weights(config, seed)
    for i in range(config["num_hidden_layers"]):
        weights[f"model.gate_projections.{i}.weight"] = torch.randn(heads, width, generator=generator) * width**-0.5
        weights[f"model.gate_projections.{i}.bias"] = torch.randn(heads, generator=generator)
    return weights


def write_checkpoint(
    folder: Path,
    config: dict[str, Any],
    weights: dict[str, Tensor] | None = None,
    *,
    dtype: torch.dtype = torch.bfloat16,
    num_shards: int = 3,
    gate_name: str = "plt_gate",
    tokenizer: str = "sentencepiece",
) -> Path:
    """Write a checkpoint; `tokenizer` is sentencepiece, byte-level or none."""
    folder.mkdir(parents=True)
    tensors = {
        name.replace("plt_gate", gate_name): weight.to(dtype)
        for name, weight in (weights or tiny_weights(config)).items()
    }
    write_json(folder / "config.json", config)
    write_shards(folder, tensors, num_shards)
    if tokenizer == "sentencepiece":
        write_sentencepiece(folder)
    elif tokenizer == "byte-level":
        write_json(folder / "tokenizer.json", tiny_tokenizer())
    (folder / "README.md").write_text("---\nlicense: apache-2.0\ntags:\n- code\n---\n# A model\n")
    return folder


def write_shards(folder: Path, tensors: dict[str, Tensor], num_shards: int) -> None:
    if num_shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return
    names, weight_map = list(tensors), {}
    for i in range(num_shards):
        shard = f"model-{i + 1:05d}-of-{num_shards:05d}.safetensors"
        held = names[i::num_shards]
        save_file({name: tensors[name].contiguous() for name in held}, folder / shard)
        weight_map |= dict.fromkeys(held, shard)
    total = sum(tensor.nbytes for tensor in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def write_sentencepiece(folder: Path) -> None:
    """`tokenizer.model` and, as published, the added tokens in `tokenizer_config.json`."""
    (folder / "tokenizer.model").write_bytes(trained_model())
    added = {
        str(NUM_PIECES + i): {"content": token, "special": True, "lstrip": False, "rstrip": False,
                              "normalized": False, "single_word": False}
        for i, token in enumerate(FIM_TOKENS)
    }  # fmt: skip
    content = {"add_bos_token": False, "bos_token": "<s>", "added_tokens_decoder": added, "chat_template": "{{ x }}"}
    write_json(folder / "tokenizer_config.json", content)

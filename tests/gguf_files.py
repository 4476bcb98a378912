"""A small GGUF file of a random Llama, written by the gguf library as a converter would write it."""

import gguf
import numpy as np

from tests.packs import tiny_tokenizer

D, FF, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 64, 96, 2, 4, 2, 16
LAYER_SHAPES = {
    "attn_norm": (D,), "attn_q": (HEADS * HEAD_DIM, D), "attn_k": (KV_HEADS * HEAD_DIM, D),
    "attn_v": (KV_HEADS * HEAD_DIM, D), "attn_output": (D, HEADS * HEAD_DIM),
    "ffn_norm": (D,), "ffn_gate": (FF, D), "ffn_up": (FF, D), "ffn_down": (D, FF),
}  # fmt: skip
Q4_1, Q8_0 = gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q8_0
F16, BF16, F32 = gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.BF16, gguf.GGMLQuantizationType.F32
TOKENIZER = tiny_tokenizer(fim=False)
NORMAL, CONTROL = 1, 3


def write_gguf(path, kind=Q4_1, architecture="llama", pre="smollm", fields=(), extra=(), tied=True, leave_out=()):
    """A small model as a converter would write it: q and k with each rotated pair side by side."""
    writer = gguf.GGUFWriter(path, architecture)
    write_metadata(writer, pre, leave_out)
    for add, *arguments in fields:
        getattr(writer, add)(*arguments)
    rng, vocab = np.random.default_rng(0), len(TOKENIZER["model"]["vocab"])
    tensors = {"token_embd.weight": ((vocab, D), Q8_0), "output_norm.weight": ((D,), F32)}
    if not tied:
        tensors["output.weight"] = ((vocab, D), Q8_0)
    for i in range(LAYERS):
        for name, shape in LAYER_SHAPES.items():
            tensors[f"blk.{i}.{name}.weight"] = (shape, F32 if len(shape) == 1 else kind)
    tensors |= dict(extra)
    for name, (shape, tensor_kind) in tensors.items():
        weight = rng.standard_normal(shape, dtype=np.float32) * 0.2 + (len(shape) == 1)
        writer.add_tensor(name, gguf.quants.quantize(weight, tensor_kind), raw_dtype=tensor_kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_metadata(writer, pre, leave_out):
    control = {token["content"] for token in TOKENIZER["added_tokens"]}
    tokens = sorted(TOKENIZER["model"]["vocab"], key=TOKENIZER["model"]["vocab"].__getitem__)
    facts = {
        "add_block_count": LAYERS, "add_context_length": 256, "add_embedding_length": D, "add_feed_forward_length": FF,
        "add_head_count": HEADS, "add_head_count_kv": KV_HEADS, "add_rope_freq_base": 100000.0,
        "add_layer_norm_rms_eps": 1e-5, "add_rope_dimension_count": HEAD_DIM, "add_vocab_size": len(tokens),
        "add_tokenizer_model": "gpt2", "add_tokenizer_pre": pre, "add_token_list": tokens,
        "add_token_types": [CONTROL if token in control else NORMAL for token in tokens],
        "add_token_merges": [" ".join(pair) for pair in TOKENIZER["model"]["merges"]],
        "add_bos_token_id": tokens.index("<|im_start|>"), "add_eos_token_id": tokens.index("<|im_end|>"),
        "add_chat_template": "{{ messages }}",
    }  # fmt: skip
    for add, value in facts.items():
        if add not in leave_out:
            getattr(writer, add)(value)

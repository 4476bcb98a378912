"""Importing GGUF: a small file written by the gguf library comes out bit for bit, in the checkpoint's own order."""

import gguf
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from plt_engine import gguf_import
from plt_engine.build import import_gguf
from plt_engine.errors import PackFormatError, TensorError
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, logits, named_tensors
from plt_engine.pack import load_pack, verify_pack
from plt_engine.pack_manifest import WeightFormat
from plt_engine.quantize import dequantize
from plt_engine.recipes import RECIPES
from plt_engine.tokenizer import Tokenizer
from tests.gguf_files import (
    BF16,
    F16,
    F32,
    FF,
    HEAD_DIM,
    HEADS,
    KV_HEADS,
    LAYER_SHAPES,
    LAYERS,
    Q4_1,
    Q8_0,
    TOKENIZER,
    D,
    write_gguf,
)


@pytest.mark.parametrize("kind", [Q4_1, Q8_0, F16, BF16, F32], ids=str)
@pytest.mark.parametrize("tied", [True, False])
def test_weights_are_those_that_transformers_reads(tmp_path, kind, tied):
    path = write_gguf(tmp_path / "model.gguf", kind, tied=tied)
    checkpoint = gguf_import.open_gguf(path)
    model = LlamaForCausalLM(LlamaConfig(**gguf_import.config_of(checkpoint)))
    expected = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)["tensors"]
    found = {name: dequantize(weight) for name, weight in gguf_import.weights_of(checkpoint)}
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert torch.equal(tensor, torch.as_tensor(expected[name]).float()), name


def test_rows_of_q_and_k_go_back_to_the_order_that_the_checkpoint_had():
    rows = torch.arange(HEADS * HEAD_DIM)
    as_converted = rows.view(HEADS, 2, HEAD_DIM // 2).swapaxes(1, 2).reshape(-1)
    assert torch.equal(as_converted[gguf_import.rotate_half_order(HEADS * HEAD_DIM, HEADS)], rows)


def test_the_configuration_is_the_checkpoints(tmp_path):
    checkpoint = gguf_import.open_gguf(write_gguf(tmp_path / "model.gguf"))
    vocab = TOKENIZER["model"]["vocab"]
    assert gguf_import.config_of(checkpoint) == {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(vocab), "hidden_size": D,
        "intermediate_size": FF, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM, "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "rope_theta": 100000.0, "max_position_embeddings": 256, "tie_word_embeddings": True,
        "bos_token_id": vocab["<|im_start|>"], "eos_token_id": vocab["<|im_end|>"],
    }  # fmt: skip


@pytest.mark.parametrize(("pre", "splits"), [("smollm", True), ("starcoder", True), ("gpt-2", False)])
def test_the_tokenizer_is_the_files(tmp_path, pre, splits):
    document = gguf_import.tokenizer_of(gguf_import.open_gguf(write_gguf(tmp_path / "model.gguf", pre=pre)))
    assert document["model"] == TOKENIZER["model"]
    assert document["added_tokens"] == TOKENIZER["added_tokens"]
    tokenizer = Tokenizer({**document, "model": {**document["model"], **with_merge(document, "1", "2")}})
    assert len(tokenizer.encode("12")) == (2 if splits else 1)


def with_merge(document, first, second):
    """A model part in which two characters merge, in place of the last merge that there was."""
    *merges, last = document["model"]["merges"]
    vocab = dict(document["model"]["vocab"])
    vocab[first + second] = vocab.pop("".join(last))
    return {"vocab": vocab, "merges": [*merges, [first, second]]}


def test_a_pack_is_made_that_computes_what_transformers_computes(tmp_path):
    path = write_gguf(tmp_path / "model.gguf")
    pack = import_gguf(RECIPES["smollm2-135m"], path, tmp_path / "pack", lambda what, done, total: None)
    verify_pack(load_pack(tmp_path / "pack"))
    weights = load_weights(pack.folder)
    model = LlamaForCausalLM(LlamaConfig(**gguf_import.config_of(gguf_import.open_gguf(path)))).eval()
    model.load_state_dict(dict(named_tensors(weights)), strict=False)
    model.tie_weights()
    tokens = torch.arange(40)[None] % 50
    with torch.inference_mode():
        [state] = full_forward(weights, tokens, 1)
        assert torch.allclose(logits(weights, state), model(tokens).logits, atol=1e-5)


def test_what_the_pack_says_is_what_the_file_holds(tmp_path):
    path = write_gguf(tmp_path / "model.gguf")
    pack = import_gguf(RECIPES["smollm2-135m"], path, tmp_path / "pack", lambda what, done, total: None)
    matrices = LAYERS * sum(shape[0] * shape[1] for shape in LAYER_SHAPES.values() if len(shape) == 2)
    vectors, embedding = (2 * LAYERS + 1) * D, len(TOKENIZER["model"]["vocab"]) * D
    assert pack.manifest.figures["num_parameters"] == matrices + vectors + embedding
    assert pack.manifest.figures["weights_bytes"] == matrices * 20 // 32 + embedding * 34 // 32 + vectors * 4
    assert pack.manifest.weights.format is WeightFormat.INT4
    assert pack.manifest.fim is None
    assert pack.manifest.chat.template == "{{ messages }}"
    assert pack.manifest.loop_counts == (1,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "qwen2"}, "general.architecture is 'qwen2'; only 'llama'"),
        ({"pre": "llama-bpe"}, "pre-tokenisation 'llama-bpe'; supported is 'gpt2' with gpt-2, smollm, starcoder"),
        ({"leave_out": ["add_embedding_length"]}, "llama.embedding_length is missing"),
        ({"leave_out": ["add_token_merges"]}, "tokenizer.ggml.merges is missing"),
        ({"fields": [("add_rope_scaling_type", gguf.RopeScalingType.YARN)]}, "llama.rope.scaling.type is 'yarn'"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused(tmp_path, changes, words):
    path = write_gguf(tmp_path / "model.gguf", **changes)
    with pytest.raises(PackFormatError) as error:
        import_gguf(RECIPES["smollm2-135m"], path, tmp_path / "pack", lambda what, done, total: None)
    assert str(path) in str(error.value)
    assert words in str(error.value)
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"rope_freqs.weight": ((8,), F32)}, "rope_freqs.weight is none of a dense Llama's"),
        ({"blk.0.attn_q.bias": ((64,), F32)}, "blk.0.attn_q.bias is none of a dense Llama's"),
        ({"blk.0.ffn_up.weight": ((96, 64), gguf.GGMLQuantizationType.Q5_0)}, "ffn_up.weight is of type Q5_0"),
    ],
)
def test_a_tensor_that_cannot_be_kept_is_named(tmp_path, extra, words):
    checkpoint = gguf_import.open_gguf(write_gguf(tmp_path / "model.gguf", extra=extra.items()))
    with pytest.raises(TensorError) as error:
        list(gguf_import.weights_of(checkpoint))
    assert words in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no GGUF at all, but long enough to be looked at"])
def test_what_is_no_gguf_is_refused(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(PackFormatError, match="cannot be read as GGUF"):
        gguf_import.open_gguf(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PackFormatError, match=r"nothing\.gguf"):
        gguf_import.open_gguf(tmp_path / "nothing.gguf")

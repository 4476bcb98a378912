"""Checkpoints become packs: every published layout loads, quantises and decodes, and every fault is one clear error."""

import re
import subprocess
import sys
import textwrap
from dataclasses import replace

import orjson
import pytest
import torch
from safetensors.torch import load_file, save_file

from plt_engine.add_model import AddRequest, add_model, require_space
from plt_engine.conversion import Origin, convert_checkpoint
from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import ConfigError, EngineError, LoopCountError, PackError, PackNotFoundError
from plt_engine.fim import BARRED
from plt_engine.loader import load_stored, load_weights
from plt_engine.pack import load_pack, verify_pack
from plt_engine.pack_manifest import EvidenceKind, WeightFormat
from plt_engine.quantize import Int4Weight, Int8Weight, dequantize
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import GenerationOutput, GenerationRequest, Prompt, StopSpec
from tests.checkpoints import (
    NUM_PIECES,
    iquest_loop_config,
    iquest_loop_weights,
    loopcoder_config,
    write_checkpoint,
    write_json,
    write_shards,
)
from tests.packs import tiny_config, tiny_tokenizer, tiny_weights
from tests.sentencepiece_models import processor, trained_model


def add(source, data, quantize=None, **changes):
    return add_model(AddRequest(str(source), quantize=quantize, **changes), data, lambda what, done, total: None)


def generated(pack, **changes):
    engine = Engine.load(pack.folder, EngineOptions(dtype="float32"))
    request = GenerationRequest("1", "s", Prompt("def f(x):\n    return ", "\n"), stop=StopSpec(6), **changes)
    *_, output = engine.generate(request)
    assert isinstance(output, GenerationOutput)
    return engine, output


@pytest.mark.parametrize("quantize", [None, WeightFormat.INT8, WeightFormat.INT4])
@pytest.mark.parametrize("gate_name", ["plt_gate", "loop_gate_proj"])
@pytest.mark.parametrize("gate_hidden", [True, False], ids=["hidden", "query"])
def test_a_loopcoder_checkpoint_loads_quantises_and_decodes(tmp_path, gate_hidden, gate_name, quantize):
    source = write_checkpoint(tmp_path / "LoopCoder V2", loopcoder_config(gate_hidden), gate_name=gate_name)
    pack = add(source, tmp_path / "data", quantize)
    verify_pack(load_pack(pack.folder))
    engine, output = generated(pack)
    assert output.metrics.num_generated_tokens >= 1
    assert output.metrics.loops == 2
    assert (engine.info.loops, engine.info.fim_format) == ((2,), "iquest")
    assert pack.folder == tmp_path / "data" / "packs" / ("loopcoder-v2" + (f"-{quantize}" if quantize else ""))
    assert pack.manifest.license == "apache-2.0"
    assert pack.manifest.weights.format == (quantize or WeightFormat.BFLOAT16)
    assert pack.manifest.fim == replace(BARRED, stop=("<|im_end|>",))
    assert pack.manifest.chat.template == "{{ x }}"


def test_the_trained_loop_count_alone_is_certified(tmp_path):
    pack = add(write_checkpoint(tmp_path / "m", loopcoder_config(loops=3)), tmp_path / "data")
    [support] = pack.manifest.loops
    assert (support.loops, support.evidence.kind) == (3, EvidenceKind.TRAINED)
    assert "plt_num_loops 3" in support.evidence.detail
    for loops in (1, 2, 4):
        with pytest.raises(LoopCountError, match=f"loops is {loops}, for which the pack m has no evidence"):
            generated(pack, loops=loops)


def test_what_is_not_quantised_keeps_every_bit(tmp_path):
    source = write_checkpoint(tmp_path / "m", loopcoder_config(), gate_name="loop_gate_proj")
    pack = add(source, tmp_path / "data")
    stored = load_file(pack.folder / "model.safetensors")
    read = [tensor for path in source.glob("*.safetensors") for tensor in load_file(path).items()]
    assert {name.replace("loop_gate_proj", "plt_gate") for name, _ in read} == set(stored)
    for name, tensor in read:
        kept = stored[name.replace("loop_gate_proj", "plt_gate")]
        assert kept.dtype == torch.bfloat16
        assert torch.equal(kept, tensor)


@pytest.mark.parametrize(("quantize", "form"), [(WeightFormat.INT8, Int8Weight), (WeightFormat.INT4, Int4Weight)])
def test_quantised_matrices_are_as_near_as_their_steps(tmp_path, quantize, form):
    source = write_checkpoint(tmp_path / "m", loopcoder_config())
    _, exact = load_stored(source)
    _, stored = load_stored(add(source, tmp_path / "data", quantize).folder)
    for name, weight in stored.items():
        if name.endswith("_proj.weight"):
            assert isinstance(weight, form)
            groups = exact[name].float().view(weight.shape[0], -1, weight.group_size)
            spread = groups.amax(-1) - groups.amin(-1) if form is Int4Weight else groups.abs().amax(-1)
            step = spread / (15 if form is Int4Weight else 127)
            error = (dequantize(weight) - exact[name].float()).abs().view(groups.shape).amax(-1)
            assert (error <= 0.5 * step + 2e-3 * groups.abs().amax(-1)).all(), name
        elif name in ("model.embed_tokens.weight", "lm_head.weight"):
            assert isinstance(weight, Int8Weight)
        else:
            assert torch.equal(weight, exact[name]), name


def test_shards_are_written_and_read_again(tmp_path):
    source = write_checkpoint(tmp_path / "m", loopcoder_config(), num_shards=1)
    pack = convert_checkpoint(source, tmp_path / "pack", Origin("x", "m", "x"), shard_bytes=40_000)
    assert len(pack.weight_files) > 2
    assert all(re.fullmatch(r"model-\d{5}-of-\d{5}\.safetensors", path.name) for path in pack.weight_files)
    _, one = load_stored(source)
    _, many = load_stored(pack.folder)
    assert all(torch.equal(one[name], many[name]) for name in one)


def test_the_packs_tokenizer_is_the_checkpoints(tmp_path):
    source = write_checkpoint(tmp_path / "m", loopcoder_config())
    pack = add(source, tmp_path / "data")
    tokenizer = Tokenizer.from_file(pack.folder / "tokenizer.json")
    text = "def f(x):\r\n\treturn 'é😀' + 12345\n"
    assert tokenizer.encode(text) == processor(trained_model()).encode(text)
    assert tokenizer.special_id("<|fim_middle|>") == NUM_PIECES + 2
    assert tokenizer.opening_ids == ()


def test_a_tokenizer_that_opens_prompts_with_a_token_keeps_it(tmp_path):
    source = write_checkpoint(tmp_path / "m", loopcoder_config())
    path = source / "tokenizer_config.json"
    write_json(path, {**orjson.loads(path.read_bytes()), "add_bos_token": True})
    pack = add(source, tmp_path / "data")
    assert Tokenizer.from_file(pack.folder / "tokenizer.json").opening_ids == (1,)
    _, output = generated(pack)
    _, without = generated(add(write_checkpoint(tmp_path / "n", loopcoder_config()), tmp_path / "data"))
    assert output.metrics.num_prompt_tokens == without.metrics.num_prompt_tokens + 1


@pytest.mark.parametrize("quantize", [None, WeightFormat.INT4])
def test_an_iquest_loop_checkpoint_becomes_a_pack_of_two_loops(tmp_path, quantize):
    config = iquest_loop_config()
    source = write_checkpoint(tmp_path / "m", config, iquest_loop_weights(config))
    pack = add(source, tmp_path / "data", quantize)
    engine, output = generated(pack)
    assert (engine.info.loops, output.metrics.loops) == ((2,), 2)
    assert "loop_num 2" in pack.manifest.loops[0].evidence.detail


def test_end_tokens_of_both_files_end_a_text(tmp_path):
    config = tiny_config(len(tiny_tokenizer()["model"]["vocab"]), 1)
    source = write_checkpoint(tmp_path / "m", {**config, "eos_token_id": 5}, tokenizer="byte-level")
    write_json(source / "generation_config.json", {"eos_token_id": [5, 7]})
    pack = add(source, tmp_path / "data")
    assert orjson.loads((pack.folder / "config.json").read_bytes())["eos_token_id"] == [5, 7]


def test_a_tied_head_that_is_stored_all_the_same_must_be_the_embedding(tmp_path):
    config = {**tiny_config(len(tiny_tokenizer()["model"]["vocab"]), 1), "tie_word_embeddings": True}
    weights = tiny_weights(config)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    pack = add(write_checkpoint(tmp_path / "m", config, weights, tokenizer="byte-level"), tmp_path / "data")
    assert "lm_head.weight" not in load_file(pack.folder / "model.safetensors")
    other = write_checkpoint(tmp_path / "n", config, tiny_weights(config), tokenizer="byte-level")
    with pytest.raises(PackError, match=r"lm_head\.weight differs from model\.embed_tokens\.weight"):
        add(other, tmp_path / "data")


def test_buffers_of_old_checkpoints_are_no_weights(tmp_path):
    config = loopcoder_config()
    weights = tiny_weights(config) | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}
    load_weights(write_checkpoint(tmp_path / "m", config, weights))


# Every way in which a checkpoint can be wrong, what is done to a good one, and what the one error must say.


def corrupt(folder):
    path = sorted(folder.glob("*.safetensors"))[1]
    path.write_bytes(b"\xff" * 200 + path.read_bytes()[200:])


def truncate(folder):
    path = sorted(folder.glob("*.safetensors"))[1]
    path.write_bytes(path.read_bytes()[:-100])


def pickle_only(folder):
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    torch.save({"model.norm.weight": torch.ones(64)}, folder / "pytorch_model.bin")


def pickle_in_disguise(folder):
    torch.save({"model.norm.weight": torch.ones(64)}, sorted(folder.glob("*.safetensors"))[0])


def rewrite(change):
    def damage(folder):
        tensors = {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}
        for path in folder.glob("*.safetensors*"):
            path.unlink()
        change(tensors)
        write_shards(folder, {name: tensor.clone() for name, tensor in tensors.items()}, 2)

    return damage


def wrong_shape(tensors):
    tensors["model.layers.1.self_attn.k_proj.weight"] = torch.zeros(31, 64, dtype=torch.bfloat16)


def wrong_gate_mode(tensors):
    for i in range(2):
        tensors[f"model.layers.{i}.self_attn.plt_gate.weight"] = torch.zeros(4, 16, dtype=torch.bfloat16)


def one_gate_missing(tensors):
    del tensors["model.layers.1.self_attn.plt_gate.bias"]


def all_gates_skipped(tensors):
    for name in [name for name in tensors if "plt_gate" in name]:
        del tensors[name]


def gate_under_two_names(tensors):
    name = "model.layers.0.self_attn.plt_gate.bias"
    tensors[name.replace("plt_gate", "loop_gate_proj")] = tensors[name]


def not_finite(tensors):
    tensors["model.layers.1.mlp.up_proj.weight"][3, 3] = torch.nan


def of_integers(tensors):
    tensors["model.layers.0.mlp.down_proj.weight"] = torch.zeros(64, 96, dtype=torch.int8)


def one_unknown(tensors):
    tensors["model.layers.0.mlp.extra.weight"] = torch.ones(2)


def configure(**changes):
    def damage(folder):
        path = folder / "config.json"
        write_json(path, {**orjson.loads(path.read_bytes()), **changes})

    return damage


def remove(pattern):
    def damage(folder):
        sorted(folder.glob(pattern))[-1].unlink()

    return damage


def index_of(content):
    def damage(folder):
        (folder / "model.safetensors.index.json").write_bytes(content)

    return damage


FAULTS = {
    "corrupt": (corrupt, "model-00002-of-00003.safetensors is no readable safetensors file"),
    "truncated": (truncate, "model-00002-of-00003.safetensors is no readable safetensors file"),
    "pickle": (pickle_only, "holds pytorch_model.bin but no .safetensors file"),
    "pickle in disguise": (pickle_in_disguise, "model-00001-of-00003.safetensors is no readable safetensors file"),
    "wrong shape": (rewrite(wrong_shape), "k_proj.weight is [31, 64]; config.json asks for [32, 64]"),
    "other gate mode": (rewrite(wrong_gate_mode), "plt_gate.weight is [4, 16]; config.json asks for [4, 64]"),
    "missing gate": (rewrite(one_gate_missing), "layers.1.self_attn.plt_gate.bias is missing: without the gate"),
    "gates skipped": (rewrite(all_gates_skipped), "layers.0.self_attn.plt_gate.weight is missing: without the gate"),
    "gates unused": (configure(plt_num_loops=1), "plt_gate.bias and 5 more, which a model of this config.json does"),
    "gate twice": (rewrite(gate_under_two_names), "loop_gate_proj.bias, which a model of this config.json does not"),
    "not finite": (rewrite(not_finite), "layers.1.mlp.up_proj.weight has values that are not finite"),
    "integers": (rewrite(of_integers), "layers.0.mlp.down_proj.weight is torch.int8; it must be a float"),
    "unexpected": (rewrite(one_unknown), "layers.0.mlp.extra.weight, which a model of this config.json does not have"),
    "shard missing": (
        remove("model-*"),
        "model-00003-of-00003.safetensors does not exist, but model.safetensors.index",
    ),
    "index broken": (index_of(b"{"), "index.json: not valid JSON"),
    "index astray": (index_of(b'{"weight_map": {"x": "../y.safetensors"}}'), "weight_map.x is"),
    "no tokenizer": (remove("tokenizer.model"), "has neither tokenizer.json nor tokenizer.model"),
    "no config": (remove("config.json"), "config.json does not exist"),
    "quantised": (configure(quantization_config={"quant_method": "gptq"}), "the weights are quantised already"),
    "other kind": (configure(model_type="mamba"), "model_type is 'mamba'; supported are llama, qwen2, iquestpltcoder"),
    "biased": (configure(mlp_bias=True), "mlp_bias is true, which is not supported for a iquestpltcoder"),
    "scaled RoPE": (configure(rope_scaling={"rope_type": "yarn"}), "rope_scaling asks for 'yarn'"),
    "small vocabulary": (configure(vocab_size=500), "the tokenizer has ids up to 705, but config.json has vocab_size"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_checkpoint_gives_one_clear_error_and_no_pack(tmp_path, fault):
    damage, words = FAULTS[fault]
    source = write_checkpoint(tmp_path / "m", loopcoder_config())
    damage(source)
    with pytest.raises(EngineError) as error:
        add(source, tmp_path / "data")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "data").rglob("*.safetensors"))
    assert not list((tmp_path / "data").rglob("pack.json"))


def test_a_matrix_without_whole_groups_is_named(tmp_path):
    config = {**loopcoder_config(), "intermediate_size": 90}
    source = write_checkpoint(tmp_path / "m", config)
    with pytest.raises(PackError, match=r"down_proj\.weight cannot be stored as int4.*no whole groups of 32"):
        add(source, tmp_path / "data", WeightFormat.INT4)
    add(source, tmp_path / "data", WeightFormat.INT8)


def test_a_source_that_is_nothing_is_named(tmp_path):
    with pytest.raises(PackNotFoundError, match="is neither a checkpoint's folder nor a hub id"):
        add(tmp_path / "nothing", tmp_path)


def test_a_pack_is_replaced_only_where_that_is_asked_for(tmp_path):
    source = write_checkpoint(tmp_path / "m", loopcoder_config())
    first = add(source, tmp_path / "data", name="mine")
    with pytest.raises(PackError, match="There is a pack 'mine' already"):
        add(source, tmp_path / "data", name="mine")
    assert add(source, tmp_path / "data", name="mine", replaces=True).manifest.files == first.manifest.files
    assert first.manifest.source.command == f"plt-lsp models add {source} --name mine"
    with pytest.raises(PackError, match=r"--name is '\.\./x'"):
        add(source, tmp_path / "data", name="../x")


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path):
    require_space(tmp_path / "packs" / "m", 1000)
    with pytest.raises(PackError, match=r"GB free, but 1000000000\.1 GB are needed"):
        require_space(tmp_path / "packs" / "m", 10**18)


@pytest.mark.parametrize("changes", [{"attention_bias": True}, {"use_sliding_window": True}])
def test_keys_that_ask_for_other_layers_are_refused(tmp_path, changes):
    config = {**tiny_config(100, 1), **changes}
    source = write_checkpoint(tmp_path / "m", config, tokenizer="none", num_shards=1)
    with pytest.raises(ConfigError, match=f"{next(iter(changes))} is true"):
        load_stored(source)


MEASURE = """
import resource, sys
import torch
from pathlib import Path
from plt_engine.conversion import Origin, convert_checkpoint
from plt_engine.pack_manifest import WeightFormat

torch.set_num_threads(1)
def peak():
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux ru_maxrss counts what the parent held when it started this process; VmHWM does not.
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
source, folder, quantize = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
before = peak()
form = WeightFormat(quantize) if quantize else None
convert_checkpoint(source, folder, Origin("x", "m", "x"), quantize=form, shard_bytes=16 << 20)
print(peak() - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A checkpoint of 16 shards, 17 MB each, and one of what is in no layer."""
    config = {**tiny_config(VOCAB_OF_BYTES, 1), "hidden_size": 768, "intermediate_size": 3072, "head_dim": 192}
    config |= {"num_hidden_layers": 16, "num_key_value_heads": 4}
    folder = tmp_path_factory.mktemp("large") / "m"
    write_large(folder, config)
    return folder


@pytest.mark.parametrize("quantize", ["", "int4"])
def test_memory_stays_near_one_shard_and_one_layer(tmp_path, large, quantize):
    """Converting a checkpoint of many shards takes a fraction of its 280 MB."""
    size = sum(path.stat().st_size for path in large.glob("*.safetensors"))
    assert size > 280e6
    command = [sys.executable, "-c", textwrap.dedent(MEASURE), large, tmp_path / "pack", quantize]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    # What the kernel counts includes pages of the files that it may drop, so the bound is generous; a conversion that
    # held the model would take more than its size.
    assert int(done.stdout) < 0.7 * size, f"{int(done.stdout) / 1e6:.0f} MB of {size / 1e6:.0f} MB"


VOCAB_OF_BYTES = len(tiny_tokenizer()["model"]["vocab"])


def write_large(folder, config):
    """Shards written one by one, so that the test itself needs no more memory than the conversion."""
    folder.mkdir()
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer.json", tiny_tokenizer())
    shapes = {name: tensor.shape for name, tensor in tiny_weights({**config, "num_hidden_layers": 1}).items()}
    generator = torch.Generator().manual_seed(0)

    def random(shape):
        return (torch.randn(shape, generator=generator) * 0.02).bfloat16()

    outer = {name: random(shape) for name, shape in shapes.items() if ".layers." not in name}
    save_file(outer, folder / "outer.safetensors")
    layer = {name: random(shape) for name, shape in shapes.items() if ".layers." in name}
    for i in range(config["num_hidden_layers"]):
        renamed = {name.replace("layers.0", f"layers.{i}"): tensor for name, tensor in layer.items()}
        save_file(renamed, folder / f"layer-{i:02d}.safetensors")

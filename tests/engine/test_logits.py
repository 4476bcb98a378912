"""`plt-lsp models logits`: prefill, chunks and decode against the definition, against transformers, and refusals."""

import numpy as np
import orjson
import pytest
import torch
from torch.nn import functional as F

from plt_engine import cli
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, logits
from tests.checkpoints import (
    VOCAB,
    iquest_loop_config,
    iquest_loop_weights,
    loopcoder_config,
    write_checkpoint,
)
from tests.packs import tiny_config, tiny_pack

NUM_TOKENS = 21
TOKENS = torch.randint(0, 300, (NUM_TOKENS,), generator=torch.Generator().manual_seed(3)).tolist()


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command on TOKENS; its array, report and errors, or its exit code and errors."""

    def command(model, *words):
        out = tmp_path / "logits.npy"
        ids = () if "--tokens-file" in words or "--tokens" in words else ("--tokens", ",".join(map(str, TOKENS)))
        code = cli.main(["models", "logits", "--model", str(model), "--out", str(out), *ids, *words])
        captured = capsys.readouterr()
        if code:
            return code, captured.err
        return np.load(out), orjson.loads(captured.out), captured.err

    return command


def defined(folder, loops, tokens=TOKENS):
    weights = load_weights(folder, torch.float64)
    return logits(weights, full_forward(weights, torch.tensor([tokens]), loops)[-1][0]).numpy()


def bare(tmp_path, kind):
    """A checkpoint with config.json and safetensors alone."""
    if kind == "sequential":
        config = iquest_loop_config()
        return write_checkpoint(tmp_path / "m", config, iquest_loop_weights(config), tokenizer="none")
    return write_checkpoint(tmp_path / "m", loopcoder_config(kind == "hidden"), tokenizer="none")


@pytest.mark.parametrize("split", [(), ("--prefill", "0"), ("--prefill", "1"), ("--prefill", "13", "--chunk", "4"),
                                   ("--chunk", "1"), ("--prefill", "20"), ("--chunk", "100")])  # fmt: skip
@pytest.mark.parametrize("kind", ["hidden", "query", "sequential"])
def test_logits_of_a_bare_folder_are_the_definition_however_they_are_split(tmp_path, run, kind, split):
    folder = bare(tmp_path, kind)
    got, report, err = run(folder, "--loops", "2", "--dtype", "float64", *split)
    num_prefilled = int(split[1]) if split[:1] == ("--prefill",) else NUM_TOKENS
    assert (got.dtype, got.shape, err) == (np.float64, (NUM_TOKENS, VOCAB), "")
    assert np.abs(got - defined(folder, 2)).max() < 1e-10
    assert report["num_prefilled"] == num_prefilled
    assert report["num_decoded"] == NUM_TOKENS - num_prefilled
    assert (report["shape"], report["loops"], report["is_forced"]) == ([NUM_TOKENS, VOCAB], 2, False)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.15)])
def test_lower_precisions_are_near_and_the_loop_count_is_the_models_own(tmp_path, run, dtype, tolerance):
    folder = bare(tmp_path, "hidden")
    got, report, _ = run(folder, "--dtype", dtype, "--prefill", "10")
    assert (got.dtype, report["loops"], report["dtype"]) == (np.float32, 2, dtype)
    assert np.abs(got - defined(folder, 2)).max() < tolerance


@pytest.mark.parametrize("loops", [1, 3])
def test_a_loop_count_without_evidence_is_refused_unless_it_is_forced_and_then_said(tmp_path, run, loops):
    folder = bare(tmp_path, "hidden")
    code, err = run(folder, "--loops", str(loops))
    assert code == 1
    assert f"loops is {loops}, for which {folder} has no evidence" in err
    assert "evidence for 2" in err
    assert err.count("\n") == 1
    got, report, err = run(folder, "--loops", str(loops), "--dtype", "float64", "--force-loops")
    assert np.abs(got - defined(folder, loops)).max() < 1e-10
    assert report["is_forced"]
    assert report["evidence"].startswith(f"FORCED: loops is {loops}")
    assert "FORCED" in err


def test_force_loops_changes_nothing_where_there_is_evidence(tmp_path, run):
    _, report, err = run(bare(tmp_path, "hidden"), "--force-loops")
    assert (report["is_forced"], err) == (False, "")


def test_a_dense_model_has_one_loop_even_by_force(tmp_path, run):
    folder = write_checkpoint(tmp_path / "m", tiny_config(VOCAB, 1), tokenizer="none")
    code, err = run(folder, "--loops", "2", "--force-loops")
    assert code == 1
    assert "the model is dense: it has no gates" in err


def test_a_packs_own_evidence_counts(tmp_path, run):
    pack = tiny_pack(tmp_path / "p", loops=3, certified=[1, 3])
    got, report, _ = run(pack.folder, "--dtype", "float64", "--loops", "1")
    assert np.abs(got - defined(pack.folder, 1)).max() < 1e-10
    assert report["evidence"] == "Random at every loop alike."
    code, err = run(pack.folder, "--loops", "2")
    assert code == 1
    assert "evidence for 1, 3" in err


def test_tokens_come_from_a_file_as_well(tmp_path, run):
    folder, file = bare(tmp_path, "query"), tmp_path / "ids"
    file.write_text("1, 2\n3 4\n")
    got, _, _ = run(folder, "--tokens-file", str(file), "--dtype", "float64")
    assert np.abs(got - defined(folder, 2, [1, 2, 3, 4])).max() < 1e-10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tokens", f"1,{VOCAB}"), f"The token {VOCAB} is not in the vocabulary, whose ids go from 0 to {VOCAB - 1}"),
        (("--tokens", "1,-2"), "The token -2 is not in the vocabulary"),
        (("--tokens", "1,x"), "The tokens cannot be read"),
        (("--tokens", ""), "There are 0 tokens"),
        (("--tokens", ",".join(["1"] * 513)), "There are 513 tokens; the model takes 1 to 512"),
        (("--tokens-file", "nowhere"), "The tokens cannot be read"),
        (("--prefill", "22"), "prefill is 22; for 21 tokens it must be 0 to 21"),
        (("--prefill", "-1"), "prefill is -1"),
        (("--chunk", "0"), "chunk is 0; it must be 1 or more"),
        (("--loops", "0"), "loops is 0; it is a whole number from 1"),
        (("--out", "/nowhere/x.npy"), "/nowhere/x.npy cannot be written"),
    ],
)
def test_words_that_cannot_be_served_are_one_line(tmp_path, run, words, message):
    code, err = run(bare(tmp_path, "hidden"), *words)
    assert code == 1
    assert message in err
    assert err.count("\n") == 1


def test_a_folder_that_is_none_is_named(run):
    code, err = run("./nowhere")
    assert code == 2
    assert "nowhere" in err


def naive_loop_logits(tensors, config, tokens):
    """IQuest-Coder-V1-Loop position by position and head by head, straight from its published rule."""
    T, H, KV, D = len(tokens), config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]

    def norm(x, name):
        return x / (x.pow(2).mean() + config["rms_norm_eps"]).sqrt() * tensors[name]

    def rotate(x, i):
        half = D // 2
        angle = i * config["rope_theta"] ** -(torch.arange(half, dtype=torch.float64) / half)
        a, b = x[..., :half], x[..., half:]
        return torch.cat((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)

    def attend(q, keys, values):
        weights = torch.softmax(torch.stack([q @ key for key in keys]) * D**-0.5, 0)
        return sum(weight * value for weight, value in zip(weights, values, strict=True))

    x = [tensors["model.embed_tokens.weight"][token] for token in tokens]
    first: dict[int, list] = {}
    for loop in (1, 2):
        for n in range(config["num_hidden_layers"]):
            at = f"model.layers.{n}."
            u = [norm(row, f"{at}input_layernorm.weight") for row in x]
            q, k, v = (
                [(tensors[f"{at}self_attn.{p}_proj.weight"] @ row).view(-1, D) for row in u] for p in ("q", "k", "v")
            )
            q, k = ([rotate(row, i) for i, row in enumerate(rows)] for rows in (q, k))
            if loop == 1:
                first[n] = [k, v]
            for i in range(T):
                heads = []
                for h in range(H):
                    g = h * KV // H
                    whole = attend(
                        q[i][h], [row[g] for row in first[n][0][: i + 1]], [r[g] for r in first[n][1][: i + 1]]
                    )
                    if loop == 2:
                        start = max(0, i + 1 - config["loop_window_size"])  # so many keys, the position's own included
                        near = attend(q[i][h], [row[g] for row in k[start : i + 1]], [r[g] for r in v[start : i + 1]])
                        at_gate = f"model.gate_projections.{n}."
                        gate = torch.sigmoid(q[i][h] @ tensors[f"{at_gate}weight"][h] + tensors[f"{at_gate}bias"][h])
                        whole = gate * whole + (1 - gate) * near
                    heads.append(whole)
                x[i] = x[i] + tensors[f"{at}self_attn.o_proj.weight"] @ torch.cat(heads)
                m = norm(x[i], f"{at}post_attention_layernorm.weight")
                up = F.silu(tensors[f"{at}mlp.gate_proj.weight"] @ m) * (tensors[f"{at}mlp.up_proj.weight"] @ m)
                x[i] = x[i] + tensors[f"{at}mlp.down_proj.weight"] @ up
    return torch.stack([tensors["lm_head.weight"] @ norm(row, "model.norm.weight") for row in x]).numpy()


@pytest.mark.parametrize("window", [1, 4, 64])
def test_iquest_loop_logits_are_those_of_its_rule_written_out(tmp_path, run, window):
    config = iquest_loop_config(window)
    tensors = {name: tensor.double() for name, tensor in iquest_loop_weights(config).items()}
    folder = write_checkpoint(tmp_path / "m", config, tensors, dtype=torch.float64, tokenizer="none")
    expected = naive_loop_logits(tensors, config, TOKENS)
    for prefill in (0, 9, NUM_TOKENS):
        got, _, _ = run(folder, "--dtype", "float64", "--prefill", str(prefill), "--chunk", "5")
        assert np.abs(got - expected).max() < 1e-10


def dense_model(family, tied):
    """A random dense model of transformers' own, every bias and norm away from its initial value."""
    import transformers

    shape = {"vocab_size": 320, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
             "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
             "tie_word_embeddings": tied, "initializer_range": 0.2, "rms_norm_eps": 3e-6}  # fmt: skip
    configs = {"llama": transformers.LlamaConfig, "qwen2": transformers.Qwen2Config}
    torch.manual_seed(5)
    model = transformers.AutoModelForCausalLM.from_config(configs[family](**shape), attn_implementation="eager")
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-5), ("float32", 1e-4)])
def test_dense_logits_are_transformers_own(tmp_path, run, family, tied, dtype, tolerance):
    """Transformers computes its rotary angles in float32, which bounds the agreement in float64."""
    model = dense_model(family, tied).to(getattr(torch, dtype))
    model.float().save_pretrained(tmp_path / "m")
    model.to(getattr(torch, dtype))
    with torch.no_grad():
        expected = model(torch.tensor([TOKENS])).logits[0].numpy()
    assert np.abs(expected).max() > 1
    for prefill in (0, 8, NUM_TOKENS):
        got, report, _ = run(tmp_path / "m", "--dtype", dtype, "--prefill", str(prefill), "--chunk", "3")
        assert np.abs(got - expected).max() < tolerance
        assert report["loops"] == 1

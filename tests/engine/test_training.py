"""The recipe on tiny models: identity start, falling losses, exact resume, export."""

import json
import math
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from plt_engine.config import LoopConfig, ModelConfig
from plt_engine.engine import Engine
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, init_random
from plt_engine.pack import TOKENIZER_FILE, load_pack
from plt_engine.pack_manifest import WeightFormat
from plt_engine.tokenizer import Tokenizer
from plt_engine.training import run
from plt_engine.training.__main__ import main
from plt_engine.training.card import CardRecords, card, curves
from plt_engine.training.checkpoint import load_checkpoint, newest_checkpoint
from plt_engine.training.documents import end_id
from plt_engine.training.export import CARD_FILE, ExportOptions, export_run
from plt_engine.training.fast_attention import FastAttention
from plt_engine.training.options import TrainOptions, learning_rate, reads_int4
from plt_engine.training.parameters import HIDDEN_SCALE, model_of, tensors_of, with_identity_loops
from plt_engine.training.run import RunSpec, read_spec, resume
from plt_engine.training.trainer import Trainer
from plt_engine.training.vocabulary import FIM, cut_tokenizer, write_vocabulary
from plt_engine.types import GenerationOutput, GenerationRequest, Prompt, StopSpec
from tests.packs import tiny_pack, tiny_tokenizer

RENAMED = {
    "<|fim_prefix|>": "<fim_prefix>",
    "<|fim_suffix|>": "<fim_suffix>",
    "<|repo_name|>": "<repo_name>",
    "<|file_sep|>": "<file_sep>",
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(cut_tokenizer(tiny_tokenizer(), range(10**6), RENAMED))


def config(vocab_size: int = 96, layers: int = 3, loops: int = 1) -> ModelConfig:
    return ModelConfig(
        vocab_size=vocab_size, hidden_size=32, intermediate_size=64, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, bos_token_id=0, eos_token_ids=(0,),
        loop=LoopConfig(loops, 4),
    )  # fmt: skip


def small_tensors(shape: ModelConfig, seed: int = 0):
    tensors = tensors_of(init_random(shape, seed))
    tensors["model.embed_tokens.weight"] *= 0.1
    return tensors


OPTIONS = TrainOptions(
    loops=2, exit_weights=(0.5, 0.5), rows_per_step=8, rows_per_pass=2, learning_rate=3e-3, warmup_steps=2, steps=6,
    decay_steps=3, window_left=4, bfloat16=False,
)  # fmt: skip


TINY_SHAPE = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "head_dim": 16, "tie_word_embeddings": True, "plt_num_loops": 1, "plt_window_size": [9, 0],
    "plt_emb_scale": 0.707, "plt_hidden_scale": 0.053,
}  # fmt: skip


def patterned_windows(num_rows: int = 64) -> np.ndarray:
    """Rows in which every id follows from the one before it, so that a tiny model can learn them."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 96, (num_rows, 1))
    return ((starts + 7 * np.arange(33)) % 96).astype(np.uint16)


def new_trainer(folder: Path, options: TrainOptions = OPTIONS) -> Trainer:
    shape, tensors = with_identity_loops(config(), small_tensors(config()), 2, options.window_left)
    return Trainer(shape, tensors, patterned_windows(), options, folder)


def never() -> bool:
    return False


def test_identity_start_differs_from_the_dense_model_by_the_local_branch_alone():
    dense = small_tensors(config())
    shape, looped = with_identity_loops(config(), dense, 2, 4)
    tokens = torch.randint(0, 96, (2, 24), generator=torch.Generator().manual_seed(1))
    expected = full_forward(model_of(config(), dense), tokens, 1)[0]
    first, second = full_forward(model_of(shape, looped), tokens, 2)
    assert torch.equal(first, expected)
    difference = (second - expected).norm() / expected.norm()
    assert 0 < difference < 0.1
    for name in looped:
        if name.endswith("plt_gate.bias"):
            looped[name] = torch.full_like(looped[name], 50.0)
    closed = full_forward(model_of(shape, looped), tokens, 2)[1]
    torch.testing.assert_close(closed, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("loops", "window_left"), [(1, 5), (3, 5), (2, 64), (2, 70)])
def test_fast_attention_is_the_definition_forwards_and_backwards(loops, window_left):
    shape = replace(config(loops=loops), loop=LoopConfig(loops, window_left))
    tensors = {name: tensor.double() for name, tensor in small_tensors(shape, 2).items()}
    tokens = torch.randint(0, 96, (2, 512), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    grad = torch.randn(2, 512, 32, generator=generator, dtype=torch.float64)
    results = []
    for mode in (FastAttention(), nullcontext()):
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in tensors.items()}
        with mode:
            out = full_forward(model_of(shape, leaves), tokens, loops)[-1]
        gradients = torch.autograd.grad(out, list(leaves.values()), grad, allow_unused=True)
        results.append((out, *(gradient for gradient in gradients if gradient is not None)))
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


def test_the_loss_falls_at_both_exits_and_b_and_the_gates_move(tmp_path):
    trainer = new_trainer(tmp_path, replace(OPTIONS, steps=40))
    reports = [trainer.take_step(never) for _ in range(40)]
    for exit_ in range(2):
        assert reports[-1].losses[exit_] < 0.6 * reports[0].losses[exit_]
    assert reports[-1].hidden_scale != 0
    assert reports[0].gate_mean == pytest.approx(torch.sigmoid(torch.tensor(3.0)).item(), abs=1e-4)
    assert reports[-1].gate_mean != reports[0].gate_mean
    assert reports[-1].tokens == 40 * 8 * 32


def test_bfloat16_trains_float32_masters(tmp_path):
    trainer = new_trainer(tmp_path, replace(OPTIONS, bfloat16=True))
    losses = [trainer.take_step(never).losses[1] for _ in range(6)]
    assert losses[-1] < losses[0]
    assert {tensor.dtype for tensor in trainer.masters.tensors.values()} == {torch.float32}


def test_a_resumed_run_is_an_uninterrupted_one_bit_for_bit(tmp_path):
    whole = new_trainer(tmp_path / "whole")
    whole.run(never, lambda report: None)
    interrupted = begin_run(tmp_path / "parts", tmp_path)
    steps = []
    interrupted.run(lambda: len(steps) == 3, steps.append)
    continued = resume(tmp_path / "parts")
    assert continued.step == 3
    continued.run(never, steps.append)
    assert [report.step for report in steps] == [1, 2, 3, 4, 5, 6]
    ends = [load_checkpoint(newest_checkpoint(tmp_path / name)) for name in ("whole", "parts")]
    assert ends[0].rows == ends[1].rows == 48
    for name, master in ends[0].masters.items():
        assert torch.equal(master, ends[1].masters[name]), name
        assert torch.equal(ends[0].moments[name]["exp_avg_sq"], ends[1].moments[name]["exp_avg_sq"]), name


def begin_run(folder: Path, data: Path) -> Trainer:
    """A run as `run.begin` writes it, from a tiny dense model instead of a pack."""
    np.save(data / "windows.npy", patterned_windows())
    trainer = new_trainer(folder)
    folder.mkdir()
    run.write_spec(folder, RunSpec(trainer.masters.config, OPTIONS, str(data / "windows.npy"), "none"))
    return trainer


def test_a_stopped_step_changes_nothing_and_the_log_forgets_steps_after_the_checkpoint(tmp_path):
    trainer = begin_run(tmp_path / "run", tmp_path)
    before = {name: tensor.clone() for name, tensor in trainer.masters.tensors.items()}
    assert trainer.take_step(lambda: True) is None
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.masters.tensors.items())
    steps = []
    trainer.run(lambda: len(steps) == 2, steps.append)
    log = tmp_path / "run" / "log.jsonl"
    log.write_text(log.read_text() + json.dumps({"step": 3, "tokens": trainer.tokens + 1}) + "\n")
    assert resume(tmp_path / "run").step == 2
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]


def test_a_run_begins_from_a_pack_and_goes_on_into_loops(tmp_path):
    pack = tiny_pack(tmp_path / "pack", loops=1)
    np.save(tmp_path / "windows.npy", patterned_windows())
    with pytest.raises(run.RunError, match=r"vocabulary\.json does not exist"):
        run.begin(tmp_path / "one", tmp_path / "windows.npy", pack.folder, OPTIONS)
    rows = load_weights(pack.folder).embed.float()
    kept = [i for i in range(len(rows)) if not 200 <= i < 210]
    write_vocabulary(tmp_path, kept)
    one = replace(OPTIONS, loops=1, exit_weights=(1.0,), steps=1)
    run.begin(tmp_path / "one", tmp_path / "windows.npy", pack.folder, one).run(never, lambda report: None)
    assert read_spec(tmp_path / "one").config.vocab_size == len(kept)
    begun = run.begin(tmp_path / "begun", tmp_path / "windows.npy", pack.folder, one)
    assert torch.equal(begun.masters.tensors["model.embed_tokens.weight"], rows[torch.tensor(kept)])
    two = run.begin(tmp_path / "two", tmp_path / "windows.npy", tmp_path / "one", OPTIONS)
    assert HIDDEN_SCALE in two.masters.tensors
    trained = load_checkpoint(newest_checkpoint(tmp_path / "one")).masters
    assert all(torch.equal(two.masters.tensors[name], tensor) for name, tensor in trained.items())
    assert two.rows == one.rows_per_step, "the later run goes on in the data where the earlier one ended"
    two.run(lambda: two.step == 1, lambda report: None)
    assert run.resume(tmp_path / "two").rows == 2 * one.rows_per_step
    log = [json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
    assert [(line["tokens"], len(line["losses"])) for line in log] == [(two.tokens // 2, 1), (two.tokens, 2)]
    with pytest.raises(run.RunError, match="holds a run already"):
        run.begin(tmp_path / "one", tmp_path / "windows.npy", pack.folder, one)


def test_a_run_goes_on_from_a_pack_that_has_the_tokenizer_of_the_windows(tmp_path):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    np.save(tmp_path / "windows.npy", patterned_windows())
    (tmp_path / TOKENIZER_FILE).write_bytes((pack.folder / TOKENIZER_FILE).read_bytes())
    begun = run.begin(tmp_path / "run", tmp_path / "windows.npy", pack.folder, OPTIONS)
    weights = load_weights(pack.folder)
    assert begun.masters.config == weights.config
    for name, tensor in tensors_of(weights).items():
        assert torch.equal(begun.masters.tensors[name], tensor.float()), name
    report = begun.take_step(never)
    assert report is not None
    assert len(report.losses) == 2


def test_a_run_from_scratch_learns_at_the_one_exit_that_it_is_told_to(tmp_path):
    np.save(tmp_path / "windows.npy", patterned_windows())
    write_vocabulary(tmp_path, range(96))
    (tmp_path / "tiny.json").write_text(json.dumps(TINY_SHAPE))
    options = replace(OPTIONS, exit_weights=(0.0, 1.0), steps=12)
    trainer = run.begin(tmp_path / "run", tmp_path / "windows.npy", tmp_path / "tiny.json", options)
    spec = read_spec(tmp_path / "run")
    assert (spec.config.vocab_size, spec.config.loop.num_loops, spec.config.loop.window_left) == (96, 2, 4)
    assert HIDDEN_SCALE not in trainer.masters.tensors
    trainer.run(never, lambda report: None)
    losses = [json.loads(line)["losses"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[0] == pytest.approx([math.log(96)] * 2, rel=0.02)
    assert losses[-1][1] < losses[0][1] - 0.3
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(run.RunError, match=r"broken\.json is not valid JSON"):
        run.begin(tmp_path / "other", tmp_path / "windows.npy", tmp_path / "broken.json", options)


def run_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plt_engine.training", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_one_command_trains_stages_in_turn_and_does_not_repeat_what_is_done(tmp_path):
    np.save(tmp_path / "windows.npy", patterned_windows())
    write_vocabulary(tmp_path, range(96))
    (tmp_path / "tiny.json").write_text(json.dumps(TINY_SHAPE))
    common = {"rows_per_step": 4, "rows_per_pass": 2, "window_left": 4, "steps": 3}
    two = {"name": "two", "loops": 2, "exit_weights": [0.6, 0.4], "int4_steps": 3, **common}
    (tmp_path / "stages.json").write_text(json.dumps([{"name": "one", **common}, two]))
    command = (
        "train", tmp_path / "runs", "--data", tmp_path, "--stages", tmp_path / "stages.json",
        "--start", tmp_path / "tiny.json", "--steps", "2", "--no-bfloat16",
    )  # fmt: skip
    result = run_command(*command)
    assert (result.returncode, result.stderr) == (0, "")
    log = [json.loads(line)["losses"] for line in (tmp_path / "runs" / "two" / "log.jsonl").read_text().splitlines()]
    assert [len(losses) for losses in log] == [1, 1, 2, 2]
    spec = read_spec(tmp_path / "runs" / "two")
    assert spec.start == str(tmp_path / "runs" / "one")
    assert (spec.options.steps, spec.options.int4_steps, spec.options.exit_weights) == (2, 3, (0.6, 0.4))
    checkpoint = newest_checkpoint(tmp_path / "runs" / "two")
    before = checkpoint.read_bytes()
    again = run_command(*command)
    assert (again.returncode, again.stdout) == (0, "")
    assert newest_checkpoint(tmp_path / "runs" / "two").read_bytes() == before


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("[", "cannot be read as JSON"),
        ('{"name": "one"}', "must be a list of objects"),
        ('[{"name": "../one"}]', "a name that can be a folder's"),
        ('[{"name": "one"}, {"name": "one"}]', "names a stage twice: one, one"),
        ('[{"name": "one", "lops": 2}]', "names 'lops', which is no option; give"),
        ('[{"name": "one", "loops": 2, "exit_weights": [1]}]', "exit_weights has 1 weights for 2 loops; give one each"),
    ],
)
def test_stages_that_make_no_recipe_are_refused_in_one_message(tmp_path, capsys, monkeypatch, stages, message):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    (tmp_path / "stages.json").write_text(stages)
    status = main(["train", str(tmp_path / "runs"), "--data", str(tmp_path), "--stages", str(tmp_path / "stages.json")])
    assert status == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_the_shipped_models_stages_are_a_recipe():
    names = {item.name for item in fields(TrainOptions)}
    stages = run.read_stages(files("plt_engine.training") / "plt_coder.json")
    assert [name for name, _ in stages] == ["one-loop", "two-loops", "rounded", "both-exits"]
    assert all(options.keys() <= names for _, options in stages)


@pytest.mark.parametrize(("step", "share"), [(0, 0.5), (1, 1.0), (50, 1.0), (95, 0.55), (100, 0.1)])
def test_the_rate_rises_stays_and_falls(step, share):
    options = TrainOptions(learning_rate=2.0, warmup_steps=2, steps=100, decay_steps=10)
    assert learning_rate(step, options) == pytest.approx(2.0 * share)


def test_an_exported_run_is_a_pack_that_completes_at_every_trained_loop_count(tmp_path, tokenizer):
    shape = replace(config(vocab_size=tokenizer.vocab_size), eos_token_ids=(end_id(tokenizer),))
    looped = with_identity_loops(shape, small_tensors(shape), 2, 4)
    trainer = Trainer(*looped, patterned_windows(), OPTIONS, tmp_path / "run")
    with pytest.raises(run.RunError, match="no finished step"):
        run.read_log(tmp_path / "run")
    trainer.run(lambda: trainer.step == 1, lambda report: None)
    trainer.masters.tensors[HIDDEN_SCALE].fill_(0.25)
    trainer.save()
    run.write_spec(tmp_path / "run", RunSpec(looped[0], OPTIONS, str(tmp_path / "windows.npy"), "none"))
    write_vocabulary(tmp_path, range(tokenizer.vocab_size))
    base = tiny_pack(tmp_path / "base", loops=1)
    options = ExportOptions(
        "tiny", "Tiny", base.folder, WeightFormat.INT4, documents={CARD_FILE: "# Tiny\n"}, renamed=RENAMED
    )
    pack = export_run(tmp_path / "run", tmp_path / "tiny", options, {"bits_per_byte": 1.5})
    assert load_pack(pack.folder).manifest.loop_counts == (1, 2)
    assert load_pack(pack.folder).manifest.loops[1].evidence.detail.endswith("at this loop on 256 tokens")
    assert load_pack(pack.folder).manifest.fim == FIM
    assert (pack.folder / CARD_FILE).read_text() == "# Tiny\n"
    weights = load_weights(pack.folder)
    assert weights.config.loop.hidden_scale == 0.25
    assert weights.config.loop.window_left == 4
    master = trainer.masters.tensors["model.layers.0.mlp.up_proj.weight"]
    assert (weights.layers[0].up - master).abs().max() < 0.05 * master.abs().max() + 0.05
    engine = Engine.load(pack.folder)
    for loops in (1, 2):
        request = GenerationRequest("r", "s", Prompt("def add(", ")\n"), stop=StopSpec(max_tokens=3), loops=loops)
        assert isinstance(list(engine.generate(request))[-1], GenerationOutput)
    np.save(tmp_path / "windows.npy", patterned_windows())
    chosen = export_run(tmp_path / "run", tmp_path / "chosen", replace(options, rounding_windows=8), {})
    others, name = load_weights(chosen.folder), "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(others.embed, weights.embed)
    assert not torch.equal(others.layers[0].up, weights.layers[0].up), "chosen by the inputs, not the nearest"
    step = (master.view(len(master), -1, 32).amax(-1) - master.view(len(master), -1, 32).amin(-1)).max() / 15
    assert (others.layers[0].up - trainer.masters.tensors[name]).abs().max() < 8 * step
    one_exit = replace(OPTIONS, exit_weights=(0.0, 1.0))
    run.write_spec(tmp_path / "run", RunSpec(looped[0], one_exit, str(tmp_path / "windows.npy"), "none"))
    again = export_run(tmp_path / "run", tmp_path / "again", options, {})
    assert again.manifest.loop_counts == (2,), "an exit that nothing trained is not certified"


def test_a_run_that_goes_on_from_a_pack_counts_what_that_was_trained_on(tmp_path, tokenizer):
    shape = replace(config(vocab_size=tokenizer.vocab_size), eos_token_ids=(end_id(tokenizer),))
    base = tiny_pack(tmp_path / "base", loops=1)
    np.save(tmp_path / "windows.npy", patterned_windows())
    write_vocabulary(tmp_path, range(tokenizer.vocab_size))
    trainer = Trainer(
        *with_identity_loops(shape, small_tensors(shape), 2, 4), patterned_windows(), OPTIONS, tmp_path / "run"
    )
    trainer.run(lambda: trainer.step == 1, lambda report: None)
    trainer.save()
    run.write_spec(
        tmp_path / "run", RunSpec(trainer.masters.config, OPTIONS, str(tmp_path / "windows.npy"), "none", (900, 100))
    )
    named = ExportOptions("tiny", "Tiny", base.folder, renamed=RENAMED)
    first = export_run(tmp_path / "run", tmp_path / "tiny", named, {})
    assert run.trained_tokens(first.manifest) == (1156, 356)
    log = tmp_path / "run" / "log.jsonl"
    line = json.loads(log.read_text())
    stages = [{**line, "tokens": tokens, "losses": [2.0] * exits} for tokens, exits in ((256, 2), (1256, 1), (1356, 2))]
    log.write_text("".join(json.dumps(stage) + "\n" for stage in stages))
    assert run.trained_tokens(export_run(tmp_path / "run", tmp_path / "stages", named, {}).manifest) == (2256, 456)
    run.begin(tmp_path / "more", tmp_path / "windows.npy", first.folder, OPTIONS).save()
    run.begin(tmp_path / "last", tmp_path / "windows.npy", tmp_path / "more", OPTIONS)
    assert read_spec(tmp_path / "last").earlier_tokens == (1156, 356)
    run.begin(tmp_path / "other", tmp_path / "windows.npy", base.folder, OPTIONS)
    assert read_spec(tmp_path / "other").earlier_tokens == (0,)


def test_the_last_steps_read_what_the_pack_will_hold(tmp_path, tokenizer):
    shape = replace(config(vocab_size=tokenizer.vocab_size), eos_token_ids=(end_id(tokenizer),))
    looped = with_identity_loops(shape, small_tensors(shape), 2, 4)
    options = replace(OPTIONS, steps=8, int4_steps=5)
    assert [reads_int4(step, options) for step in range(8)] == [False] * 3 + [True] * 5
    trainer = Trainer(*looped, patterned_windows(), options, tmp_path / "run")
    exact, rounded = trainer.masters.leaves(), trainer.masters.leaves(in_int4=True)
    assert all(torch.equal(exact[name], master) for name, master in trainer.masters.tensors.items())
    weights = [
        name for name, master in trainer.masters.tensors.items() if master.dim() == 2 and "gate.weight" not in name
    ]
    assert not any(torch.equal(exact[name], rounded[name]) for name in weights)
    trainer.run(never, lambda report: None)
    losses = [json.loads(line)["losses"][1] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[3]
    run.write_spec(tmp_path / "run", RunSpec(looped[0], options, str(tmp_path / "windows.npy"), "none"))
    write_vocabulary(tmp_path, range(tokenizer.vocab_size))
    named = ExportOptions("tiny", "Tiny", tiny_pack(tmp_path / "base", loops=1).folder, renamed=RENAMED)
    pack = export_run(tmp_path / "run", tmp_path / "tiny", named, {})
    held = tensors_of(load_weights(pack.folder, torch.float32))
    read = trainer.masters.leaves(in_int4=True)
    assert all(torch.equal(tensor, read[name]) for name, tensor in held.items())


def test_the_card_states_data_curves_and_figures():
    log = [{"step": i + 1, "tokens": 100 * (i + 1), "losses": [3.0 - 0.1 * i, 3.5 - 0.1 * i]} for i in range(10)]
    corpus = {
        "files": 1234,
        "chars_by_language": {"python": 75, "typescript": 25},
        "chars_by_package": {"one": 60, "two": 40},
        "held_out_chars_by_package": {"secret": 9},
    }
    records = CardRecords("Tiny", "MIT", "Base", corpus, log, "| a | b |", ["R = 1 is the default."])
    text = card(records, "curves.svg")
    for part in (
        "# Tiny",
        "python 75 %",
        "1,234 files of 2 packages",
        "secret",
        "2.100, 2.600",
        "## Figures\n\nR = 1 is the default.\n\n| a | b |",
        "curves.svg",
    ):
        assert part in text
    assert "on 1,000 tokens" in text
    further = card(replace(records, earlier_tokens=2_000), "curves.svg")
    assert "on 3,000 tokens" in further
    assert "(curves.svg) They begin after 2,000 tokens." in further
    picture = ElementTree.fromstring(curves(log, smoothing=1))
    lines = [element.get("points").split() for element in picture if element.tag.endswith("polyline")]
    assert [len(points) for points in lines] == [10, 10]
    heights = [float(point.split(",")[1]) for point in lines[0]]
    assert heights == sorted(heights), "a falling loss is drawn falling: down is the larger coordinate"
    staged = curves([{"tokens": 50, "losses": [3.2]}, *log], smoothing=1)
    lines = [element.get("points").split() for element in ElementTree.fromstring(staged) if "points" in element.attrib]
    assert [len(points) for points in lines] == [11, 10]

"""The recipe on tiny models and texts: formats, decontamination, identity start, falling losses, exact resume."""

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from plt_engine.config import LoopConfig, ModelConfig
from plt_engine.engine import Engine
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, init_random
from plt_engine.pack import load_pack
from plt_engine.pack_manifest import WeightFormat
from plt_engine.tokenizer import Tokenizer
from plt_engine.training import run
from plt_engine.training.checkpoint import load_checkpoint, newest_checkpoint
from plt_engine.training.cuts import CUTS, choose_span
from plt_engine.training.documents import FimFormatter, end_id, pieces, plain_document
from plt_engine.training.duplicates import HeldOutRuns, run_hashes, without_near_duplicates
from plt_engine.training.export import ExportOptions, export_run
from plt_engine.training.fast_attention import causal_attention
from plt_engine.training.manifest import ManifestError, is_allowed, read_manifest
from plt_engine.training.options import TrainOptions, learning_rate
from plt_engine.training.parameters import HIDDEN_SCALE, model_of, tensors_of, with_identity_loops
from plt_engine.training.run import RunSpec, read_spec, resume
from plt_engine.training.sources import SourceFile, looks_generated, wanted_file, without_licence_header
from plt_engine.training.trainer import Trainer
from plt_engine.training.vocabulary import FIM, cut_tokenizer
from plt_engine.training.windows import WindowPacker, read_windows, write_windows
from plt_engine.types import GenerationOutput, GenerationRequest, Prompt, StopSpec
from tests.packs import CORPUS, tiny_pack, tiny_tokenizer

RENAMED = {
    "<|fim_prefix|>": "<fim_prefix>",
    "<|fim_suffix|>": "<fim_suffix>",
    "<|repo_name|>": "<repo_name>",
    "<|file_sep|>": "<file_sep>",
}
TYPESCRIPT = """export function area(width: number, height: number): number {
  const product = width * height;
  return Math.round(product, 2);
}
"""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(tiny_document())


def tiny_document():
    document = tiny_tokenizer()
    return cut_tokenizer(document, 10**6, RENAMED)


def source(text: str, path: str = "a.py", language: str = "python") -> SourceFile:
    return SourceFile("demo", path, language, text)


# Formats


def parts_of(ids: list[int], tokenizer: Tokenizer) -> tuple[list[int], str, str]:
    """What stands before the suffix's sentinel, the suffix, and prefix with middle, without the end token."""
    suffix_at, prefix_at = (ids.index(tokenizer.special_id(token)) for token in (FIM.suffix, FIM.prefix))
    assert suffix_at < prefix_at
    assert ids[-1] == end_id(tokenizer)
    return ids[:suffix_at], tokenizer.decode(ids[suffix_at + 1 : prefix_at]), tokenizer.decode(ids[prefix_at + 1 : -1])


def test_a_fim_document_holds_the_whole_piece_suffix_first(tokenizer):
    formatter = FimFormatter(tokenizer, 2000)
    with_suffix = 0
    for seed in range(200):
        document = formatter.document(source(CORPUS), CORPUS, (), Random(seed))
        before, suffix, rest = parts_of(document, tokenizer)
        assert before == []
        if suffix:
            with_suffix += 1
            assert rest + suffix == CORPUS
        else:
            assert CORPUS.startswith(rest)
    assert with_suffix > 150


def test_other_files_come_first_in_the_servers_own_format(tokenizer):
    formatter = FimFormatter(tokenizer, 2000)
    files = [source(CORPUS), source(CORPUS, "b.py"), source(CORPUS, "c.py")]
    headers = [
        tokenizer.decode(parts_of(document, tokenizer)[0])
        for seed in range(60)
        for document in formatter.documents(files[0], files[1:], Random(seed))
    ]
    carrying = [header for header in headers if header]
    assert 0 < len(carrying) < len(headers)
    assert all(header.startswith("demo\n") and header.endswith("a.py\n") for header in carrying)
    assert any("b.py\n" in header for header in carrying)


def test_a_document_never_exceeds_its_limit_and_keeps_its_end(tokenizer):
    formatter = FimFormatter(tokenizer, 96)
    for seed in range(60):
        for document in formatter.documents(source(CORPUS * 3), [source(CORPUS, "b.py")], Random(seed)):
            assert len(document) <= 96


def test_pieces_are_consecutive_and_cover_the_text():
    text = CORPUS * 40
    found = list(pieces(text, 256, Random(3)))
    assert text.startswith("".join(found))
    assert len(text) - sum(map(len, found)) < 256 * 3
    assert max(map(len, found)) < 256 * 3 + 100


@pytest.mark.parametrize(("text", "language"), [(CORPUS, "python"), (TYPESCRIPT, "typescript"), ("# Title\n", "text")])
def test_every_cut_is_inside_the_text_and_not_empty(text, language):
    for seed in range(200):
        span = choose_span(text, language, Random(seed))
        assert 0 <= span.start < span.end <= len(text)


def test_cuts_follow_lines_and_the_syntax_tree():
    rng = Random(0)
    line = CUTS["rest_of_line"][0](CORPUS, "python", rng)
    assert CORPUS[line.end] == "\n"
    block = CUTS["block_body"][0](TYPESCRIPT, "typescript", rng)
    assert TYPESCRIPT[block.start - 1] == "{"
    assert TYPESCRIPT[block.end] == "}"
    arguments = {TYPESCRIPT[s.start : s.end] for s in (CUTS["call_arguments"][0](TYPESCRIPT, "typescript", Random(i))
                 for i in range(40))}  # fmt: skip
    assert {"product, 2", "width: number, height: number"} <= arguments
    assert all(")" not in text for text in arguments)


def test_cuts_count_characters_not_bytes():
    text = 'def f():\n    print("žluťoučký kůň", "🐎")\n'
    for seed in range(100):
        span = CUTS["call_arguments"][0](text, "python", Random(seed))
        assert text[span.end] == ")"


def test_a_cut_vocabulary_tokenises_what_it_can_as_before():
    document = tiny_tokenizer(fim=False)
    whole, cut = Tokenizer(document), Tokenizer(cut_tokenizer(document, 280, {}))
    assert cut.vocab_size == 280
    assert cut.decode(cut.encode(CORPUS)) == CORPUS
    assert len(cut.encode(CORPUS)) > len(whole.encode(CORPUS))
    kept = [i for i in whole.encode(CORPUS) if i < 280]
    assert set(kept) <= set(cut.encode(CORPUS))


def test_a_cut_vocabulary_without_its_sentinels_is_refused():
    with pytest.raises(ValueError, match="<fim_prefix>"):
        cut_tokenizer(tiny_tokenizer(fim=False), 10**6, RENAMED)


# Windows


def test_windows_are_full_half_and_half_and_never_cut_a_whole_document(tmp_path):
    rng = Random(0)
    whole = deque([7, *[1] * rng.randint(20, 90), 9] for _ in range(300))
    running = deque([2] * rng.randint(50, 900) for _ in range(60))
    lengths = [len(document) for document in whole]
    rows = list(WindowPacker(100, whole, running).rows())
    assert {len(row) for row in rows} == {100}
    num_whole = sum(id_ != 2 for row in rows for id_ in row)
    assert num_whole / (100 * len(rows)) == pytest.approx(0.5, abs=0.02)
    found = [len(part) for row in rows for part in documents_in(row)]
    assert found == lengths[: len(found)]
    write_windows(tmp_path / "windows.npy", rows, seed=1)
    read = read_windows(tmp_path / "windows.npy")
    assert sorted(map(tuple, read.tolist())) == sorted(map(tuple, rows))


def documents_in(row: list[int]) -> list[list[int]]:
    starts, ends = ([i for i, id_ in enumerate(row) if id_ == mark] for mark in (7, 9))
    return [row[start : end + 1] for start, end in zip(starts, ends, strict=True)]


# Data


def test_the_manifest_is_sound():
    manifest = read_manifest()
    assert len(manifest.held_out) >= 12
    assert sum(package.registry == "npm" for package in manifest.held_out) >= 3
    assert len({package.sha256 for package in (*manifest.packages, *manifest.held_out)}) == len(
        manifest.packages
    ) + len(manifest.held_out)


@pytest.mark.parametrize(
    ("licence", "allowed"), [("MIT", True), ("MIT OR GPL-3.0", True), ("MIT AND GPL-3.0", False), ("MPL-2.0", False)]
)
def test_licences_are_read_as_expressions(licence, allowed):
    assert is_allowed(licence, frozenset(("MIT", "Apache-2.0"))) is allowed


def test_a_package_cannot_be_trained_on_and_held_out(tmp_path):
    line = '{ registry = "pypi", name = "x", version = "1", licence = "MIT", file = "x.whl", sha256 = "0" }'
    path = tmp_path / "manifest.toml"
    path.write_text(
        f'allowed_licences = ["MIT"]\nstdlib = {{ name = "s", version = "1", licence = "MIT" }}\ninstalled = []\n'
        f"packages = [{line}]\nheld_out = [{line}]\n"
    )
    with pytest.raises(ManifestError, match="x: trained on and held out"):
        read_manifest(path)


@pytest.mark.parametrize(
    "path", ["pkg/_vendor/a.py", "pkg/tests/a.py", "a.min.js", "types/index.d.ts", "pkg/a_pb2.py", "a.bin", "dist/a.js"]
)
def test_vendored_tested_and_generated_files_are_dropped_by_name(path):
    assert wanted_file("demo", path, CORPUS.encode() * 3) is None
    assert wanted_file("demo", "pkg/a.py", CORPUS.encode() * 3) is not None


def test_generated_files_are_dropped_by_content():
    assert looks_generated("# Generated by a tool, do not edit\n" + CORPUS, "python")
    assert looks_generated("x=[" + "1,2,3," * 500 + "]\n", "python")
    assert not looks_generated(CORPUS, "python")


def test_licence_headers_go_and_other_comments_stay():
    header = "# Copyright 2020 Somebody\n# Licensed under Apache\n\n"
    assert without_licence_header(header + CORPUS) == CORPUS
    assert without_licence_header("# What this does.\n" + CORPUS) == "# What this does.\n" + CORPUS
    assert without_licence_header("/** @license MIT */\nlet a = 1;\n") == "let a = 1;\n"


def varied(seed: int, lines: int = 60) -> str:
    rng = Random(seed)
    return "".join(
        f"name_{rng.randrange(999)} = call_{rng.randrange(999)}({rng.randrange(99)})\n" for _ in range(lines)
    )


def test_near_duplicates_go_and_different_files_stay():
    changed = varied(1).replace("name_", "name_", 1) + "last = 1\n"
    files = [source(varied(1), "a.py"), source(changed, "b.py"), source(varied(2), "c.py")]
    assert [file.path for file in without_near_duplicates(files)] == ["a.py", "c.py"]


def test_files_that_share_a_long_run_with_held_out_text_are_found(tokenizer):
    secret, own = varied(3, 12), varied(4, 30)
    runs = HeldOutRuns([tokenizer.encode(varied(5) + secret + varied(6))])
    assert runs.shares_run(tokenizer.encode(own + secret + varied(7)))
    assert not runs.shares_run(tokenizer.encode(own))
    assert not runs.shares_run(tokenizer.encode(own + secret[:40]))


def test_run_hashes_depend_on_the_run_alone():
    ids = [Random(i).randrange(16_000) for i in range(300)]
    hashes = run_hashes(ids)
    assert len(hashes) == 300 - 64 + 1
    assert run_hashes(ids[50:114]).tolist() == [hashes[50]]
    assert len(set(hashes.tolist())) == len(hashes)
    assert run_hashes(ids[:63]).size == 0


# The model and the loop


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


def test_fast_attention_is_torchs_own_forwards_and_backwards():
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 6, 512, 8), (2, 2, 512, 8), (2, 2, 512, 8))
    inputs = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]
    grad = torch.randn(shapes[0], generator=generator, dtype=torch.float64)
    results = []
    for attention in (causal_attention, lambda q, k, v: F.scaled_dot_product_attention(
        q, k, v, is_causal=True, enable_gqa=True
    )):  # fmt: skip
        out = attention(*inputs)
        results.append((out, *torch.autograd.grad(out, inputs, grad)))
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


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
    log.write_text(log.read_text() + json.dumps({"step": 3}) + "\n")
    assert resume(tmp_path / "run").step == 2
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]


def test_a_run_begins_from_a_pack_and_goes_on_into_loops(tmp_path):
    pack = tiny_pack(tmp_path / "pack", loops=1)
    np.save(tmp_path / "windows.npy", patterned_windows())
    one = replace(OPTIONS, loops=1, exit_weights=(1.0,), steps=1)
    run.begin(tmp_path / "one", tmp_path / "windows.npy", pack.folder, one, 300).run(never, lambda report: None)
    assert read_spec(tmp_path / "one").config.vocab_size == 300
    two = run.begin(tmp_path / "two", tmp_path / "windows.npy", tmp_path / "one", OPTIONS)
    assert HIDDEN_SCALE in two.masters.tensors
    trained = load_checkpoint(newest_checkpoint(tmp_path / "one")).masters
    assert all(torch.equal(two.masters.tensors[name], tensor) for name, tensor in trained.items())
    with pytest.raises(run.RunError, match="holds a run already"):
        run.begin(tmp_path / "one", tmp_path / "windows.npy", pack.folder, one)


@pytest.mark.parametrize(("step", "share"), [(0, 0.5), (1, 1.0), (50, 1.0), (95, 0.55), (100, 0.1)])
def test_the_rate_rises_stays_and_falls(step, share):
    options = TrainOptions(learning_rate=2.0, warmup_steps=2, steps=100, decay_steps=10)
    assert learning_rate(step, options) == pytest.approx(2.0 * share)


# Export


def test_an_exported_run_is_a_pack_that_completes_at_every_trained_loop_count(tmp_path, tokenizer):
    shape = replace(config(vocab_size=tokenizer.vocab_size), eos_token_ids=(end_id(tokenizer),))
    looped = with_identity_loops(shape, small_tensors(shape), 2, 4)
    trainer = Trainer(*looped, patterned_windows(), OPTIONS, tmp_path / "run")
    trainer.masters.tensors[HIDDEN_SCALE].fill_(0.25)
    trainer.save()
    run.write_spec(tmp_path / "run", RunSpec(looped[0], OPTIONS, "none", "none"))
    base = tiny_pack(tmp_path / "base", loops=1)
    options = ExportOptions("tiny", "Tiny", base.folder, WeightFormat.INT4, card="# Tiny\n", renamed=RENAMED)
    pack = export_run(tmp_path / "run", tmp_path / "tiny", options, {"bits_per_byte": 1.5})
    assert load_pack(pack.folder).manifest.loop_counts == (1, 2)
    assert load_pack(pack.folder).manifest.fim == FIM
    weights = load_weights(pack.folder)
    assert weights.config.loop.hidden_scale == 0.25
    assert weights.config.loop.window_left == 4
    master = trainer.masters.tensors["model.layers.0.mlp.up_proj.weight"]
    assert (weights.layers[0].up - master).abs().max() < 0.05 * master.abs().max() + 0.05
    engine = Engine.load(pack.folder)
    for loops in (1, 2):
        request = GenerationRequest("r", "s", Prompt("def add(", ")\n"), stop=StopSpec(max_tokens=3), loops=loops)
        assert isinstance(list(engine.generate(request))[-1], GenerationOutput)


def test_plain_documents_are_the_text_and_its_end(tokenizer):
    ids = plain_document(source(CORPUS), tokenizer)
    assert tokenizer.decode(ids[:-1]) == CORPUS
    assert ids[-1] == end_id(tokenizer)

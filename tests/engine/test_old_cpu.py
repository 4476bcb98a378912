"""A machine without AVX-512: the numerics that are chosen there, run with the instructions that it has.

A process of its own is told to use no newer ones (ATen's and oneDNN's own variables), and not to find them either.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plt_engine.pack_manifest import WeightFormat
from tests.packs import tiny_pack

SCRIPT = """
import json, sys, torch
torch.set_num_threads(1)
torch.cpu._is_avx512_bf16_supported = torch.cpu._is_amx_tile_supported = lambda: False
from plt_engine.engine import Engine, EngineOptions
from plt_engine.fused import fuse
from plt_engine.linear import plan_numerics
from plt_engine.loader import load_stored
from plt_engine.runner import ModelRunner
from plt_engine.types import GenerationRequest, Prompt, StopSpec
from pathlib import Path

ids = [(7 * i) % 50 for i in range(40)]


def log_probabilities(folder, dtype):
    config, tensors = load_stored(folder)
    runner = ModelRunner(fuse(config, tensors, plan_numerics(dtype)), 64)
    cache = runner.new_cache(2)
    rows = [runner.logits(runner.prefill(cache, ids[:30], first_wanted=20))]
    rows += [runner.logits(runner.decode(cache, token))[None] for token in ids[30:]]
    return torch.cat(rows).float().log_softmax(-1)


def look(folder):
    exact, chosen = log_probabilities(folder, "float32"), log_probabilities(folder, "auto")
    nats = torch.nn.functional.kl_div(chosen, exact, reduction="none", log_target=True).sum(-1)
    request = GenerationRequest("r", "s", Prompt("def add(a, b):"), stop=StopSpec(max_tokens=8))
    *_, output = Engine.load(folder, EngineOptions()).generate(request)
    return {"nats": float(nats.mean()), "tokens": output.metrics.num_generated_tokens}


print(json.dumps({
    "reason": plan_numerics().reason,
    "capability": torch.backends.cpu.get_cpu_capability(),
    "packs": {name: look(Path(name)) for name in sys.argv[1:]},
}))
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("capability", "isa", "named", "chosen"),
    [
        ("avx2", "AVX2", "AVX2", "bfloat16 with packed kernels and float32 prefill"),
        ("default", "SSE41", "DEFAULT", "float32"),
    ],
)
def test_an_older_cpu_gives_the_same_model(tmp_path, capability, isa, named, chosen):
    formats = (WeightFormat.INT4, WeightFormat.INT8, WeightFormat.BFLOAT16)
    packs = [tiny_pack(tmp_path / form.value, loops=2, weight_format=form) for form in formats]
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "ATEN_CPU_CAPABILITY": capability,
        "ONEDNN_MAX_CPU_ISA": isa,
        "PYTHONPATH": os.pathsep.join(map(str, (root, root / "engine", root / "kernels"))),
        "PLT_LSP_DATA_DIR": str(tmp_path),
    }
    words = [sys.executable, "-c", SCRIPT, *(str(pack.folder) for pack in packs)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["capability"] == named
    assert found["reason"].startswith(chosen)
    for name, seen in found["packs"].items():
        assert seen["nats"] < 1e-3, f"{name}: the distributions are {seen['nats']} nats apart"
        assert seen["tokens"] == 8

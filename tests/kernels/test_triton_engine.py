"""The whole engine on the Triton path, interpreted, against the reference path and the definition, on tiny packs."""

import pytest
import torch

from plt_engine.engine import Engine, EngineOptions
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, logits
from plt_engine.pack_manifest import WeightFormat
from plt_engine.types import GenerationRequest, Prompt, SamplingParams, StopSpec
from tests.packs import tiny_pack

GENERATE = "tests.kernels.tasks:generate"
LOGITS = "tests.kernels.tasks:engine_logits"
TOKENS = [i * 7 % 200 for i in range(14)]


@pytest.mark.parametrize(("loops", "gate_hidden", "normalize"), [(1, True, True), (2, True, True), (3, False, False)])
def test_prefill_and_decode_are_as_the_definition_has_them(tmp_path, interpreter, loops, gate_hidden, normalize):
    pack = tiny_pack(tmp_path / "pack", loops, gate_hidden, normalize=normalize)
    got = interpreter.call(LOGITS, pack.folder, loops, TOKENS, 11)
    weights = load_weights(pack.folder, torch.float64)
    expected = logits(weights, full_forward(weights, torch.tensor([TOKENS]), loops)[-1][0])[10:]
    difference = (got - expected).abs()
    assert difference.max() < 2e-4, f"max {difference.max():.3g}, mean {difference.mean():.3g}"


@pytest.mark.parametrize("weight_format", [WeightFormat.FLOAT32, WeightFormat.INT4], ids=str)
def test_the_engine_writes_the_same_text_as_on_the_reference_path(tmp_path, interpreter, weight_format):
    pack = tiny_pack(tmp_path / "pack", weight_format=weight_format)
    request = GenerationRequest(
        "1", "s", Prompt("for index in range(10):\n    pri", "\n"), SamplingParams(), StopSpec(max_tokens=4),
        log_probabilities=True,
    )  # fmt: skip
    got, kernels = interpreter.call(GENERATE, pack.folder, request)
    *_, expected = Engine.load(pack.folder, EngineOptions(device="cpu", dtype="float32")).generate(request)
    assert "plt_kernels.triton_path" in kernels
    assert got.text == expected.text
    assert len(got.log_probabilities) == len(expected.log_probabilities) > 0
    assert got.log_probabilities == pytest.approx(expected.log_probabilities, abs=2e-4)


@pytest.mark.parametrize("loops", [1, 2])
def test_a_decoded_token_never_waits_for_the_host(tmp_path, interpreter, loops):
    pack = tiny_pack(tmp_path / "pack", loops, weight_format=WeightFormat.INT4)
    launched = interpreter.call("tests.kernels.tasks:launches_of_a_step", pack.folder, loops)
    layer = ["few_rows", "rotate_and_store", *["norm_rows"] * (loops > 1), "partial_attention", "reduce_and_mix"]
    layer += ["few_rows", "norm_rows", "few_rows", "gated_rows", "few_rows", "norm_rows"]
    assert launched == ["token_rows", "norm_rows", *layer, *layer]

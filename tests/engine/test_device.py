"""The choice of a device, its numbers, and the refusal to load what does not fit; no GPU is needed to decide."""

import pytest
import torch

from plt_engine import linear
from plt_engine.config import read_config
from plt_engine.device import (
    CPU_WORKING_BYTES,
    GIB,
    WORKING_BYTES,
    MemoryNeed,
    Room,
    bounded_cache_bytes,
    choose_device,
    kernel_ops,
    memory_need,
    move,
    plan_device,
    require_memory,
)
from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import RequestError
from plt_engine.fused import fuse
from plt_engine.linear import StoredKernel
from plt_engine.loader import load_stored
from plt_engine.pack_manifest import WeightFormat
from plt_engine.quantize import Int4Weight, dequantize, quantize_int4, quantize_int8
from plt_kernels import reference_path
from tests.packs import tiny_pack


@pytest.mark.parametrize(
    ("name", "has_gpu", "expected"),
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_a_setting_becomes_a_device(name, has_gpu, expected):
    assert choose_device(name, has_gpu).type == expected


@pytest.mark.parametrize(
    ("name", "message"), [("cuda", "torch sees no GPU. Install"), ("gpu", "device is 'gpu'; choose auto, cpu, cuda")]
)
def test_a_device_that_cannot_be_had_is_refused(name, message):
    with pytest.raises(RequestError, match=message):
        choose_device(name, has_gpu=False)


@pytest.mark.parametrize(
    ("dtype", "has_bfloat16", "expected", "reason"),
    [
        ("auto", True, torch.bfloat16, "bfloat16, which this GPU multiplies itself"),
        ("auto", False, torch.float16, "float16, which"),
        ("float32", True, torch.float32, "float32, as asked for"),
    ],
)
def test_a_gpu_computes_in_bfloat16_where_it_can(monkeypatch, dtype, has_bfloat16, expected, reason):
    monkeypatch.setenv("PLT_KERNELS", "reference")
    plan = plan_device(torch.device("cuda"), dtype, has_bfloat16)
    assert (plan.dtype, plan.dense_dtype, plan.ops) == (expected, expected, reference_path)
    assert plan.packs
    assert not plan.keeps_dense
    assert reason in plan.reason


def test_kernels_that_cannot_be_had_are_an_error_of_the_request(monkeypatch):
    monkeypatch.setenv("PLT_KERNELS", "quick")
    with pytest.raises(RequestError, match="PLT_KERNELS is 'quick'"):
        kernel_ops(torch.device("cpu"), torch.float32)


def need(weights_gib: float, context: int, is_quantised: bool = False) -> MemoryNeed:
    """LoopCoder-V2's KV of 56 KiB per token with weights of any size."""
    return MemoryNeed(int(weights_gib * GIB), 56 << 10, context, is_quantised)


def test_what_fits_is_not_refused():
    fitting = need(14, 8192)
    assert fitting.total == 14 * GIB + (448 << 20) + WORKING_BYTES
    require_memory(fitting, Room(fitting.total))
    with pytest.raises(RequestError):
        require_memory(fitting, Room(fitting.total - 1))


@pytest.mark.parametrize(
    ("case", "free_gib", "message"),
    [
        (need(14, 8192), 12, r"has 12\.0 GiB free, and the model needs 15\.9 GiB: 14\.0 GiB for its weights, 0\.4 GiB "
         r"for a context of 8192 tokens and 1\.5 GiB to work in. To mend it, take int4 weights, about 4\.4 GiB .*, or "
         r"set device to cpu\."),
        (need(14, 131_072), 16, r"set max_context_tokens to 9216 or less, or take int4 weights"),
        (need(4, 131_072, is_quantised=True), 8, r"To mend it, set max_context_tokens to 46592 or less, or set device"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_need_and_the_remedy(case, free_gib, message):
    with pytest.raises(RequestError, match=message):
        require_memory(case, Room(free_gib * GIB))


def test_a_cap_is_named_with_what_would_fit_under_it():
    with pytest.raises(RequestError, match=r"The cap on memory is 12\.0 GiB, .* or raise the cap\."):
        require_memory(need(14, 8192), Room(12 * GIB, is_capped=True))


def test_a_cap_bounds_the_engine_and_its_cache(tmp_path):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    with pytest.raises(RequestError, match=r"The cap on memory is 0\.0 GiB"):
        Engine.load(pack.folder, EngineOptions(memory_bytes=1 << 20))
    cap = CPU_WORKING_BYTES + (64 << 20)
    engine = Engine.load(pack.folder, EngineOptions(memory_bytes=cap))
    cpu = torch.device("cpu")
    assert bounded_cache_bytes(1 << 30, cpu, engine.info.weights_bytes, cap) == (64 << 20) - engine.info.weights_bytes
    assert bounded_cache_bytes(1 << 10, cpu, engine.info.weights_bytes, cap) == 1 << 10


def test_the_suggested_context_fits():
    require_memory(need(14, 9216), Room(16 * GIB))


@pytest.mark.parametrize("quantised", [WeightFormat.FLOAT32, WeightFormat.INT8, WeightFormat.INT4])
def test_the_need_of_a_pack_is_what_its_model_holds(tmp_path, monkeypatch, quantised):
    monkeypatch.setenv("PLT_KERNELS", "reference")
    pack = tiny_pack(tmp_path / "pack", loops=2, weight_format=quantised)
    plan = plan_device(torch.device("cuda"))
    config = read_config(pack.folder)
    told = memory_need(config, pack.folder, 100, plan)
    held = fuse(*load_stored(pack.folder), plan)
    gates = sum(
        t.numel() * t.element_size()
        for layer in held.layers
        for t in (layer.loop_gate.weight, layer.loop_gate.bias, layer.loop_gate.norm, layer.input_norm, layer.post_norm)
    )
    assert told.weights == held.nbytes + gates
    assert told.is_quantised == (quantised is not WeightFormat.FLOAT32)
    assert told.kv_per_token == 2 * 2 * 2 * 16 * 2  # layers, k and v, KV heads, head width, bytes


def test_weights_move_in_the_form_in_which_they_are_stored():
    meta = torch.device("meta")
    plain, int4, int8 = torch.ones(32, 32), quantize_int4(torch.ones(32, 32)), quantize_int8(torch.ones(32, 32))
    moved = move(int4, meta)
    assert isinstance(moved, Int4Weight)
    assert {moved.packed.device, moved.scale.device, moved.minimum.device, move(plain, meta).device} == {meta}
    assert move(int8, meta).shape == (32, 32)


def test_a_gpus_quantised_projections_go_through_the_kernels_as_they_are_stored(tmp_path, monkeypatch):
    monkeypatch.setenv("PLT_KERNELS", "reference")
    pack = tiny_pack(tmp_path / "pack", weight_format=WeightFormat.INT4)
    model = fuse(*load_stored(pack.folder), plan_device(torch.device("cuda"), "float32"))
    down = model.layers[0].down
    assert isinstance(down.kernel, StoredKernel)
    assert down.many_rows is None
    exact = dequantize(down.kernel.stored)
    for rows in (3, 40):
        x = torch.randn(rows, exact.shape[1])
        torch.testing.assert_close(down(x), torch.nn.functional.linear(x, exact))


@pytest.mark.parametrize("quantise", [quantize_int4, quantize_int8])
def test_a_matrix_is_made_dense_slice_by_slice(monkeypatch, quantise):
    monkeypatch.setattr(linear, "SLICE_OUTPUTS", 3)
    stored = quantise(torch.randn(10, 64))
    assert torch.equal(StoredKernel(reference_path, stored).dense(torch.float32), dequantize(stored))

"""The packed forms against the dense product of the same weights, and the choice of numerics."""

from dataclasses import replace

import pytest
import torch

from plt_engine import linear as linear_module
from plt_engine.errors import RequestError
from plt_engine.linear import ALIGNMENT, PACKED_ROWS, Int4Kernel, Int8Kernel, make_linear, plan_numerics
from plt_engine.quantize import concatenate, dequantize, quantize_int4, quantize_int8

BF16 = plan_numerics("bfloat16")
OUT, IN = 48, 64


def random_weight(seed, out=OUT):
    return torch.randn(out, IN, generator=torch.Generator().manual_seed(seed)) / 8


FORMS = {
    "int4": (quantize_int4, Int4Kernel),
    "int8-groups": (quantize_int8, Int8Kernel),
    "int8-channels": (lambda w: quantize_int8(w, None), Int8Kernel),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [1, 2, PACKED_ROWS, PACKED_ROWS + 1, 40])
@pytest.mark.parametrize("keeps_dense", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_a_quantised_projection_is_the_product_with_its_numbers(form, rows, keeps_dense, biased):
    quantise, kernel = FORMS[form]
    weights = [quantise(random_weight(1)), quantise(random_weight(2, 16))]
    biases = [torch.randn(OUT), torch.randn(16)] if biased else [None, None]
    linear = make_linear(weights, biases, plan_numerics("bfloat16", keeps_dense))
    assert isinstance(linear.kernel, kernel)
    x = torch.randn(rows, IN).bfloat16()
    expected = x.double() @ torch.cat([dequantize(w) for w in weights]).double().t()
    if biased:
        expected = expected + torch.cat(biases).double()
    got = linear(x)
    assert got.dtype == torch.bfloat16
    difference = (got.double() - expected).abs()
    # bfloat16 rounds the result to 2 ** -9, and the packed forms their scales likewise.
    assert difference.max() < 0.05, f"max {difference.max():.3g}, mean {difference.mean():.3g}"


def test_a_dense_projection_is_exact_in_its_dtype():
    weight = random_weight(3)
    linear = make_linear([weight], [None], plan_numerics("float64"))
    x = torch.randn(9, IN, dtype=torch.float64)
    torch.testing.assert_close(linear(x), x @ weight.double().t(), rtol=0, atol=1e-12)


def test_a_dtype_other_than_bfloat16_computes_with_the_exact_numbers_of_quantised_weights():
    stored = quantize_int4(random_weight(4))
    linear = make_linear([stored], [], plan_numerics("float32"))
    assert linear.kernel is None
    x = torch.randn(2, IN)
    torch.testing.assert_close(linear(x), x @ dequantize(stored).t())


def test_activations_and_dense_weights_may_differ_in_dtype():
    plan = plan_numerics("bfloat16")
    mixed = type(plan)(torch.bfloat16, torch.float32, True, True, "a CPU without bfloat16")
    weight = random_weight(5)
    x = torch.randn(20, IN).bfloat16()
    got = make_linear([weight], [], mixed)(x)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), x.float() @ weight.t(), rtol=0, atol=0.02)


def test_weights_of_different_forms_are_joined_dense():
    int4, plain = quantize_int4(random_weight(6)), random_weight(7)
    joined = concatenate([int4, plain])
    torch.testing.assert_close(joined, torch.cat([dequantize(int4), plain]))


def test_an_output_width_without_a_packed_form_stays_dense():
    linear = make_linear([quantize_int4(random_weight(8, 15))], [], BF16)
    assert linear.kernel is None
    assert linear(torch.randn(1, IN).bfloat16()).shape == (1, 15)


@pytest.mark.parametrize("offset", [1, 4, 8, 15])
def test_weights_that_begin_anywhere_in_a_file_are_read_from_where_the_kernel_can(offset):
    whole = quantize_int8(random_weight(9), None)
    held = torch.empty(offset + whole.values.numel(), dtype=torch.int8)
    moved = replace(whole, values=held[offset:].view_as(whole.values).copy_(whole.values))
    linear = make_linear([moved], [], plan_numerics("bfloat16", False))
    assert isinstance(linear.kernel, Int8Kernel)
    assert linear.kernel.values.data_ptr() % ALIGNMENT == 0
    for rows in range(1, PACKED_ROWS + 1):
        x = torch.randn(rows, IN).bfloat16()
        assert torch.equal(linear(x), make_linear([whole], [], plan_numerics("bfloat16", False))(x))


def test_int8_rows_that_the_kernel_cannot_read_stay_dense():
    linear = make_linear([quantize_int8(random_weight(10)[:, :40].contiguous(), None)], [], BF16)
    assert linear.kernel is None
    assert linear(torch.randn(5, 40).bfloat16()).shape == (5, OUT)


def test_an_unknown_dtype_is_named():
    with pytest.raises(RequestError, match="dtype is 'int3'"):
        plan_numerics("int3")


@pytest.mark.parametrize(
    ("capability", "amx", "avx512_bf16", "is_float32_faster", "expected"),
    [
        ("AVX512", True, True, True, (torch.bfloat16, torch.bfloat16, True)),
        ("AVX512", False, True, False, (torch.bfloat16, torch.bfloat16, True)),
        ("AVX512", False, True, True, (torch.bfloat16, torch.float32, True)),
        ("AVX2", False, False, False, (torch.bfloat16, torch.float32, True)),
        ("DEFAULT", False, False, False, (torch.float32, torch.float32, False)),
    ],
)
def test_the_cpu_decides_how_to_compute(monkeypatch, capability, amx, avx512_bf16, is_float32_faster, expected):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(linear_module, "float32_is_faster", lambda: is_float32_faster)
    plan = plan_numerics()
    assert (plan.dtype, plan.dense_dtype, plan.packs) == expected
    assert plan.reason


def test_the_faster_dtype_is_measured(monkeypatch):
    for slow in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(linear_module.time, "perf_counter", clock := FakeClock(slow))
        monkeypatch.setattr(linear_module.F, "linear", clock.multiply)
        assert linear_module.float32_is_faster.__wrapped__() is (slow is torch.bfloat16)


class FakeClock:
    """A clock that a product moves on, more where it is in the slow dtype."""

    def __init__(self, slow):
        self.now, self.slow = 0.0, slow

    def __call__(self):
        return self.now

    def multiply(self, x, weight):
        assert x.dtype == weight.dtype
        self.now += 2.0 if x.dtype is self.slow else 1.0

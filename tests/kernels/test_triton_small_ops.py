"""The small fused kernels and the quantised projections against their twins."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.quantize import Int4Weight, quantize_int4, quantize_int8
from plt_kernels import reference, reference_path, static_reference
from tests.kernels.differences import TOLERANCES, assert_close

DTYPES = list(TOLERANCES)


def random(*shape, dtype=torch.float32, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape))).to(dtype)


def assert_is_twins(interpreter, name, *args, dtype, factor=1.0):
    """Compare with the twin in float64, whatever the result's form."""
    wide = [a.double() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in args]
    got, expected = interpreter.call(f"plt_kernels.triton_path:{name}", *args), getattr(reference_path, name)(*wide)
    pairs = zip(got, expected, strict=True) if isinstance(got, tuple) else [(got, expected)]
    for one, other in pairs:
        assert one.dtype == dtype
        assert_close(one, other, dtype, factor)


def test_what_a_kernel_does_not_write_is_nan(interpreter):
    assert interpreter.call("tests.kernels.tasks:fresh_tensor", 3, 4).isnan().all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (3, 63), (2, 2, 129), (2, 5120)])
def test_rms_norm(interpreter, shape, dtype):
    assert_is_twins(interpreter, "rms_norm", random(*shape, dtype=dtype), random(shape[-1], dtype=dtype), 1e-5,
                    dtype=dtype)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rms_norm_after_the_residual(interpreter, dtype):
    x, residual, weight = random(3, 100, dtype=dtype), random(3, 100, dtype=dtype, seed=1), random(100, dtype=dtype)
    assert_is_twins(interpreter, "add_rms_norm", x, residual, weight, 1e-5, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 2), (3, 126), (2, 2, 2 * 1025)])
def test_swiglu(interpreter, shape, dtype):
    assert_is_twins(interpreter, "swiglu", random(*shape, dtype=dtype), dtype=dtype)


@pytest.mark.parametrize("rows", [1, 5])
def test_clp_input_of_a_range_and_of_one_token_for_several_loops(interpreter, rows):
    embedding, shifted = random(rows, 1030), random(5, 1030)
    assert_is_twins(interpreter, "clp_input", embedding, shifted, 0.707, 0.053, dtype=torch.float32)


@pytest.mark.parametrize("position", [0, 1, 7, 8])
@pytest.mark.parametrize("R", [1, 2, 4])
def test_clp_rows_read_the_state_before_and_zero_at_the_first_position(interpreter, R, position):
    saved = random(R - 1, 7, 40)
    if position == 0:
        saved = torch.full_like(saved, torch.nan)
    elif R > 1:
        saved[:, position % 7] = torch.nan
    assert_is_twins(
        interpreter, "clp_rows", random(1, 40), saved, torch.tensor([position]), 0.7, 0.05, dtype=torch.float32
    )


@pytest.mark.parametrize(
    ("R", "H", "KV", "D", "position", "dtype"),
    [
        (1, 3, 3, 64, 0, torch.float32),
        (2, 5, 1, 128, 9, torch.bfloat16),
        (4, 6, 2, 80, 6, torch.float32),
        (3, 2, 1, 2, 19, torch.float16),
    ],
)
def test_rope_and_append_turns_and_stores_at_its_position_alone(interpreter, R, H, KV, D, position, dtype):
    cos, sin = reference.rope_tables(20, D, 10_000.0, dtype)
    caches = [torch.full((KV, 20, D), torch.nan, dtype=dtype) for _ in range(2)]
    caches += [torch.full((R - 1, KV, 7, D), torch.nan, dtype=dtype) for _ in range(2)]
    arguments = (random(R, H + 2 * KV, D, dtype=dtype), cos, sin, torch.tensor([position]), *caches)
    q, after = interpreter.call_in_place("plt_kernels.triton_path:rope_and_append", *arguments)
    expected = static_reference.rope_and_append(*arguments)
    assert_close(q, expected, dtype)
    for got, twin in zip(after[4:], caches, strict=True):
        assert torch.equal(got.isnan(), twin.isnan())
        assert_close(got.nan_to_num(), twin.nan_to_num(), dtype)
    assert caches[0][:, position].isfinite().all()
    assert caches[2].isfinite().sum() == (R - 1) * KV * D


# The interpreter shortens float8 where a device rounds, by up to two steps of an eighth.
@pytest.mark.parametrize(("cache_dtype", "steps"), [(torch.int8, 1.01 / 127), (torch.float8_e4m3fn, 0.25)], ids=str)
def test_rope_and_append_quantises_the_shared_cache(interpreter, cache_dtype, steps):
    cos, sin = reference.rope_tables(20, 64, 10_000.0, torch.float32)
    caches = [torch.zeros(2, 20, 64).to(cache_dtype) for _ in range(2)] + [torch.zeros(1, 2, 7, 64) for _ in range(2)]
    scales = [torch.zeros(2, 20) for _ in range(2)]
    qkv = random(2, 10, 64)
    _, after = interpreter.call_in_place(
        "plt_kernels.triton_path:rope_and_append", qkv, cos, sin, torch.tensor([8]), *caches, *scales
    )
    turned = reference.rope(qkv[0, :8], cos[8], sin[8])
    for values, scale, expected in ((after[4], after[8], turned[6:]), (after[5], after[9], qkv[0, 8:])):
        difference = (values[:, 8].float() * scale[:, 8, None] - expected).abs()
        assert (difference <= steps * expected.abs().amax(-1, keepdim=True)).all(), float(difference.max())
        assert (scale[:, 8] > 0).all()
        assert scale.count_nonzero() == 2


def stored(weight):
    """The tensors of a quantised weight as the operation takes them."""
    if isinstance(weight, Int4Weight):
        return weight.packed, weight.scale, weight.minimum
    return weight.values, weight.scale, None


FORMS = {
    "int4": quantize_int4,
    "int8 in groups": quantize_int8,
    "int8 per output": lambda weight: quantize_int8(weight, None),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("rows", "outputs", "inputs", "dtype"),
    [(1, 1, 32, torch.float32), (2, 65, 288, torch.bfloat16), (4, 16, 64, torch.float16), (17, 70, 96, torch.float32)],
)
def test_quantised_projections(interpreter, form, rows, outputs, inputs, dtype):
    weight = FORMS[form](random(outputs, inputs, seed=3) * inputs**-0.5)
    bias = random(outputs, dtype=dtype) if rows > 1 else None
    arguments = random(rows, inputs, dtype=dtype), *stored(weight), bias
    wide = [a.double() if isinstance(a, torch.Tensor) and a.dtype == dtype else a for a in arguments]
    got = interpreter.call("plt_kernels.triton_path:quantized_linear", *arguments)
    # The weights are rounded to the dtype before the product, the sums once after it.
    assert_close(got, static_reference.quantized_linear(wide[0], *stored(weight), wide[-1]), dtype, factor=2)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    form=st.sampled_from(sorted(FORMS)), rows=st.integers(1, 5), outputs=st.integers(1, 20), groups=st.integers(1, 5),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_quantised_projections_of_any_small_shape(interpreter, form, rows, outputs, groups, seed):
    if form != "int8 per output":
        groups += 1
    weight = FORMS[form](random(outputs, 32 * groups, seed=seed))
    arguments = random(rows, 32 * groups, seed=seed + 1), *stored(weight)
    got = interpreter.call("plt_kernels.triton_path:quantized_linear", *arguments)
    assert_close(got, static_reference.quantized_linear(*arguments), torch.float32, factor=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: torch.zeros(2, 65)}, r"x \[2, 65\], values \[8, 32\]"),
        ({3: None}, "int4 has minima, int8 has none"),
        (
            {0: torch.zeros(2, 96), 1: torch.zeros(8, 48, dtype=torch.uint8)} | dict.fromkeys((2, 3), torch.ones(8, 1)),
            "1 groups of 96 inputs",
        ),
    ],
)
def test_quantised_weights_that_do_not_fit_are_named(interpreter, change, message):
    weight = quantize_int4(random(8, 64))
    arguments = [random(2, 64), weight.packed, weight.scale, weight.minimum]
    for i, value in change.items():
        arguments[i] = value
    with pytest.raises(ValueError, match=f"quantized_linear: {message}"):
        interpreter.call("plt_kernels.triton_path:quantized_linear", *arguments)

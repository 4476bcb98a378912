"""The 4-bit and 8-bit forms: bit exact against GGUF's reference, and never further from the weight than a half step."""

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as GgufType
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plt_engine.errors import TensorError
from plt_engine.quantize import (
    Int4Weight,
    Int8Weight,
    dequantize,
    int4_from_q4_1_blocks,
    int8_from_q8_0_blocks,
    pack_int4,
    quantize_int4,
    quantize_int8,
    tensors_of,
    unpack_int4,
    weight_from,
)

BLOCK_BYTES = {GgufType.Q4_1: 20, GgufType.Q8_0: 34}
NUM_HALVES = {GgufType.Q4_1: 2, GgufType.Q8_0: 1}
FROM_BLOCKS = {GgufType.Q4_1: int4_from_q4_1_blocks, GgufType.Q8_0: int8_from_q8_0_blocks}
FINITE_HALF = st.floats(width=16, allow_nan=False, allow_infinity=False)


@st.composite
def blocks(draw, kind):
    """Rows of blocks of any bytes, but with finite scales: uint8 [O, G * bytes]."""
    rows, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    data = draw(hnp.arrays(np.uint8, (rows, groups, BLOCK_BYTES[kind])))
    num_halves = NUM_HALVES[kind]
    halves = draw(hnp.arrays(np.float16, (rows, groups, num_halves), elements=FINITE_HALF))
    data[:, :, : 2 * num_halves] = halves.view(np.uint8)
    return data.reshape(rows, -1)


def assert_same_bits(found, expected):
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    # Through the bits, so that -0.0 and 0.0 differ and nothing is close enough.
    assert np.array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("kind", list(FROM_BLOCKS), ids=str)
@given(data=st.data())
def test_any_gguf_block_dequantizes_to_the_same_bits(kind, data):
    rows = data.draw(blocks(kind))
    found = dequantize(FROM_BLOCKS[kind](torch.from_numpy(rows)))
    assert_same_bits(found.numpy(), gguf.quants.dequantize(rows, kind))


@pytest.mark.parametrize("kind", list(FROM_BLOCKS), ids=str)
def test_weights_that_gguf_quantized_keep_every_bit(kind):
    weight = np.random.default_rng(0).standard_normal((48, 96), dtype=np.float32)
    rows = gguf.quants.quantize(weight, kind)
    stored = FROM_BLOCKS[kind](torch.from_numpy(rows))
    assert stored.shape == (48, 96)
    assert stored.group_size == 32
    assert_same_bits(dequantize(stored).numpy(), gguf.quants.dequantize(rows, kind))


@given(
    q=hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 8).map(lambda n: 2 * n)), elements=st.integers(0, 15)
    )
)
def test_packing_and_unpacking_are_inverse(q):
    packed = pack_int4(torch.from_numpy(q))
    assert torch.equal(unpack_int4(packed), torch.from_numpy(q))
    assert (int(packed[0, 0]) & 15, int(packed[0, 0]) >> 4) == (int(q[0, 0]), int(q[0, 1]))


matrices = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 3).map(lambda n: 32 * n)),
    elements=st.floats(-1000, 1000, width=32),
).map(torch.from_numpy)  # fmt: skip


@given(matrices)
def test_int4_is_within_a_step_of_the_weight(weight):
    stored = quantize_int4(weight)
    grouped = weight.view(weight.shape[0], -1, 32)
    step = (grouped.amax(-1) - grouped.amin(-1)) / 15
    # Half a step, and what rounding the scale and the minimum to float16 (11 bits) can move the ends by.
    bound = step * (0.5 + 15 * 2**-11) + grouped.abs().amax(-1) * 2**-10 + 16 * 2**-24
    error = (dequantize(stored) - weight).abs().view(grouped.shape).amax(-1)
    assert bool((error <= bound).all())


@pytest.mark.parametrize("group_size", [32, None])
@given(weight=matrices)
def test_int8_is_within_half_a_step_of_the_weight(group_size, weight):
    stored = quantize_int8(weight, group_size)
    grouped = weight.view(weight.shape[0], stored.scale.shape[1], -1)
    step = grouped.abs().amax(-1) / 127
    bound = step * (0.5 + 127 * 2**-11) + 128 * 2**-24
    error = (dequantize(stored) - weight).abs().view(grouped.shape).amax(-1)
    assert bool((error <= bound).all())


def test_forms_have_the_shapes_and_dtypes_of_the_format():
    weight = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))
    int4, grouped, per_channel = quantize_int4(weight), quantize_int8(weight), quantize_int8(weight, None)
    assert (int4.packed.shape, int4.packed.dtype) == ((6, 32), torch.uint8)
    assert (int4.scale.shape, int4.scale.dtype) == ((6, 2), torch.float16)
    assert (int4.minimum.shape, int4.minimum.dtype) == ((6, 2), torch.float16)
    assert (grouped.values.dtype, grouped.scale.shape, grouped.scale.dtype) == (torch.int8, (6, 2), torch.float16)
    assert (per_channel.scale.shape, per_channel.scale.dtype) == ((6, 1), torch.float32)
    assert per_channel.group_size == 64


@pytest.mark.parametrize("quantize", [quantize_int4, quantize_int8])
@pytest.mark.parametrize("value", [0.0, 3.5, -2.0])
def test_a_constant_weight_comes_back(quantize, value):
    weight = torch.full((2, 32), value)
    assert torch.allclose(dequantize(quantize(weight)), weight, rtol=2**-10)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (torch.zeros(4, 33), "[4, 33]"),
        (torch.zeros(32), "[32]"),
        (torch.full((1, 32), float("nan")), "not finite"),
        (torch.cat((torch.full((1, 16), 1e6), torch.full((1, 16), -1e9)), 1), "beyond float16"),
    ],
)
def test_a_weight_that_has_no_form_is_refused(weight, words):
    with pytest.raises(TensorError) as error:
        quantize_int4(weight)
    assert words in str(error.value)


@pytest.mark.parametrize("form", [lambda w: w, quantize_int4, quantize_int8, lambda w: quantize_int8(w, None)])
def test_names_lead_back_to_the_same_weight(form):
    weight = torch.randn(4, 64, generator=torch.Generator().manual_seed(1))
    stored = form(weight)
    tensors = tensors_of("a.weight", stored)
    found = weight_from("a.weight", {**tensors, "b.weight": weight})
    assert type(found) is type(stored)
    assert torch.equal(dequantize(found), dequantize(stored))


def _tensors(form):
    return tensors_of("X", form(torch.ones(4, 64)))


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "X is missing"),
        ({"X": torch.ones(4, 64), **_tensors(quantize_int4)}, "X and X.int4"),
        ({**_tensors(quantize_int4), "X.int8": torch.ones(4, 64)}, "X.int4 and X.int8"),
        ({"X.int4": torch.zeros(4, 32, dtype=torch.uint8)}, "X.scale is missing"),
        ({key: value for key, value in _tensors(quantize_int4).items() if key != "X.min"}, "X.min is missing"),
        ({**_tensors(quantize_int4), "X.min": torch.ones(4, 1).half()}, "X.min is [4, 1]"),
        ({**_tensors(quantize_int4), "X.int4": torch.zeros(4, 32)}, "X.int4 is torch.float32"),
        ({**_tensors(quantize_int4), "X.scale": torch.ones(4, 2)}, "X.scale is torch.float32"),
        ({**_tensors(quantize_int8), "X.scale": torch.ones(4, 3).half()}, "G divides 64"),
        ({**_tensors(quantize_int8), "X.scale": torch.ones(3, 2).half()}, "[4, G]"),
        ({**_tensors(quantize_int8), "X.scale": torch.ones(4).half()}, "[4, G]"),
    ],
)
def test_a_fault_in_the_stored_parts_is_named(tensors, words):
    with pytest.raises(TensorError) as error:
        weight_from("X", tensors)
    assert words in str(error.value)


def test_parts_say_their_own_shape():
    int4 = Int4Weight(torch.zeros(3, 32, dtype=torch.uint8), torch.ones(3, 2).half(), torch.ones(3, 2).half())
    int8 = Int8Weight(torch.zeros(3, 64, dtype=torch.int8), torch.ones(3, 1))
    assert (int4.shape, int4.group_size) == ((3, 64), 32)
    assert (int8.shape, int8.group_size) == ((3, 64), 64)

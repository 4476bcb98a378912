"""The decode attention kernel against its twin in float64: awkward shapes, poisoned caches, gates, quantised KV."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from plt_kernels import reference, static_reference
from tests.kernels.differences import assert_close

KERNEL = "plt_kernels.triton_path:ring_attention_decode"
PARTS_OF_ANY_NUMBER = "tests.kernels.tasks:decode_in_splits"


@dataclass(frozen=True)
class Case:
    """One decode: S positions filled, of which the new token's is the last."""

    S: int = 65
    R: int = 2
    KV: int = 2
    G: int = 3
    D: int = 64
    dtype: torch.dtype = torch.float32
    query_gate: bool = False
    window: int = 64
    spare_slots: int = 5
    seed: int = 0

    def inputs(self) -> dict[str, Any]:
        """Every argument by name; what no sequence has filled is NaN."""
        generator = torch.Generator().manual_seed(self.seed)

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator).to(self.dtype)

        def cache(*shape: int) -> Tensor:
            return torch.full(shape, torch.nan, dtype=self.dtype)

        H, W = self.KV * self.G, self.window + 1 + self.spare_slots
        k, v = cache(self.KV, self.S + 30, self.D), cache(self.KV, self.S + 30, self.D)
        rings = [cache(self.R - 1, self.KV, W, self.D) for _ in range(2)]
        held = torch.arange(max(0, self.S - W), self.S)
        for t in (k, v):
            t[:, : self.S] = random(self.KV, self.S, self.D)
        for t in rings:
            t[:, :, held % W] = random(self.R - 1, self.KV, len(held), self.D)
        return {
            "q": random(self.R, H, self.D), "k": k, "v": v, "ring_k": rings[0], "ring_v": rings[1],
            "gate_logits": random(self.R - 1, H), "position": torch.tensor([self.S - 1]), "window_left": self.window,
            "gate_weight": 0.1 * random(H, self.D) if self.query_gate else None,
        }  # fmt: skip


def exact(inputs: dict[str, Any]) -> Tensor:
    """The twin's result in float64."""
    wide = {
        name: value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
        for name, value in inputs.items()
    }
    return static_reference.ring_attention_decode(**wide)


CASES = [
    Case(S=1, R=2, G=1, D=64),
    Case(S=63, R=1, KV=1, G=5, D=80),
    Case(S=64, R=4, KV=1, G=5, D=128, query_gate=True),
    Case(S=65, R=2, G=3, D=80, dtype=torch.bfloat16),
    Case(S=66, R=3, G=1, D=128, dtype=torch.float16, query_gate=True),
    Case(S=129, R=2, G=5, D=128, dtype=torch.bfloat16, query_gate=True),
    Case(S=129, R=4, KV=3, G=1, D=64, spare_slots=0),
    Case(S=1000, R=2, KV=1, G=5, D=64, spare_slots=256),
    Case(S=1000, R=3, KV=2, G=3, D=80, dtype=torch.float16),
    Case(S=40, R=2, window=100),
    Case(S=20, R=3, window=0, spare_slots=0),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_pass_attention_is_its_twins(interpreter, case):
    inputs = case.inputs()
    assert_close(interpreter.call(KERNEL, **inputs), exact(inputs), case.dtype)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    S=st.integers(1, 24), R=st.integers(1, 3), KV=st.integers(1, 2), G=st.integers(1, 3), D=st.sampled_from([2, 6, 8]),
    query_gate=st.booleans(), window=st.integers(0, 9), spare_slots=st.integers(0, 3), seed=st.integers(0, 99),
)  # fmt: skip
def test_one_pass_attention_of_any_small_shape(interpreter, **shape):
    inputs = Case(**shape).inputs()
    assert_close(interpreter.call(KERNEL, **inputs), exact(inputs), torch.float32)


@pytest.mark.parametrize("programs", [1, 3, 64])
def test_the_number_of_splits_does_not_matter(interpreter, programs):
    inputs = Case(S=300, KV=1).inputs()
    assert_close(interpreter.call(PARTS_OF_ANY_NUMBER, programs, 16, inputs), exact(inputs), torch.float32)


def test_a_window_of_64_lets_a_later_loop_see_its_65th_key_but_not_its_66th(interpreter):
    inputs = Case(S=90, R=2, KV=1, G=1).inputs()
    results = []
    for back in (64, 65):
        changed = {**inputs, "ring_v": inputs["ring_v"].clone()}
        changed["ring_v"][:, :, (89 - back) % changed["ring_v"].shape[2]] += 1000
        results.append(interpreter.call(KERNEL, **changed))
    assert (results[0] - results[1]).abs().max() > 0.1
    assert torch.equal(results[1], interpreter.call(KERNEL, **inputs))


@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn], ids=str)
def test_quantised_keys_and_values_are_read_with_their_scales(interpreter, dtype):
    inputs = Case(S=130, R=2, dtype=torch.bfloat16).inputs()
    for name in ("k", "v"):
        values = inputs[name].nan_to_num(0.0)
        inputs[name], inputs[f"{name}_scale"] = static_reference.quantize_kv(values, dtype)
        inputs[f"{name}_scale"][:, 130:] = torch.nan
    assert_close(interpreter.call(KERNEL, **inputs), static_reference.ring_attention_decode(**inputs), torch.bfloat16)


@pytest.mark.parametrize("R", [1, 2, 4])
def test_the_twin_with_whole_tensors_and_a_gate_is_served_as_well(interpreter, R):
    torch.manual_seed(R)
    q, gate = torch.randn(R, 6, 64), torch.rand(R - 1, 6)
    k, v = torch.randn(2, 70, 64), torch.randn(2, 70, 64)
    local_k, local_v = torch.randn(R - 1, 2, 65, 64), torch.randn(R - 1, 2, 65, 64)
    got = interpreter.call("plt_kernels.triton_path:loop_attention_decode", q, k, v, local_k, local_v, gate)
    assert_close(got, reference.loop_attention_decode(q, k, v, local_k, local_v, gate), torch.float32)


def test_the_position_on_the_device_decides_not_the_buffers(interpreter):
    long, short = Case(S=80).inputs(), Case(S=50).inputs()
    buffers = {name: long[name] for name in ("q", "gate_logits", "k", "v", "ring_k", "ring_v")}
    got = interpreter.call(KERNEL, **{**short, **buffers, "ring_k": short["ring_k"], "ring_v": short["ring_v"]})
    assert_close(got, exact({**short, **buffers, "ring_k": short["ring_k"], "ring_v": short["ring_v"]}), torch.float32)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("k", torch.zeros(4, 95, 64), r"k \[4, 95, 64\]"),
        ("gate_logits", torch.zeros(2, 6), r"gate \[2, 6\] of \[1, 6\]"),
        ("window_left", 70, "rings of 70 slots, window 70"),
        ("q", torch.zeros(3, 6, 64), r"do not fit q \[3, 6, 64\]"),
    ],
)
def test_shapes_that_do_not_fit_are_named(interpreter, name, value, message):
    with pytest.raises(ValueError, match=f"loop_attention_decode: .*{message}"):
        interpreter.call(KERNEL, **{**replace(Case(), S=65).inputs(), name: value})

"""Rounding by the inputs: against the nearest values, against the best there are, and for a whole model."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from plt_engine.config import LoopConfig
from plt_engine.model import full_forward
from plt_engine.quantize import dequantize, quantize_int4
from plt_engine.training.parameters import is_matrix, model_of
from plt_engine.training.rounding import InputGrams, round_to_int4, rounded_matrices
from tests.engine.test_training import config, small_tensors


def output_error(weight, rounded, inputs) -> float:
    return (inputs @ (weight - rounded).T).square().sum().item()


def correlated_inputs(width: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(512, 8, generator=generator) @ torch.randn(8, width, generator=generator)
    return mixed + 0.3 * torch.randn(512, width, generator=generator)


@pytest.mark.parametrize("seed", range(4))
def test_outputs_change_less_than_by_rounding_to_the_nearest(seed):
    inputs = correlated_inputs(160, seed)
    weight = torch.randn(24, 160, generator=torch.Generator().manual_seed(seed + 100))
    rounded = round_to_int4(weight, inputs.T @ inputs)
    nearest = quantize_int4(weight)
    assert output_error(weight, dequantize(rounded), inputs) < 0.3 * output_error(weight, dequantize(nearest), inputs)
    assert torch.equal(rounded.scale, nearest.scale)
    assert torch.equal(rounded.minimum, nearest.minimum)


def test_small_changes_of_weights_on_the_grid_survive():
    inputs = correlated_inputs(160, 0)
    base = dequantize(quantize_int4(torch.randn(24, 160, generator=torch.Generator().manual_seed(1))))
    trained = base + 0.03 * torch.sign(inputs[:24])  # a tenth of a step, along the inputs
    nearest, rounded = quantize_int4(trained), round_to_int4(trained, inputs.T @ inputs)
    assert output_error(trained, dequantize(rounded), inputs) < 0.1 * output_error(trained, dequantize(nearest), inputs)


def test_inputs_that_have_nothing_to_do_with_each_other_are_rounded_to_the_nearest():
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    rounded = round_to_int4(weight, torch.diag(torch.rand(64, generator=torch.Generator().manual_seed(1)) + 1))
    assert torch.equal(rounded.packed, quantize_int4(weight).packed)


def test_it_is_near_the_best_of_all_choices():
    inputs = correlated_inputs(32, 3)[:, :32]
    weight = torch.randn(1, 32, generator=torch.Generator().manual_seed(5))
    nearest = quantize_int4(weight)
    found = dequantize(round_to_int4(weight, inputs.T @ inputs))
    others = []
    for flips in product((-1, 0, 1), repeat=6):  # six of the inputs one step up or down from what was found
        moved = found.clone()
        moved[0, :6] += torch.tensor(flips) * nearest.scale.float()[0, 0]
        others.append(output_error(weight, moved, inputs))
    assert output_error(weight, found, inputs) < 2 * min(others)


def test_an_input_that_is_always_zero_does_no_harm():
    inputs = correlated_inputs(64, 2)
    inputs[:, 5] = 0
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    rounded = dequantize(round_to_int4(weight, inputs.T @ inputs))
    assert rounded.isfinite().all()
    assert output_error(weight, rounded, inputs) < output_error(weight, dequantize(quantize_int4(weight)), inputs)


def test_the_inputs_of_all_loops_are_seen_and_a_models_outputs_change_less():
    shape = replace(config(loops=2), loop=LoopConfig(2, 4))
    tensors = small_tensors(shape, 4)
    matrices = {name: tensor for name, tensor in tensors.items() if is_matrix(name, tensor)}
    assert len(matrices) == 7 * shape.num_hidden_layers
    rows = torch.randint(0, 96, (16, 257), generator=torch.Generator().manual_seed(3))
    seen = []
    for loops in (1, 2):
        with InputGrams(matrices) as inputs:
            full_forward(model_of(shape, tensors), rows[:, :-1], loops)
        seen.append(inputs.grams)
    name = "model.layers.0.self_attn.q_proj.weight"
    assert seen[0].keys() == seen[1].keys() == matrices.keys()
    assert seen[1][name].trace() > 1.2 * seen[0][name].trace()
    expected = full_forward(model_of(shape, tensors), rows[:, :-1], 2)
    errors = []
    for chosen in (rounded_matrices(shape, tensors, rows, 2), {name: quantize_int4(t) for name, t in matrices.items()}):
        weights = model_of(shape, {**tensors, **{name: dequantize(weight) for name, weight in chosen.items()}})
        found = full_forward(weights, rows[:, :-1], 2)
        errors.append([(a - b).square().mean().item() for a, b in zip(found, expected, strict=True)])
    for by_inputs, nearest in zip(*errors, strict=True):
        assert by_inputs < 0.8 * nearest

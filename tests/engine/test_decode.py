"""The buffered one-pass decode: against the definition in every dtype, and free of what was decoded before."""

import pytest
import torch

from plt_engine.fused import fuse
from plt_engine.kv_cache import KVCache
from plt_engine.linear import plan_numerics
from plt_engine.model import init_random, named_tensors
from plt_engine.runner import ModelRunner
from tests.engine.models import assert_same, fresh_logits, random_tokens, tiny_config

NUM_TOKENS = 40
# Of logits whose standard deviation is 1; bfloat16 keeps 8 bits of each activation.
TOLERANCE = {"float64": 1e-10, "float32": 2e-4, "bfloat16": 0.25}


def decoded(runner, cache, tokens):
    return torch.stack([runner.logits(runner.decode(cache, t)) for t in tokens])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("R", [1, 2, 3])
def test_decode_is_the_definition_in_every_dtype(dtype, hidden, R):
    config = tiny_config(num_loops=max(R, 2), window_left=6, gate_uses_hidden_states=hidden)
    plan = plan_numerics(dtype)
    weights = init_random(config, seed=R, dtype=torch.float64)
    stored = {name: tensor.to(plan.dtype) for name, tensor in named_tensors(weights)}
    for name, tensor in named_tensors(weights):
        tensor.copy_(stored[name])
    runner, tokens = ModelRunner(fuse(config, stored, plan), 100), random_tokens(NUM_TOKENS, seed=R)
    got = decoded(runner, runner.new_cache(R), tokens).double()
    assert_same(got, fresh_logits(weights, tokens, R), TOLERANCE[dtype])


def test_sequences_and_loop_counts_that_take_turns_do_not_disturb_each_other():
    weights = init_random(tiny_config(num_loops=3), 0, torch.float64)
    runner = ModelRunner(fuse(weights.config, dict(named_tensors(weights)), plan_numerics("float64")), 100)
    texts = {R: random_tokens(NUM_TOKENS, seed=R) for R in (1, 2, 3)}
    caches = {R: runner.new_cache(R) for R in texts}
    states = {R: [] for R in texts}
    for i in range(NUM_TOKENS):
        for R, tokens in texts.items():
            states[R].append(runner.decode(caches[R], tokens[i]))
    for R, tokens in texts.items():
        assert_same(runner.logits(torch.stack(states[R])), fresh_logits(weights, tokens, R))


@pytest.mark.parametrize("rewind", [0, 1, 9])
@pytest.mark.parametrize("window", [0, 1, 6])
def test_a_ring_is_seen_in_the_window_alone(window, rewind):
    cache = KVCache(tiny_config(num_loops=2, window_left=window), 2, torch.float64, rewind_tokens=rewind)
    cache.reserve(60)
    for position in range(60):
        views = cache.row_views(position)
        views.ring_slots[1].fill_(position)
        seen = views.ring_mask[0].isfinite()
        assert sorted(views.ring_keys[1][0, 0, seen, 0].tolist()) == list(
            range(max(0, position - window), position + 1)
        )
        assert (views.ring_mask[0, seen] == 0).all()

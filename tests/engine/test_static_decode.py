"""The decode step over fixed buffers equals the engine's other decode, token after token, and is prepared once."""

import pytest
import torch

from plt_engine.fused import fuse
from plt_engine.linear import plan_numerics
from plt_engine.model import named_tensors
from plt_engine.runner import ModelRunner
from plt_engine.static_decode import StaticDecoder
from plt_engine.warm_up import warm_up
from plt_kernels import reference, reference_path
from tests.engine.models import assert_same, fresh_logits, random_tokens, tiny_model

MAX_TOKENS = 60


class Recorder:
    """Prepares a step as a graph would be captured: once, after which only the numbers on the device change."""

    def __init__(self) -> None:
        self.num_prepared = 0
        self.num_runs = 0

    def __call__(self, step):
        self.num_prepared += 1
        step()
        step()

        def run():
            self.num_runs += 1
            step()

        return run


def make(**loop):
    weights = tiny_model(3, **loop)
    runner = ModelRunner(fuse(weights.config, dict(named_tensors(weights)), plan_numerics("float64")), MAX_TOKENS)
    tables = reference.rope_tables(MAX_TOKENS, weights.config.head_dim, weights.config.rope_theta, torch.float64)
    recorder = Recorder()
    return weights, runner, StaticDecoder(runner.model, tables, reference_path, recorder), recorder


def decode(decoder, cache, token):
    """What the runner does around a static decoder."""
    cache.reserve(MAX_TOKENS)
    state = decoder.decode(cache, token)
    cache.commit(cache.num_tokens + 1)
    return state


@pytest.mark.parametrize("loops", [1, 2, 3, 4])
@pytest.mark.parametrize("gate_uses_hidden_states", [True, False])
@pytest.mark.parametrize("normalize_per_loop", [True, False])
def test_each_token_is_as_the_definition_has_it(loops, gate_uses_hidden_states, normalize_per_loop):
    weights, runner, decoder, recorder = make(
        num_loops=loops, gate_uses_hidden_states=gate_uses_hidden_states, normalize_per_loop=normalize_per_loop
    )
    tokens = random_tokens(40)
    cache = runner.new_cache(loops)
    runner.prefill(cache, tokens[:7])
    got = [runner.logits(decode(decoder, cache, token)) for token in tokens[7:]]
    assert_same(torch.stack(got), fresh_logits(weights, tokens, loops)[7:])
    assert recorder.num_prepared == 1
    assert recorder.num_runs == len(tokens) - 7


def test_the_first_token_of_all_is_decoded_as_well():
    weights, runner, decoder, _ = make(num_loops=3)
    tokens = random_tokens(5)
    cache = runner.new_cache(3)
    got = [runner.logits(decode(decoder, cache, token)) for token in tokens]
    assert_same(torch.stack(got), fresh_logits(weights, tokens, 3))


def test_a_rewound_cache_goes_on_with_the_same_step():
    weights, runner, decoder, recorder = make(num_loops=2)
    tokens = random_tokens(30)
    cache = runner.new_cache(2)
    runner.prefill(cache, tokens[:20])
    for token in (1, 2, 3, 4):
        decode(decoder, cache, token)
    cache.truncate(20)
    got = [runner.logits(decode(decoder, cache, token)) for token in tokens[20:]]
    assert_same(torch.stack(got), fresh_logits(weights, tokens, 2)[20:])
    assert recorder.num_prepared == 1


def test_a_cache_that_has_moved_or_changed_its_loops_is_prepared_anew():
    weights, runner, decoder, recorder = make(num_loops=3)
    tokens = random_tokens(30)
    cache = runner.new_cache(3)
    runner.prefill(cache, tokens[:20])
    decode(decoder, cache, tokens[20])
    twin = cache.fork(20)
    state = decode(decoder, twin, tokens[20])
    assert_same(runner.logits(state), fresh_logits(weights, tokens, 3)[20])
    assert recorder.num_prepared == 2
    cache.set_loops(2)
    runner.prefill(cache, tokens[:22])
    state = decode(decoder, cache, tokens[22])
    assert_same(runner.logits(state), fresh_logits(weights, tokens, 2)[22])
    assert recorder.num_prepared == 3


def test_preparing_twice_over_does_no_harm_where_one_saved_state_alone_is_kept():
    weights, runner, decoder, _ = make(num_loops=3)
    tokens = random_tokens(12)
    cache = runner.new_cache(3, rewind_tokens=0)
    runner.prefill(cache, tokens[:8])
    got = [runner.logits(decode(decoder, cache, token)) for token in tokens[8:]]
    assert_same(torch.stack(got), fresh_logits(weights, tokens, 3)[8:])


def test_a_returned_state_outlives_the_next_token():
    _, runner, decoder, _ = make(num_loops=2)
    cache = runner.new_cache(2)
    runner.prefill(cache, [1, 2, 3])
    first = decode(decoder, cache, 4)
    kept = first.clone()
    decode(decoder, cache, 5)
    assert torch.equal(first, kept)


@pytest.mark.parametrize(("loops", "max_tokens"), [(1, 60), (3, 60), (2, 5)])
def test_a_warm_up_prefills_in_two_chunks_and_decodes(loops, max_tokens, monkeypatch):
    weights = tiny_model(3, num_loops=loops)
    runner = ModelRunner(fuse(weights.config, dict(named_tensors(weights)), plan_numerics("float64")), max_tokens)
    calls = []
    for name in ("_prefill_chunk", "decode"):
        method = getattr(runner, name)
        monkeypatch.setattr(
            runner, name, lambda *args, name=name, method=method: (calls.append(name), method(*args))[1]
        )
    warm_up(runner, loops)
    assert calls.count("decode") == 2
    assert calls.count("_prefill_chunk") >= 2

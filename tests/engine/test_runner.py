"""Prefill, one-pass decode, resume and rewind against the definition, on random tiny models in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.config import LoopRule
from plt_engine.fused import fuse
from plt_engine.kv_cache import KVCache
from plt_engine.linear import plan_numerics
from plt_engine.model import named_tensors
from plt_engine.runner import ModelRunner
from tests.engine.models import assert_same, fresh_logits, random_tokens, tiny_config, tiny_model

NUM_TOKENS = 23
SEQUENTIAL = [
    pytest.param(
        {
            "num_loops": R, "window_left": w, "gate_uses_hidden_states": False, "normalize_per_loop": False,
            "rule": LoopRule.SEQUENTIAL,
        },
        id=f"R{R}-w{w}-sequential",
    )
    for R in (2, 3)
    for w in (0, 1, 5, 40)
]  # fmt: skip
SHAPES = [
    pytest.param(
        {"num_loops": R, "window_left": w, "gate_uses_hidden_states": hidden, "normalize_per_loop": norm},
        id=f"R{R}-w{w}-{'hidden' if hidden else 'query'}-{'norm' if norm else 'raw'}",
    )
    for R in (1, 2, 3, 4)
    for w in (0, 1, 5, 40)
    for hidden in (True, False)
    for norm in (True, False)
    if R > 1 or (w, hidden, norm) == (5, True, True)
] + SEQUENTIAL


def runner_of(weights):
    model = fuse(weights.config, dict(named_tensors(weights)), plan_numerics("float64"))
    return ModelRunner(model, max_tokens=200)


@pytest.mark.parametrize("loop", SHAPES)
def test_decode_from_the_first_token_is_the_definition(loop):
    weights, R = tiny_model(**loop), loop["num_loops"]
    runner, tokens = runner_of(weights), random_tokens(NUM_TOKENS)
    cache = runner.new_cache(R)
    got = torch.stack([runner.logits(runner.decode(cache, t)) for t in tokens])
    assert_same(got, fresh_logits(weights, tokens, R))


@pytest.mark.parametrize("chunk", [1, 3, 7, 64])
@pytest.mark.parametrize("loop", SHAPES)
def test_prefill_of_all_positions_is_the_definition(loop, chunk):
    weights, R = tiny_model(**loop), loop["num_loops"]
    runner, tokens = runner_of(weights), random_tokens(NUM_TOKENS)
    cache = runner.new_cache(R)
    states = runner.prefill(cache, tokens, first_wanted=0, chunk_tokens=chunk)
    assert_same(runner.logits(states), fresh_logits(weights, tokens, R))


@pytest.mark.parametrize("loop", SHAPES)
def test_trapezoid_then_decode_is_the_definition_at_every_cut(loop):
    """The next tokens see all that a prefill leaves behind; to the end it is decoded after every fifth cut."""
    weights, R = tiny_model(**loop), loop["num_loops"]
    runner, tokens = runner_of(weights), random_tokens(NUM_TOKENS)
    expected = fresh_logits(weights, tokens, R)
    for cut in range(1, NUM_TOKENS):
        end = NUM_TOKENS if cut % 5 == 1 else cut + 3
        cache = runner.new_cache(R)
        got = [runner.logits(runner.prefill(cache, tokens[:cut], chunk_tokens=1 + cut % 13))]
        got += [runner.logits(runner.decode(cache, t))[None] for t in tokens[cut:end]]
        assert_same(torch.cat(got), expected[cut - 1 : end])


@pytest.mark.parametrize("loop", SHAPES)
def test_one_decode_after_a_trapezoid_leaves_the_same_state_as_decoding_all(loop):
    weights, R = tiny_model(**loop), loop["num_loops"]
    runner, tokens = runner_of(weights), random_tokens(60)
    decoded, prefilled = runner.new_cache(R), runner.new_cache(R)
    for t in tokens:
        runner.decode(decoded, t)
    runner.prefill(prefilled, tokens)
    assert prefilled.is_ready
    w = loop["window_left"]
    for layer in range(3):
        for a, b in zip(decoded.shared(layer, 60), prefilled.shared(layer, 60), strict=True):
            assert_same(a, b)
        for r in range(2, R + 1):
            for a, b in zip(decoded.local(layer, r, 60 - w, 60), prefilled.local(layer, r, 60 - w, 60), strict=True):
                assert_same(a, b)
    assert_same(decoded.saved(59), prefilled.saved(59))


def test_r1_touches_no_gate():
    weights = tiny_model(num_loops=3)
    for layer in weights.layers:
        layer.loop_gate.weight.fill_(torch.nan)
        layer.loop_gate.bias.fill_(torch.nan)
        layer.loop_gate.norm.fill_(torch.nan)
    runner, tokens = runner_of(weights), random_tokens(NUM_TOKENS)
    cache = runner.new_cache(1)
    runner.prefill(cache, tokens[:10])
    got = torch.stack([runner.logits(runner.decode(cache, t)) for t in tokens[10:]])
    assert_same(got, fresh_logits(weights, tokens, 1)[10:])


@pytest.mark.parametrize("loop", [{"num_loops": R, "window_left": w} for R in (1, 2, 3) for w in (0, 3, 9)])
def test_nbytes_is_capacity_times_kv_plus_rings_to_the_byte(loop):
    config = tiny_config(**loop)
    cache = KVCache(config, loop["num_loops"], torch.bfloat16, rewind_tokens=7)
    cache.reserve(300)
    L, KV, D, d, w = 3, 2, 4, 24, loop["window_left"]
    kv = 2 * L * KV * D * 2
    ring = 2 * L * KV * D * 2 * (w + 1 + 7) + d * 2 * (7 + 1)
    assert cache.capacity == 512
    assert cache.nbytes == 512 * kv + (loop["num_loops"] - 1) * ring


def test_an_aborted_prefill_keeps_its_finished_chunks_and_goes_on():
    weights = tiny_model(num_loops=3)
    runner, tokens = runner_of(weights), random_tokens(90)
    asked = iter([False, False, True])
    cache = runner.new_cache(3)
    assert runner.prefill(cache, tokens, chunk_tokens=20, should_abort=lambda: next(asked)) is None
    assert cache.num_tokens == 40
    state = runner.prefill(cache, tokens)
    assert_same(runner.logits(state), fresh_logits(weights, tokens, 3)[-1:])


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 30)),
        st.tuples(st.just("decode"), st.integers(1, 12)),
        st.tuples(st.just("truncate"), st.integers(0, 60)),
        st.tuples(st.just("loops"), st.integers(1, 4)),
        st.tuples(st.just("abort"), st.integers(1, 30)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(OPERATIONS, st.integers(0, 7), st.integers(0, 12), st.booleans(), st.sampled_from(LoopRule), st.integers(0, 99))
def test_any_history_ends_in_the_logits_of_a_fresh_run(operations, window, rewind, hidden, rule, seed):
    loop = {"normalize_per_loop": rule is LoopRule.PARALLEL, "gate_uses_hidden_states": hidden, "rule": rule}
    weights = tiny_model(seed=seed % 5, num_loops=4, window_left=window, **loop)
    runner = runner_of(weights)
    cache = runner.new_cache(2, rewind_tokens=rewind)
    source = iter(random_tokens(1000, seed))
    tokens: list[int] = []
    for kind, amount in operations:
        if kind == "loops":
            cache.set_loops(amount)
        elif kind == "truncate":
            tokens = tokens[: max(0, cache.num_tokens - amount)]
            cache.truncate(len(tokens))
        elif kind == "decode":
            for _ in range(amount):
                tokens = [*tokens[: cache.num_tokens], next(source)]
                state = runner.decode(cache, tokens[-1])[None] if cache.is_ready else runner.prefill(cache, tokens)
            assert_same(runner.logits(state), fresh_logits(weights, tokens, cache.loops)[-1:], 1e-9)
        else:
            tokens = tokens[: cache.num_tokens] + [next(source) for _ in range(amount)]
            asked = iter([False, kind == "abort"] + [False] * 100)
            state = runner.prefill(cache, tokens, chunk_tokens=7, should_abort=lambda asked=asked: next(asked))
            if state is not None:
                assert_same(runner.logits(state), fresh_logits(weights, tokens, cache.loops)[-1:], 1e-9)
    tokens = [*tokens[: cache.num_tokens], next(source)]
    state = runner.prefill(cache, tokens)
    assert_same(runner.logits(state), fresh_logits(weights, tokens, cache.loops)[-1:], 1e-9)

"""Copy drafts: what is guessed, and that verified guesses change nothing but the number of passes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.drafts import CopyDrafter
from plt_engine.fused import fuse
from plt_engine.generate import PromptIds, Sequence, generate
from plt_engine.healing import TokenHealer
from plt_engine.linear import plan_numerics
from plt_engine.model import init_random, named_tensors
from plt_engine.runner import ModelRunner
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import GenerationRequest, Prompt, StopSpec
from plt_engine.vocabulary import Vocabulary
from tests.engine.models import assert_same, fresh_logits, tiny_config
from tests.packs import tiny_tokenizer

TOKENIZER = Tokenizer(tiny_tokenizer())
VOCABULARY = Vocabulary(TOKENIZER, TokenHealer(TOKENIZER), frozenset())


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([1, 2, 3, 4, 5, 1, 2, 3], [4, 5, 1, 2, 3]),
        ([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], [5, 1, 2, 3]),
        ([1, 2, 3], []),
        ([7, 7, 7, 7], [7]),
        ([1, 2], []),
        ([], []),
    ],
)
def test_a_draft_is_what_followed_the_last_occurrence(tokens, expected):
    drafter = CopyDrafter()
    drafter.extend(tokens)
    assert drafter.draft() == expected


def test_guesses_that_are_mostly_wrong_are_given_up():
    drafter = CopyDrafter()
    drafter.extend([1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3])
    drafts = [drafter.draft() for _ in range(4)]
    assert [len(draft) for draft in drafts] == [5, 5, 5, 0]
    drafter.num_accepted = 5
    assert len(drafter.draft()) == 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(0, 6), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_generation_with_drafts_is_plain_greedy_decoding(seed, loops, window, start):
    config = tiny_config(num_loops=3, window_left=window)
    weights = init_random(config, seed, torch.float64)
    runner = ModelRunner(fuse(config, dict(named_tensors(weights)), plan_numerics("float64")), 200)
    prompt = start * 3

    expected = list(prompt)
    cache = runner.new_cache(loops)
    state = runner.prefill(cache, prompt)[0]
    for _ in range(30):
        expected.append(int(runner.logits(state).argmax()))
        state = runner.decode(cache, expected[-1])

    sequence = Sequence([], runner.new_cache(loops))
    request = GenerationRequest("r", "s", Prompt(""), stop=StopSpec(max_tokens=30))
    *_, output = generate(runner, VOCABULARY, sequence, PromptIds(prompt), request, lambda: False)
    assert output.metrics.num_generated_tokens == 30
    assert TOKENIZER.decode(expected[len(prompt) :]).startswith(output.text)
    # The last token chosen is not computed with; all before it are, and no rejected guess is left behind.
    assert sequence.tokens == expected[:-1][: len(sequence.tokens)]
    assert sequence.cache.num_tokens == len(sequence.tokens) >= len(prompt) + 24
    state = runner.prefill(sequence.cache, [*sequence.tokens, 3])
    assert_same(runner.logits(state), fresh_logits(weights, [*sequence.tokens, 3], loops)[-1:], 1e-8)


def test_a_text_that_repeats_itself_is_drafted_and_accepted():
    config = tiny_config(num_loops=2)
    for seed in range(20):
        weights = init_random(config, seed, torch.float64)
        runner = ModelRunner(fuse(config, dict(named_tensors(weights)), plan_numerics("float64")), 200)
        sequence = Sequence([], runner.new_cache(2))
        request = GenerationRequest("r", "s", Prompt(""), stop=StopSpec(max_tokens=100))
        *_, output = generate(runner, VOCABULARY, sequence, PromptIds([1, 2, 3]), request, lambda: False)
        if output.metrics.num_accepted_tokens:
            assert output.metrics.num_generated_tokens == 100
            return
    raise AssertionError("no random model repeated itself within 100 tokens")

"""Token healing: nothing of the user's text is lost, and every token that could follow is allowed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.healing import MAX_REOPENED_TOKENS, Reopened, TokenHealer
from plt_engine.tokenizer import Tokenizer
from tests.packs import CORPUS, tiny_tokenizer

TOKENIZER = Tokenizer(tiny_tokenizer())
HEALER = TokenHealer(TOKENIZER)


def spelled(ids):
    return b"".join(map(TOKENIZER.token_bytes, ids))


@settings(deadline=None)
@given(st.one_of(st.text(max_size=30), st.integers(0, len(CORPUS)).map(lambda n: CORPUS[:n])))
def test_what_is_kept_and_what_is_left_to_spell_are_the_text(text):
    ids = TOKENIZER.encode(text)
    reopened = HEALER.reopen(ids)
    assert ids[: len(reopened.kept)] == reopened.kept
    assert spelled(reopened.kept) + reopened.remainder == text.encode("utf-8", "replace")
    assert len(ids) - len(reopened.kept) <= MAX_REOPENED_TOKENS


@settings(deadline=None)
@given(st.sampled_from([CORPUS[i : i + n] for i in range(0, 200, 7) for n in (1, 2, 3, 5)]))
def test_allowed_tokens_are_all_those_that_agree_with_what_is_left(text):
    remainder = text.encode()
    expected = {
        i
        for i in range(TOKENIZER.vocab_size)
        if (data := TOKENIZER.token_bytes(i)) and (data.startswith(remainder) or remainder.startswith(data))
    }
    allowed = HEALER.allowed(remainder)
    assert set(allowed) == expected
    assert len(allowed) == len(set(allowed))


@pytest.mark.parametrize(("text", "whole"), [("x ret", " return"), ("x re", " return"), ("self.va", "value")])
def test_a_word_cut_in_two_can_be_finished_as_one_token(text, whole):
    token = next(i for i in range(TOKENIZER.vocab_size) if TOKENIZER.token_bytes(i) == whole.encode())
    reopened = HEALER.reopen(TOKENIZER.encode(text))
    assert token in HEALER.allowed(reopened.remainder)
    assert text.endswith(reopened.remainder.decode())


def test_a_token_with_a_byte_that_is_no_token_of_its_own_is_never_opened():
    document = tiny_tokenizer()
    vocab = document["model"]["vocab"]
    vocab["qq"] = vocab.pop("q")
    tokenizer = Tokenizer(document)
    healer = TokenHealer(tokenizer)
    before = tokenizer.encode("re")
    assert healer.reopen(before).remainder == b"re"
    assert healer.reopen([*before, vocab["qq"]]) == Reopened([*before, vocab["qq"]], b"")


def test_every_byte_may_be_left():
    for byte in range(256):
        assert HEALER.allowed(bytes([byte]))


def test_a_control_token_is_never_opened():
    ids = [*TOKENIZER.encode("a = b"), TOKENIZER.special_id("<|im_end|>")]
    assert HEALER.reopen(ids).kept == ids


def test_nothing_is_opened_in_an_empty_prompt():
    assert HEALER.reopen([]).remainder == b""

"""Names chosen under a constraint: always valid and free, and at each step the best token that leads to such a one."""

import keyword
import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import RequestError
from plt_engine.healing import TokenHealer
from plt_engine.identifier import NameChoice, NameTokens
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import (
    FinishReason,
    GenerationOutput,
    GenerationRequest,
    IdentifierConstraint,
    Prompt,
    SamplingParams,
    StopSpec,
)
from tests.packs import tiny_pack, tiny_tokenizer

TOKENIZER = Tokenizer(tiny_tokenizer())
HEALER = TokenHealer(TOKENIZER)
END = TOKENIZER.special_id("<|endoftext|>")
OTHER = TOKENIZER.special_id("<|im_start|>")
TOKENS = NameTokens(TOKENIZER.vocab_size, HEALER.spelled, [END])
SPELLED = [TOKENIZER.token_bytes(i) for i in range(TOKENIZER.vocab_size)]
VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_free(name, constraint):
    fits = VALID.fullmatch(name) and len(name) <= constraint.max_chars and name not in constraint.forbidden
    return bool(fits) and not (constraint.is_snake_case and name != name.lower())


def leads_somewhere(text, constraint):
    """By trying everything, with characters enough for what is forbidden here."""
    if is_free(text, constraint):
        return True
    is_beginning = not text or shape(text, constraint)
    return is_beginning and any(leads_somewhere(text + one, constraint) for one in "abcxyzABCXYZ019_")


def allowed_by_definition(name, remainder, constraint):
    found = set()
    for i, data in enumerate(SPELLED):
        if remainder:
            agrees = bool(data) and (data.startswith(remainder) or remainder.startswith(data))
            text = name + data[len(remainder) :].decode("latin-1")
            fits = agrees and (not text or (shape(text, constraint) and leads_somewhere(text, constraint)))
        elif is_end(i):
            fits = is_free(name, constraint)
        else:
            text = name + data.decode("latin-1")
            fits = bool(data) and shape(text, constraint) and leads_somewhere(text, constraint)
        if fits:
            found.add(i)
    return found


def shape(text, constraint):
    return is_free(text, replace(constraint, forbidden=()))


def is_end(i):
    first = SPELLED[i][:1]
    return i == END or (first.isascii() and bool(first) and not re.match(rb"\w", first))


short = st.text("abxyAB01_", max_size=3)
constraints = st.builds(
    IdentifierConstraint,
    st.lists(short | st.sampled_from(["return", "self", "value", *"abcdefghij"]), max_size=12).map(tuple),
    st.booleans(),
    st.integers(1, 8),
)


@settings(deadline=None, max_examples=60)
@given(constraints, short, st.sampled_from([b"", b" ", b"  ", b" r", b"\n", b"self."]))
def test_allowed_are_exactly_the_tokens_that_lead_to_a_free_name_or_end_one(constraint, name, remainder):
    name = "" if remainder or not shape(name, constraint) or not leads_somewhere(name, constraint) else name
    choice = NameChoice(constraint, TOKENS, HEALER)
    allowed = choice.allowed(name, remainder).tolist()
    assert allowed == sorted(allowed)
    assert set(allowed) == allowed_by_definition(name, remainder, constraint)
    assert all(choice.ends(i) == is_end(i) for i in allowed)


def choose(constraint, seed):
    """A name by random logits, greedily, checked against the best of the tokens that the definition allows."""
    choice = NameChoice(constraint, TOKENS, HEALER)
    generator = torch.Generator().manual_seed(seed)
    name = ""
    for _ in range(constraint.max_chars + 1):
        logits = torch.randn(TOKENIZER.vocab_size, generator=generator)
        ids = choice.allowed(name)
        token = int(ids[logits[ids].argmax()])
        assert token == max(allowed_by_definition(name, b"", constraint), key=lambda i: float(logits[i]))
        if choice.ends(token):
            return name
        name += SPELLED[token].decode()
    raise AssertionError(f"{name!r} has not ended")


@settings(deadline=None, max_examples=40)
@given(constraints, st.integers(0, 10_000))
def test_what_random_logits_choose_is_a_free_name(constraint, seed):
    assert is_free(choose(constraint, seed), constraint)


def test_a_control_token_and_one_that_holds_a_name_and_its_end_are_never_chosen():
    document = tiny_tokenizer()
    tokenizer = Tokenizer(document | {"model": document["model"] | {"vocab": document["model"]["vocab"] | {"_(": 400}}})
    healer = TokenHealer(tokenizer)
    choice = NameChoice(IdentifierConstraint(), NameTokens(tokenizer.vocab_size, healer.spelled, [END]), healer)
    allowed = choice.allowed("ab").tolist()
    assert END in allowed
    assert not {OTHER, 400} & set(allowed)


def test_a_letter_beyond_ascii_neither_goes_on_nor_ends():
    lead_byte = SPELLED.index(b"\xc3")
    assert lead_byte not in NameChoice(IdentifierConstraint(), TOKENS, HEALER).allowed("ab").tolist()


def test_where_no_name_is_left_it_says_so():
    letters = tuple("abcdefghijklmnopqrstuvwxyz_")
    with pytest.raises(RequestError, match="No name of at most 1 characters is left; allow longer ones"):
        NameChoice(IdentifierConstraint(letters, True, 1), TOKENS, HEALER)
    assert NameChoice(IdentifierConstraint(letters, False, 1), TOKENS, HEALER).is_free("A")


@pytest.fixture(scope="module", params=[True, False], ids=["fim", "prefix"])
def engine(request, tmp_path_factory):
    folder = tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", loops=2, fim=request.param).folder
    return Engine.load(folder, EngineOptions(dtype="float32"))


def asked(constraint, before="class Counter:\n    def ", **fields):
    stop = StopSpec(max_tokens=constraint.max_chars + 1)
    request = GenerationRequest("r", "a", Prompt(before, "(self):\n        pass\n"), stop=stop, constraint=constraint)
    return replace(request, log_probabilities=True, **fields)


def run(engine, request) -> GenerationOutput:
    *chunks, output = engine.generate(request)
    assert "".join(chunk.text for chunk in chunks) == output.text
    return output


@pytest.mark.parametrize("before", ["def ", "x = 1\n\n\nself.value = re", "    for  ", "", "return"])
@pytest.mark.parametrize("heals", [True, False])
def test_an_engine_says_names_only_whatever_stands_before(engine, before, heals):
    constraint = IdentifierConstraint((*keyword.kwlist, "self"), is_snake_case=True, max_chars=12)
    for seed in (None, 1, 2, 3):
        sampling = SamplingParams(0.0 if seed is None else 2.0, 1.0, seed)
        output = run(engine, asked(constraint, before, heals_tokens=heals, sampling=sampling))
        assert output.finish_reason is FinishReason.END_OF_IDENTIFIER
        assert is_free(output.text, constraint)
        assert output.log_probabilities
        assert output.metrics.num_drafted_tokens == 0


def test_a_name_that_is_taken_is_never_said_again(engine):
    taken = []
    for _ in range(5):
        output = run(engine, asked(IdentifierConstraint(tuple(taken), max_chars=6)))
        assert output.text not in taken
        taken.append(output.text)


def test_the_best_token_is_taken_at_each_step(engine):
    constraint = IdentifierConstraint(max_chars=10)
    output = run(engine, asked(constraint, heals_tokens=False))
    runner, tokenizer, name = engine._named.runner, engine._vocabulary.tokenizer, ""
    plan, _ = engine._plan(asked(constraint, heals_tokens=False), None)
    ids = list(plan.ids)
    while True:
        cache = runner.new_cache(output.metrics.loops)
        logits = runner.logits(runner.prefill(cache, ids)[-1])
        best = max(allowed_by_definition(name, b"", constraint), key=lambda i: float(logits[i]))
        if is_end(best):
            break
        ids.append(best)
        name += tokenizer.token_bytes(best).decode()
    assert output.text == name


def test_a_deadline_leaves_the_beginning_of_a_name_and_says_so(engine):
    request = asked(IdentifierConstraint())
    output = run(engine, replace(request, stop=replace(request.stop, deadline_ms=0.0)))
    assert output.finish_reason is FinishReason.DEADLINE


def test_several_names_are_not_asked_for_at_once(engine):
    with pytest.raises(RequestError, match="num_alternatives is 2; a name is asked for alone"):
        run(engine, asked(IdentifierConstraint(), num_alternatives=2))

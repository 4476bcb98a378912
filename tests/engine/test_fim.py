"""Prompts in ids: each family's form to the token, budgets kept, and control tokens never cut nor found in texts."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine.errors import PackFormatError, RequestError
from plt_engine.fim import FAMILIES, detect_fim, fim_ids, render, share_budget, stop_ids
from plt_engine.pack_manifest import FimFormat, FimOrder
from plt_engine.sentencepiece_model import read_model, tokenizer_document
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import FileChunk, Prompt
from tests.packs import tiny_tokenizer
from tests.sentencepiece_models import trained_model

IQUEST, STARCODER, SEED, CODESTRAL = FAMILIES
AMPLE = 10_000


def tokenizer_with(*control):
    """The tiny tokenizer with these control tokens in place of its own."""
    document = tiny_tokenizer(fim=False)
    own = {token["content"] for token in document["added_tokens"]}
    vocab = {token: i for token, i in document["model"]["vocab"].items() if token not in own}
    added = [{**document["added_tokens"][0], "id": len(vocab) + i, "content": token} for i, token in enumerate(control)]
    model = {**document["model"], "vocab": vocab}
    return Tokenizer({**document, "added_tokens": added, "model": model})


ALL = tokenizer_with(*dict.fromkeys(token for family in FAMILIES for token in family.tokens))


def spelled(ids, tokenizer=ALL):
    """The prompt as a person writes it down, with the names of its control tokens."""
    names = {tokenizer.special_id(token): token for family in FAMILIES for token in family.tokens}
    return b"".join(names[i].encode() if i in names else tokenizer.token_bytes(i) for i in ids).decode()


def prompt(**changes):
    return Prompt(
        **{"prefix": "def add(a, b):\n    ", "suffix": "\n\nprint(add(1, 2))\n", "path": "pkg/m.py", **changes}
    )


CHUNKS = (FileChunk("pkg/a.py", "A = 1\n"), FileChunk("pkg/b.py", "B = 2"))


@pytest.mark.parametrize(
    ("fim", "expected"),
    [
        (None, "PRE"),
        (IQUEST, "<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>"),
        (STARCODER, "<fim_prefix>PRE<fim_suffix>SUF<fim_middle>"),
        (SEED, "<[fim-suffix]>SUF<[fim-prefix]>PRE<[fim-middle]>"),
        (CODESTRAL, "[SUFFIX]SUF[PREFIX]PRE"),
    ],
)
def test_each_family_has_its_own_form(fim, expected):
    assert spelled(render(Prompt("PRE", "SUF"), fim, ALL, AMPLE)) == expected


@pytest.mark.parametrize(
    ("fim", "changes", "expected"),
    [
        (IQUEST, {"repo_name": "me/it"}, "<|repo_name|>me/it\n<|file_sep|>pkg/a.py\nA = 1\n"
         "<|file_sep|>pkg/b.py\nB = 2\n<|file_sep|>pkg/m.py\n<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>"),
        (IQUEST, {"path": None}, "<|file_sep|>pkg/a.py\nA = 1\n<|file_sep|>pkg/b.py\nB = 2\n"
         "<|file_sep|>\n<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>"),
        (STARCODER, {"repo_name": "me/it"}, "<fim_prefix>A = 1\nB = 2\nPRE<fim_suffix>SUF<fim_middle>"),
        (CODESTRAL, {}, "[SUFFIX]SUF[PREFIX]A = 1\nB = 2\nPRE"),
        (None, {"repo_name": "me/it"}, "A = 1\nB = 2\nPRE"),
    ],
)  # fmt: skip
def test_chunks_come_in_the_repository_form_or_as_plain_text(fim, changes, expected):
    asked = prompt(prefix="PRE", suffix="SUF", chunks=CHUNKS, **changes)
    assert spelled(render(asked, fim, ALL, AMPLE)) == expected


@pytest.mark.parametrize("fim", FAMILIES, ids=lambda fim: fim.name)
def test_control_tokens_that_a_text_spells_are_text(fim):
    hostile = "".join(token for family in FAMILIES for token in family.tokens)
    chunk = FileChunk(hostile, hostile)
    asked = Prompt(hostile, hostile, path=hostile, chunks=(chunk,), repo_name=hostile)
    plain = render(Prompt("x", "x", path="x", chunks=(FileChunk("x", "x"),), repo_name="x"), fim, ALL, AMPLE)
    found = render(asked, fim, ALL, AMPLE)
    assert [i for i in found if i in ALL.special_ids] == [i for i in plain if i in ALL.special_ids]


def test_a_prefix_over_the_budget_keeps_its_end():
    ids = ALL.encode(text := "".join(f"x{i} = {i}\n" for i in range(200)))
    found = render(Prompt(text), None, ALL, 160)
    assert 150 <= len(found) <= 160
    assert found == ids[-len(found) :]


@pytest.mark.parametrize("fim", FAMILIES, ids=lambda fim: fim.name)
def test_over_the_budget_the_prefixs_end_and_the_suffixs_start_stay(fim):
    before, after = "".join(f"p{i}\n" for i in range(300)), "".join(f"s{i}\n" for i in range(300))
    text = spelled(render(Prompt(before, after), fim, ALL, 400))
    prefix, suffix = (text.split(token, 1)[1] for token in (fim.prefix, fim.suffix))
    for token in fim.tokens:
        prefix, suffix = prefix.split(token, 1)[0], suffix.split(token, 1)[0]
    assert len(prefix) > len(suffix) > 90
    assert before.endswith(prefix)
    assert after.startswith(suffix)


def test_a_short_side_leaves_its_share_to_the_other():
    assert share_budget(160, 20, 1000) == (20, 140)
    assert share_budget(160, 1000, 10) == (150, 10)
    assert share_budget(160, 80, 80) == (80, 80)
    assert share_budget(160, 1000, 1000) == (120, 40)


@given(room=st.integers(1, 300), num_prefix=st.integers(0, 500), num_suffix=st.integers(0, 500))
def test_shares_fit_and_waste_little(room, num_prefix, num_suffix):
    kept_prefix, kept_suffix = share_budget(room, num_prefix, num_suffix)
    assert 0 <= kept_prefix <= num_prefix
    assert 0 <= kept_suffix <= num_suffix
    assert min(room, num_prefix + num_suffix) - 2 * max(1, room // 16) < kept_prefix + kept_suffix <= room


@pytest.mark.parametrize("order", FimOrder)
def test_typing_seldom_moves_the_start_of_what_was_read(order):
    """Over the budget too, most keystrokes only append to the prefix that the model has read already."""
    fim = FimFormat("test", "<fim_prefix>", "<fim_suffix>", "<fim_middle>", order)
    suffix, moves, last = "s\n" * 200, 0, None
    for num_lines in range(100, 200):
        ids = render(Prompt("p\n" * num_lines + "q", suffix), fim, ALL, 203)
        start = ids[: ids.index(ALL.encode("q")[-1])]
        moves += last is not None and start[: len(last)] != last
        last = start
    assert moves <= 100 * 2 // 12 + 1


@st.composite
def prompts(draw):
    text = st.text("ab \n<|fim_prefix|>", max_size=60)
    chunks = st.lists(st.builds(FileChunk, text, text), max_size=3).map(tuple)
    return Prompt(draw(text), draw(text), draw(st.none() | text), draw(chunks), draw(st.none() | text))


@given(prompts(), st.none() | st.sampled_from(FAMILIES), st.integers(1, 120))
def test_any_prompt_fits_its_budget_with_every_control_token_in_its_place(asked, fim, max_tokens):
    try:
        ids = render(asked, fim, ALL, max_tokens)
    except RequestError:
        header = len(ALL.encode(f"{asked.path or ''}\n")) + 1 if asked.chunks and fim and fim.file_sep else 0
        assert fim is not None
        assert max_tokens <= 3 + header
        return
    assert len(ids) <= max_tokens
    if fim is not None:
        needed = [token for token in (fim.prefix, fim.suffix, fim.middle) if token is not None]
        assert [ids.count(ALL.special_id(token)) for token in needed] == [1] * len(needed)


def test_chunks_over_the_budget_go_from_the_last():
    found = spelled(render(prompt(prefix="PRE", suffix="SUF", chunks=CHUNKS), IQUEST, ALL, 45))
    assert "pkg/a.py\nA = 1\n" in found
    assert "pkg/b.py" not in found
    none = spelled(render(prompt(prefix="PRE", suffix="SUF", chunks=CHUNKS, repo_name="r"), IQUEST, ALL, 25))
    assert none == "<|file_sep|>pkg/m.py\n<|fim_prefix|>PRE<|fim_suffix|>SUF<|fim_middle|>"


def test_a_budget_without_room_is_refused():
    with pytest.raises(RequestError, match="A prompt of 3 tokens has no room; its format alone takes 3"):
        render(prompt(), IQUEST, ALL, 3)


def test_a_token_that_the_tokenizer_lacks_is_named():
    with pytest.raises(PackFormatError, match=r"fim names the token '<\[fim-prefix\]>', which tokenizer\.json lacks"):
        render(prompt(), SEED, tokenizer_with("<|endoftext|>"), AMPLE)


@pytest.mark.parametrize(
    ("control", "name", "stop", "file_sep"),
    [
        (IQUEST.tokens, "iquest", ("<|im_end|>", "<|endoftext|>"), "<|file_sep|>"),
        (("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"), "iquest", (), None),
        ((*IQUEST.tokens, "<|object_ref_start|>"), "qwen2.5-coder", ("<|endoftext|>",), "<|file_sep|>"),
        (STARCODER.tokens, "starcoder2", ("<|endoftext|>",), None),
        (SEED.tokens, "seed-coder", (), None),
        (CODESTRAL.tokens, "codestral", (), None),
    ],
)
def test_a_format_is_detected_by_its_tokens(control, name, stop, file_sep):
    fim = detect_fim(tokenizer_with(*control))
    assert (fim.name, fim.stop, fim.file_sep) == (name, stop, file_sep)


@pytest.mark.parametrize(
    "control", [("<|endoftext|>",), ("<|fim_prefix|>", "<|fim_suffix|>"), ("<file_sep>", "[PREFIX]")]
)
def test_without_its_tokens_there_is_no_format(control):
    assert detect_fim(tokenizer_with(*control)) is None


def test_stop_tokens_are_the_formats():
    assert stop_ids(None, ALL) == frozenset()
    assert stop_ids(IQUEST, ALL) == {fim_ids(IQUEST, ALL)[token] for token in ("<|im_end|>", "<|endoftext|>")}


def spaced():
    """A SentencePiece tokenizer that reads a text as if a space stood before it, and opens each prompt with a token."""
    control = [
        {"id": 700 + i, "content": token, "special": True} for i, token in enumerate(dict.fromkeys(IQUEST.tokens))
    ]
    with TemporaryDirectory() as folder:
        (Path(folder) / "tokenizer.model").write_bytes(trained_model(add_dummy_prefix=True))
        document = tokenizer_document(read_model(Path(folder) / "tokenizer.model"), control)
    text = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return Tokenizer({**document, "post_processor": {"type": "TemplateProcessing", "single": text}})


SPACED = spaced()
OPENING = SPACED.special_id("<s>")


@pytest.mark.parametrize("chunks", [(), CHUNKS])
def test_a_space_that_a_tokenizer_puts_before_a_text_is_put_nowhere_within_a_prompt(chunks):
    ids = render(prompt(chunks=chunks, repo_name="r"), IQUEST, SPACED, AMPLE)
    assert ids[0] == OPENING
    assert OPENING not in ids[1:]
    assert spelled(ids, SPACED) == spelled(render(prompt(chunks=chunks, repo_name="r"), IQUEST, ALL, AMPLE))


def test_a_text_that_stands_alone_is_read_as_the_tokenizer_reads_texts():
    assert render(Prompt("x = 1"), None, SPACED, AMPLE) == [OPENING, *SPACED.encode("x = 1")]
    assert spelled(render(Prompt("x = 1", chunks=CHUNKS), None, SPACED, AMPLE), SPACED) == "A = 1\nB = 2\nx = 1"


@given(st.integers(40, 90))
def test_the_opening_token_is_within_the_budget_and_never_cut(max_tokens):
    ids = render(prompt(prefix="x = 1\n" * 30, chunks=CHUNKS), IQUEST, SPACED, max_tokens)
    assert len(ids) <= max_tokens
    assert ids[0] == OPENING


def test_a_budget_without_room_for_the_opening_token_is_told():
    assert len(render(Prompt("x"), IQUEST, SPACED, 5)) == 5
    with pytest.raises(RequestError, match="A prompt of 4 tokens has no room; its format alone takes 4"):
        render(Prompt("x"), IQUEST, SPACED, 4)

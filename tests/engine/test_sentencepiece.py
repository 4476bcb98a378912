"""SentencePiece models: the ids, texts and bytes that the sentencepiece library itself has for them."""

import tempfile
from pathlib import Path

import orjson
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.errors import PackFormatError
from plt_engine.sentencepiece_model import SPACE, read_model, tokenizer_document
from plt_engine.tokenizer import StreamDecoder, Tokenizer
from tests.engine.test_tokenizer import AWKWARD
from tests.sentencepiece_models import processor, trained_model

FORMS = {
    "plain": {},
    "space-first": {"add_dummy_prefix": True},
    "own-pieces": {"user_defined_symbols": ("\t", SPACE * 4, "\r\n", "self", "  ", f"x{SPACE}=")},
    "own-pieces-space-first": {"add_dummy_prefix": True, "user_defined_symbols": ("\t", SPACE * 4, "self")},
    "runs": {"split_by_whitespace": False, "split_by_unicode_script": False},
}
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.text("selfx= \n\t\r01½'é😀▁", max_size=60)
    | st.lists(st.sampled_from(["    ", "\t", "self", ".value", "\r\n", "def ", "(", "12", " "]), max_size=20).map(
        "".join
    )
)


@pytest.fixture(scope="module", params=FORMS)
def pair(request, tmp_path_factory):
    """A tokenizer made from a model, and the library's own for the same model."""
    model = trained_model(**FORMS[request.param])
    path = tmp_path_factory.mktemp("model") / "tokenizer.model"
    path.write_bytes(model)
    return Tokenizer(tokenizer_document(read_model(path), [])), processor(model)


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_have_the_librarys_ids_and_come_back(pair, text):
    tokenizer, reference = pair
    ids = tokenizer.encode(text)
    assert ids == reference.encode(text)
    if SPACE not in text and "\x00" not in text:
        assert tokenizer.decode(ids) == text == reference.decode(ids)


@settings(deadline=None)
@given(text=TEXTS)
def test_any_text_has_the_librarys_ids(pair, text):
    tokenizer, reference = pair
    ids = tokenizer.encode(text)
    assert ids == reference.encode(text)
    assert tokenizer.decode(ids) == text.replace(SPACE, " ")


@settings(deadline=None)
@given(text=TEXTS)
def test_a_text_that_follows_another_has_no_space_before_it_and_streams_as_it_is(pair, text):
    tokenizer, _ = pair
    decoder = StreamDecoder(tokenizer)
    ids = tokenizer.encode(text, follows=True)
    pieces = [decoder.push(i) for i in ids]
    assert "".join(pieces) == text.replace(SPACE, " ") == b"".join(map(tokenizer.token_bytes, ids)).decode()
    assert decoder.flush() == ""


def test_bytes_that_no_piece_has_are_their_own_tokens():
    model = trained_model()
    tokenizer = make(model)
    ids = tokenizer.encode("😀", follows=True)
    assert [tokenizer.token_bytes(i) for i in ids] == [b"\xf0", b"\x9f", b"\x98", b"\x80"]
    assert {tokenizer.token_bytes(i) for i in range(tokenizer.vocab_size)} >= {bytes([byte]) for byte in range(256)}


def make(model, added=()):
    return Tokenizer(tokenizer_document(parse(model), list(added)))


def parse(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.model"
        path.write_bytes(model)
        return read_model(path)


def test_control_tokens_have_names_and_no_bytes_and_are_not_found_in_text():
    added = [{"id": 700, "content": "<|fim_prefix|>", "special": True}]
    tokenizer = make(trained_model(), added)
    assert tokenizer.special_id("<|fim_prefix|>") == 700
    assert {tokenizer.special_id(name) for name in ("<unk>", "<s>", "</s>")} == {0, 1, 2}
    assert tokenizer.token_bytes(700) == b""
    assert 700 not in tokenizer.encode("<|fim_prefix|></s>")
    assert tokenizer.decode(tokenizer.encode("</s>")) == "</s>"
    assert tokenizer.vocab_size == 701


@pytest.fixture(scope="module", params=["always", "first", "never"])
def metaspace_pair(request):
    document = metaspace(request.param)
    return Tokenizer(document), tokenizers.Tokenizer.from_str(orjson.dumps(document).decode())


@settings(deadline=None)
@given(text=TEXTS)
def test_a_metaspace_document_is_read_as_its_own_library_reads_it(metaspace_pair, text):
    tokenizer, reference = metaspace_pair
    ids = tokenizer.encode(text)
    assert ids == reference.encode(text, add_special_tokens=False).ids
    if not text.startswith((" ", SPACE)):  # The library's decoder takes off all spaces that a text begins with.
        assert tokenizer.decode(ids) == reference.decode(ids)


def metaspace(scheme):
    step = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": False}
    steps = [step, {"type": "ByteFallback"}, {"type": "Fuse"}]
    document = tokenizer_document(parse(trained_model()), [])
    return {**document, "added_tokens": [], "normalizer": None, "pre_tokenizer": step,
            "decoder": {"type": "Sequence", "decoders": steps}}  # fmt: skip


def test_a_template_names_the_tokens_that_every_prompt_begins_with():
    document = tokenizer_document(parse(trained_model()), [])
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}]}  # fmt: skip
    assert Tokenizer(document).opening_ids == ()
    assert Tokenizer({**document, "post_processor": template}).opening_ids == (1,)
    assert Tokenizer({**document, "post_processor": template}).encode("x") == Tokenizer(document).encode("x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "unigram"}, "its model type is 1; only BPE"),
        ({"normalization_rule_name": "nmt_nfkc"}, "folds characters"),
        ({"remove_extra_whitespaces": True}, "removes extra whitespaces"),
        ({"treat_whitespace_as_suffix": True}, "writes spaces at the end of words"),
    ],
)
def test_a_model_that_would_change_a_text_is_refused(changes, words):
    with pytest.raises(PackFormatError, match=r"tokenizer\.model") as error:
        parse(trained_model(**changes))
    assert words in str(error.value)


@pytest.mark.parametrize("data", [b"", b"\x80", b"not a model at all", trained_model()[:-3], trained_model()[:1000]])
def test_what_is_no_model_is_named(data):
    with pytest.raises(PackFormatError, match=r"tokenizer\.model"):
        parse(data)

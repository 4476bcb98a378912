"""Tokenizer and stream decoder: ids as the reference has them, exact bytes, and no half character ever."""

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plt_engine.errors import PackFormatError
from plt_engine.tokenizer import StreamDecoder, Tokenizer
from tests.bpe_reference import reference_encode
from tests.packs import CONTROL_TOKENS, tiny_tokenizer

DOCUMENT = tiny_tokenizer()
TOKENIZER = Tokenizer(DOCUMENT)
AWKWARD = (
    "",
    "def f(x):\n\treturn x + 1234567890\n",
    "x = [1, 22, 333]\r\nif x:\r\n    pass\r\n",
    "\t\t  mixed \t indent\n\n\n",
    "emoji 👩‍👩‍👧‍👦 🎉 and ½ ² ٣ Ⅷ 十",
    "don't can't I'll we've it's '",
    "trailing spaces   ",
    "\x00\x0b\x0c\x1c\x85\u2028\u2029\ufeff\xa0",
    "e\u0301 \u202e \U0010ffff",
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text("aself \n\t\r01½'", max_size=40)


@pytest.mark.parametrize("text", AWKWARD)
def test_ids_are_those_of_the_reference(text):
    assert TOKENIZER.encode(text) == reference_encode(DOCUMENT, text)


@given(TEXTS)
def test_ids_of_any_text_are_those_of_the_reference_and_decode_to_it(text):
    ids = TOKENIZER.encode(text)
    assert ids == reference_encode(DOCUMENT, text)
    assert TOKENIZER.decode(ids) == text


def test_merged_tokens_are_used():
    assert [TOKENIZER.token_bytes(i) for i in TOKENIZER.encode("def self")] == [b"def", b" self"]


@pytest.mark.parametrize("token", [*CONTROL_TOKENS, "<|fim_prefix|>", "<|file_sep|>"])
@pytest.mark.parametrize("frame", ["{}", "a {} b", "{}{}", "x{}"])
def test_a_text_that_spells_a_control_token_is_text(token, frame):
    text = frame.format(token, token)
    ids = TOKENIZER.encode(text)
    assert not TOKENIZER.special_ids & set(ids)
    assert ids == reference_encode(DOCUMENT, text)
    assert TOKENIZER.decode(ids) == text


def test_control_tokens_that_are_not_marked_as_special_are_not_found_in_text_either():
    added = [{**token, "special": False} for token in DOCUMENT["added_tokens"]]
    unmarked = Tokenizer({**DOCUMENT, "added_tokens": added})
    assert unmarked.special_ids == TOKENIZER.special_ids
    assert unmarked.encode("<|im_end|>") == TOKENIZER.encode("<|im_end|>")


def test_control_tokens_have_ids_by_name_and_no_bytes():
    token_id = TOKENIZER.special_id("<|im_end|>")
    assert token_id in TOKENIZER.special_ids
    assert TOKENIZER.token_bytes(token_id) == b""
    assert TOKENIZER.special_id("def") is None
    assert TOKENIZER.special_id("<|nothing|>") is None
    assert TOKENIZER.decode([token_id, *TOKENIZER.encode("x"), token_id]) == "x"


def test_added_tokens_that_are_plain_text_keep_their_ids():
    num_tokens = TOKENIZER.vocab_size
    extra = {**DOCUMENT["added_tokens"][0], "id": num_tokens + 5, "content": "\t\t\t", "special": False}
    tokenizer = Tokenizer({**DOCUMENT, "added_tokens": [*DOCUMENT["added_tokens"], extra]})
    assert tokenizer.vocab_size == num_tokens + 6
    ids = tokenizer.encode("a\t\t\tb é")
    assert num_tokens + 5 in ids
    assert tokenizer.decode(ids) == "a\t\t\tb é"
    assert tokenizer.token_bytes(num_tokens + 2) == b""


def test_half_surrogate_pairs_become_replacement_characters_and_whole_ones_their_character():
    assert TOKENIZER.decode(TOKENIZER.encode("a\ud800b\udc00")) == "a\ufffdb\ufffd"
    assert TOKENIZER.decode(TOKENIZER.encode("\ud83d\ude00")) == "😀"


def test_tokens_are_the_256_bytes_and_more():
    assert {TOKENIZER.token_bytes(i) for i in range(256)} == {bytes([byte]) for byte in range(256)}
    assert TOKENIZER.token_bytes(TOKENIZER.vocab_size) == b""


def stream(data):
    """What a decoder says to each byte of `data`, given as one token a byte."""
    decoder = StreamDecoder(TOKENIZER)
    id_of = {TOKENIZER.token_bytes(i): i for i in range(256)}
    return [decoder.push(id_of[bytes([byte])]) for byte in data], decoder


def test_a_character_comes_with_its_last_byte():
    pieces, decoder = stream("é€😀".encode())
    assert pieces == ["", "é", "", "", "€", "", "", "", "😀"]
    assert decoder.flush() == ""


def test_an_unfinished_character_is_dropped_and_the_decoder_is_fresh_again():
    pieces, decoder = stream("a😀".encode()[:3])
    assert pieces == ["a", "", ""]
    assert decoder.flush() == ""
    assert decoder.push(TOKENIZER.encode("b")[0]) == "b"


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"\xff", "\ufffd"), (b"\xe2\x28", "\ufffd("), (b"\xc3\xc3\xa9", "\ufffdé"), (b"\x80x", "\ufffdx")],
)
def test_bytes_that_can_be_no_character_become_replacement_characters(data, text):
    pieces, decoder = stream(data)
    assert "".join(pieces) + decoder.flush() == text


@given(TEXTS)
def test_streamed_text_is_the_text_and_each_piece_is_whole(text):
    decoder = StreamDecoder(TOKENIZER)
    pieces = [decoder.push(i) for i in TOKENIZER.encode(text)]
    assert "".join(pieces) == text
    assert decoder.flush() == ""


@given(st.binary(max_size=30))
@example(b"\xed\xa0")
def test_any_bytes_stream_to_what_decoding_them_gives_without_the_unfinished_end(data):
    pieces, decoder = stream(data)
    whole = data.decode("utf-8", "replace")
    text = "".join(pieces) + decoder.flush()
    assert whole.startswith(text)
    assert whole.removeprefix(text) in ("", "\ufffd", "\ufffd" * 2)  # half a surrogate pair becomes two of them


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"type": "Unigram", "vocab": []}}, "model must be a BPE"),
        ({"model": None}, "model must be a BPE"),
        ({"decoder": {"type": "WordPiece"}}, "decoder must be ByteLevel"),
        ({"decoder": None}, "decoder must be ByteLevel"),
        ({"added_tokens": [{"id": 3}]}, "each needs a content and an id"),
        ({"pre_tokenizer": {"type": "Nonsense"}}, "PreTokenizer"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_refused(changes, words):
    with pytest.raises(PackFormatError) as error:
        Tokenizer({**DOCUMENT, **changes}, "T.json")
    assert "T.json" in str(error.value)
    assert words in str(error.value)


def test_a_tokenizer_reads_from_its_file(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(orjson.dumps(DOCUMENT))
    assert Tokenizer.from_file(path).encode("self.value") == TOKENIZER.encode("self.value")


@pytest.mark.parametrize(
    ("content", "words"), [(None, "does not exist"), (b"{", "not valid JSON"), (b"[]", "JSON object")]
)
def test_a_file_that_holds_no_tokenizer_is_named(tmp_path, content, words):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PackFormatError) as error:
        Tokenizer.from_file(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)

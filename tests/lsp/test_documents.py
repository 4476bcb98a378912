"""Text sync against a naive oracle: one list of code units, scanned from the start for every position."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_lsp.documents import Document, DocumentStore, Edit, FullText, SyncReason, cursor_of, split_lines
from plt_lsp.positions import Position, PositionEncoding, character_of, column_of

ENCODINGS = list(PositionEncoding)
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-be", 2), "utf-32": ("utf-32-be", 4)}

# Everything that str.splitlines takes for a line end, astral and combining characters, and the two halves' neighbours.
ALPHABET = ["a", "b", " ", "\t", "\n", "\r", "\r\n", "\n", "\x0b", "\f", "\x1c", "\x85", "\u2028", "\u2029"]
ALPHABET += ["é", "ß", "e\u0301", "漢", "\uffff", "😀", "😁", "𝄞", "👩‍👩‍👧"]
texts = st.lists(st.sampled_from(ALPHABET), max_size=24).map("".join)
positions = st.builds(Position, st.integers(0, 9), st.integers(0, 12))
edits = st.builds(Edit, positions, positions, texts)
changes = st.one_of(edits, edits, edits, st.builds(FullText, texts))
batches = st.lists(st.lists(changes, max_size=4), max_size=4)


@dataclass
class Oracle:
    """A document as a list of code units of one encoding."""

    units: list[bytes]
    encoding: PositionEncoding

    @classmethod
    def of(cls, text: str, encoding: PositionEncoding) -> "Oracle":
        return cls(to_units(text, encoding), encoding)

    @property
    def text(self) -> str:
        codec, _ = CODECS[self.encoding]
        return b"".join(self.units).decode(codec, "surrogatepass")

    def offset(self, position: Position) -> int:
        """Walk to the line, then along it, never over its end, and never into the middle of a UTF-8 sequence."""
        cr, lf = to_units("\r", self.encoding)[0], to_units("\n", self.encoding)[0]
        i, line = 0, 0
        while line < position.line:
            if i == len(self.units):
                return i
            if self.units[i] == lf or (self.units[i] == cr and self.units[i + 1 : i + 2] != [lf]):
                line += 1
            i += 1
        start = i
        while i < len(self.units) and i - start < position.character and self.units[i] not in (cr, lf):
            i += 1
        if self.encoding is PositionEncoding.UTF8:
            while i < len(self.units) and self.units[i][0] & 0xC0 == 0x80:
                i -= 1
        return i

    def apply(self, change: Edit | FullText) -> None:
        if isinstance(change, FullText):
            self.units = to_units(change.text, self.encoding)
            return
        start, end = sorted([self.offset(change.start), self.offset(change.end)])
        self.units[start:end] = to_units(change.text, self.encoding)


def to_units(text: str, encoding: PositionEncoding) -> list[bytes]:
    codec, size = CODECS[encoding]
    data = text.encode(codec, "surrogatepass")
    return [data[i : i + size] for i in range(0, len(data), size)]


def naive_lines(text: str) -> list[str]:
    lines, line = [], ""
    for i, char in enumerate(text):
        line += char
        if char == "\n" or (char == "\r" and text[i + 1 : i + 2] != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line]


@given(texts, batches, st.sampled_from(ENCODINGS))
def test_the_text_is_the_oracles_after_any_batches(text, batches, encoding):
    document, oracle = Document("u", "python", 0, text, "s"), Oracle.of(text, encoding)
    for batch in batches:
        document.apply(batch, encoding)
        for change in batch:
            oracle.apply(change)
        assert document.text == oracle.text
        assert document.lines == naive_lines(oracle.text)


@given(texts, positions, st.sampled_from(ENCODINGS))
def test_a_cursor_is_where_the_oracle_stops(text, position, encoding):
    oracle = Oracle.of(text, encoding)
    lines = split_lines(text)
    cursor = cursor_of(lines, position, encoding)
    before = "".join(lines[: cursor.line]) + lines[cursor.line][: cursor.column]
    expected = oracle.units[: oracle.offset(position)]
    if encoding is PositionEncoding.UTF16 and expected and 0xD8 <= expected[-1][0] <= 0xDB:
        expected = expected[:-1]  # a cursor inside a surrogate pair is before it
    assert to_units(before, encoding) == expected


@given(st.text(max_size=20).filter(lambda text: len(split_lines(text)) == 1), st.sampled_from(ENCODINGS))
def test_columns_and_characters_are_inverse(line, encoding):
    for column in range(len(line) + 1):
        character = character_of(line, column, encoding)
        assert character == len(to_units(line[:column], encoding))
        assert column_of(line, character, encoding) == column


@given(texts)
def test_lines_end_only_where_the_protocol_says(text):
    assert split_lines(text) == naive_lines(text)


def edited(text: str, *changes: Edit | FullText, encoding: PositionEncoding = PositionEncoding.UTF16) -> str:
    document = Document("u", "python", 0, text, "s")
    document.apply(changes, encoding)
    return document.text


def insert(line: int, character: int, text: str) -> Edit:
    return Edit(Position(line, character), Position(line, character), text)


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("abc", insert(0, 99, "X"), "abcX"),
        ("abc\ndef", insert(0, 99, "X"), "abcX\ndef"),
        ("abc\r\ndef", insert(0, 4, "X"), "abcX\r\ndef"),
        ("abc", insert(7, 0, "X"), "abcX"),
        ("abc\n", insert(1, 0, "X"), "abc\nX"),
        ("a\fb\u2028c\nd", insert(1, 1, "X"), "a\fb\u2028c\ndX"),
        ("a\rb", insert(1, 0, "\n"), "a\r\nb"),
        ("a\nb", insert(0, 1, "\r"), "a\r\nb"),
        ("ab", Edit(Position(0, 2), Position(0, 0), "X"), "X"),
        ("😀x", Edit(Position(0, 0), Position(0, 2), ""), "x"),
        ("😀x", Edit(Position(0, 1), Position(0, 2), "\ude01"), "😁x"),
    ],
)
def test_the_edges_of_an_edit(text, edit, expected):
    assert edited(text, edit) == expected


def test_a_crlf_that_an_edit_creates_is_one_line_end_for_the_next_edit():
    assert edited("a\rb", insert(1, 0, "\n"), insert(1, 0, "X")) == "a\r\nXb"


def store_with(text: str, version: int = 1) -> DocumentStore:
    store = DocumentStore()
    assert store.open("u", "python", version, text) is None
    return store


def test_a_stale_change_is_not_applied():
    store = store_with("abc", version=5)
    for version in (5, 4, -1):
        assert store.change("u", version, [insert(0, 0, "X")]) is SyncReason.STALE_VERSION
    assert (store.get("u").text, store.get("u").version) == ("abc", 5)


def test_a_jump_of_versions_is_applied_and_named():
    store = store_with("abc")
    assert store.change("u", 2, [insert(0, 0, "X")]) is None
    assert store.change("u", 9, [insert(0, 0, "Y")]) is SyncReason.JUMPED_VERSION
    assert (store.get("u").text, store.get("u").version) == ("YXabc", 9)


def test_an_unopened_document_is_named_and_stays_unknown():
    store = DocumentStore()
    assert store.change("u", 1, [insert(0, 0, "X")]) is SyncReason.NOT_OPEN
    assert store.get("u") is None
    assert store.close("u") is None


def test_opening_twice_takes_the_newer_text_and_a_new_session():
    store = store_with("abc", version=7)
    session_id = store.get("u").session_id
    assert store.open("u", "python", 1, "xyz") is SyncReason.REOPENED
    assert (store.get("u").text, store.get("u").version) == ("xyz", 1)
    assert store.get("u").session_id != session_id


def test_a_lost_change_is_mended_by_the_whole_text():
    store = store_with("abc")
    assert store.lose("u") is SyncReason.MALFORMED
    store.change("u", 2, [insert(0, 0, "X")])
    assert not store.get("u").is_in_sync
    store.change("u", 3, [FullText("whole")])
    assert store.get("u").is_in_sync
    assert store.get("u").text == "whole"


def test_an_edit_touches_only_its_lines():
    document = Document("u", "python", 0, "".join(f"line {i}\n" for i in range(10_000)), "s")
    lines, before = document.lines, list(document.lines)
    document.apply([insert(5_000, 2, "X\nY")], PositionEncoding.UTF16)
    assert document.lines is lines
    kept = [*range(5_000), *range(5_002, 10_002)]
    assert all(lines[i] is before[i if i < 5_000 else i - 1] for i in kept)


def test_a_line_without_an_end_costs_no_more_than_its_length():
    assert split_lines("x" * 2_000_000) == ["x" * 2_000_000]  # a search for an end from each character takes hours

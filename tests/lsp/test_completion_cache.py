"""Which documents a kept text answers for: pure rules over documents with a cursor, and the bounds of the cache."""

from dataclasses import dataclass, field

import pytest

from plt_lsp.completion_cache import (
    LOOK_BACK_CHARS,
    MAX_DOCUMENTS,
    MAX_TEXTS_OF_A_DOCUMENT,
    CompletionCache,
    Typed,
    goes_on,
    typed_since,
)
from plt_lsp.snapshot import Snapshot
from tests.lsp.snapshots import snapshot_at


@dataclass(eq=False)
class Text:
    """A text that grows as a test says."""

    base: Snapshot
    raw: str = "abc"
    is_over: bool = True
    key: object = "key"
    was_stopped: bool = field(default=False)

    @property
    def text(self) -> str:
        return self.raw.rstrip()

    def stop(self) -> None:
        self.is_over = self.was_stopped = True


@pytest.mark.parametrize(
    ("before", "after", "typed"),
    [
        ("x = ‸", "x = ‸", ("",)),
        ("x = ‸", "x = ab‸", ("ab",)),
        ("x = ‸\ny", "x = ab‸\ny", ("ab",)),
        ("f(‸)", "f(a, b‸)", ("a, b",)),
        ("f(‸)\nx", "f(\n  a‸)\nx", ("\n  a",)),
        ("x\r\ny = ‸\r\nz", "x\r\ny = a\r\nb‸\r\nz", ("a\nb",)),
        ("a‸a", "aa‸a", ("a",)),  # the text alone would not tell which one is new
        ("a‸a", "a‸aa", None),
        ("x = ‸", "x =‸", None),
        ("x = ‸", "x = f(‸)", ("f(", ")")),
        ("x = ‸", 'x = d["‸"]', ('d["', '"]')),
        ("f(‸)", "f(g(‸))", ("g(", ")")),
        ("x = ‸", "x = f(‸]", None),
        ("x = ‸", "x = f‸)", None),
        ("x = ‸\n", "x = ‸", None),
        ("x = ‸\ny", "x = a‸\nz", None),
        ("w\nx = ‸", "v\nx = a‸", None),
        ("x = ‸)", "x = a‸", None),
        ("x = ‸", "x = a‸b", None),
        ("one‸\ntwo", "one\n‸two", None),
        ("x‸", "x" + "y" * LOOK_BACK_CHARS + "‸", ("y" * LOOK_BACK_CHARS,)),
        ("x‸", "x" + "y" * (LOOK_BACK_CHARS + 1) + "‸", None),
    ],
)
def test_what_was_typed_since(before, after, typed):
    now = snapshot_at(after)
    assert typed_since(snapshot_at(before), now.lines, now.cursor) == ([] if typed is None else [Typed(*typed)])


@pytest.mark.parametrize(
    ("raw", "is_over", "typed", "expected"),
    [
        ("abc", True, "", True),
        ("abc", True, "ab", True),
        ("abc", True, "abc", False),
        ("abc  ", True, "abc ", False),
        ("abc", True, "x", False),
        ("", True, "", False),
        ("", False, "", True),
        ("", False, "ab", True),
        ("ab", False, "abcd", True),
        ("ab", False, "a", True),
        ("ab", False, "ax", False),
    ],
)
def test_whether_a_text_goes_on(raw, is_over, typed, expected):
    assert goes_on(Text(snapshot_at("‸"), raw, is_over), typed) is expected


def test_typing_and_taking_back_find_the_text_and_other_keys_and_texts_do_not():
    cache = CompletionCache[Text]()
    text = Text(snapshot_at("x = ‸"), "abc")
    cache.add(text)
    for document, typed in (("x = ‸", ""), ("x = a‸", "a"), ("x = ab‸", "ab"), ("x = a‸", "a"), ("x = ‸", "")):
        hit = cache.find(snapshot_at(document), "key")
        assert hit is not None
        assert (hit.found, hit.typed) == (text, typed)
    for document in ("x = abc‸", "x = b‸", "x =‸", "y = a‸"):
        assert cache.find(snapshot_at(document), "key") is None
    assert cache.find(snapshot_at("x = a‸"), "another") is None


def test_other_texts_for_the_place_are_found_where_the_newest_does_not_go_on():
    cache = CompletionCache[Text]()
    for i in range(MAX_TEXTS_OF_A_DOCUMENT):
        cache.add(Text(snapshot_at("x = ‸"), f"{i} is old"))
    cache.add_behind([Text(snapshot_at("x = ‸"), "ab"), Text(snapshot_at("x = ‸"), "cd")])
    found = [cache.find(snapshot_at(f"x = {typed}‸"), "key") for typed in ("", "a", "c", "6", "1")]
    assert [hit.found.raw if hit else None for hit in found] == ["7 is old", "ab", "cd", "6 is old", None]
    cache.forget("buffer-1")
    cache.add_behind([Text(snapshot_at("x = ‸"), "ab")])
    assert cache.find(snapshot_at("x = ‸"), "key") is None


def test_one_text_of_a_document_grows_and_an_edit_that_leaves_it_stops_it():
    cache = CompletionCache[Text]()
    first, second = (Text(snapshot_at(document), "a", is_over=False) for document in ("x = ‸", "y = ‸"))
    cache.add(first)
    cache.add(second)
    assert first.was_stopped
    cache.follow("buffer-1", snapshot_at("y = ab‸").lines)
    assert not second.was_stopped
    cache.follow("buffer-1", snapshot_at("y = x‸").lines)
    assert second.was_stopped
    assert cache.find(snapshot_at("y = ‸"), "key") is None


def test_the_cache_is_bounded_and_forgets_a_document():
    cache = CompletionCache[Text]()
    texts = [Text(snapshot_at(f"x{i} = ‸")) for i in range(MAX_TEXTS_OF_A_DOCUMENT + 1)]
    for text in texts:
        cache.add(text)
    assert cache.find(texts[0].base, "key") is None
    assert cache.find(texts[1].base, "key") is not None
    cache.forget("buffer-1")
    assert cache.find(texts[1].base, "key") is None
    many = [Text(snapshot_at("‸", session_id=f"buffer-{i}")) for i in range(MAX_DOCUMENTS + 1)]
    for text in many:
        cache.add(text)
    assert [cache.find(text.base, "key") is not None for text in many] == [False] + [True] * MAX_DOCUMENTS

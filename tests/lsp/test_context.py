"""The prompt around the cursor: within its budget, at line borders, and steady while the user types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_lsp.context.prompt import build_prompt, plain, prefix_window, suffix_window
from plt_lsp.documents import split_lines
from plt_lsp.settings import ContextSettings, Settings
from tests.lsp.snapshots import snapshot_at

texts = st.text(st.sampled_from("ab \n"), max_size=300)


@given(texts, st.integers(1, 120))
def test_a_prefix_is_the_texts_end_within_the_budget(text, max_chars):
    window = prefix_window(split_lines(text), max_chars)
    assert text.endswith(window)
    assert len(window) <= max_chars
    assert len(text) > max_chars or window == text


@given(texts, st.integers(1, 120))
def test_a_prefix_begins_with_a_line_unless_one_line_fills_it(text, max_chars):
    window = prefix_window(split_lines(text), max_chars)
    before = text[: len(text) - len(window)]
    assert before == "" or before.endswith("\n") or "\n" not in text[len(text) - max_chars :]


@given(texts, st.integers(0, 120))
def test_a_suffix_is_the_texts_beginning_within_the_budget(text, max_chars):
    window = suffix_window(split_lines(text), max_chars)
    assert text.startswith(window)
    assert len(window) <= max_chars
    assert len(text) > max_chars or window == text


def test_typing_seldom_moves_the_start_of_the_prefix():
    text = "".join(f"line number {i}\n" for i in range(200))
    starts = set()
    for i in range(400):
        window = prefix_window(split_lines(text + "x" * i), 1000)
        starts.add(len(text) + i - len(window))
    assert len(starts) <= 3
    assert min(starts) > 0


def test_the_prompt_is_what_stands_around_the_cursor():
    prompt = build_prompt(snapshot_at("one\r\ntwo‸ three\rfour\n"))
    assert (prompt.prefix, prompt.suffix, prompt.path) == ("one\ntwo", " three\nfour\n", "a.py")


def test_the_budgets_are_the_settings():
    settings = Settings(context=ContextSettings(max_prefix_chars=8, max_suffix_chars=5))
    prompt = build_prompt(snapshot_at("line 1\nline 2\nx‸y\nz\nlast\n", settings))
    assert (prompt.prefix, prompt.suffix) == ("x", "y\nz\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\r\nb\rc\n", "a\nb\nc\n"), ("\ud83d\ude00", "😀"), ("a\ud83d", "a\ufffd"), ("\ude00é", "\ufffdé")],
)
def test_plain_text_is_whole_characters_and_line_feeds(text, expected):
    assert plain(text) == expected
    plain(text).encode()

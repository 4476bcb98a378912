"""Whatever a model writes, what is shown of it can only be read: no markup acts, and nothing is hidden."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from plt_lsp.explain.untrusted import code_span, safe_markdown, visible

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HARMLESS = {
    "inline", "text", "softbreak", "hardbreak", "code_inline", "fence", "paragraph_open", "paragraph_close",
    "bullet_list_open", "bullet_list_close", "ordered_list_open", "ordered_list_close", "list_item_open",
    "list_item_close", "code_block", "hr",
}  # fmt: skip
PIECES = [
    "[x](command:run)", "![i](http://evil.com/a.png)", "<img src=x onerror=y>", "<script>", "</details>", "`", "``",
    "```", "~~~", "\n", "\n\n", "    ", "\t", "http://evil.com", "www.evil.com", "evil.com", "a@evil.com",
    "[a]: http://b.c", "[a]", "![", "](", "javascript:x", "&lt;", "&#x202e;", "<!--", "-->", "|a|b|", "|-|-|", "# ",
    "> ", "- ", "1. ", "***", "---", "===", "\\", "$x$", "{{", "\u202e", "\u200b", "\u2066", "\ufeff", "\x1b[31m",
    "\x07", "\r", "\u2028", "\U000e0041", "x", "a_b_c", "*a*", "//", "://", ":", "\xa0", "\u3164", "command:x",
    "vscode://x", "<http://a.b>", "\u27e8", "\xe9",
]  # fmt: skip


def tokens_of(markdown):
    for token in MARKDOWN.parse(markdown):
        yield token
        yield from token.children or ()


def assert_harmless(markdown):
    for token in tokens_of(markdown):
        assert token.type in HARMLESS, (token.type, markdown)
        if token.type == "text":
            assert not re.search(r"://|www\.\w|\w\.\w|@|<|&|\S:\S", token.content), markdown
    assert "://" not in markdown
    for char in markdown:
        assert char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text(max_size=60)))
@example("``` `x` ```\n![a](http://b.c)")
@example("```\ncode\n```` \n<b>")
@example("- ```\n  <b>\n```\n<i>")
@example("`a\n`<b>`")
def test_nothing_dangerous_survives(text):
    safe = safe_markdown(text)
    assert_harmless(safe)
    for end in (len(text) // 3, 2 * len(text) // 3):  # as it grows
        assert_harmless(safe_markdown(text[:end]))


@given(st.text(max_size=40))
def test_a_name_of_the_users_code_is_one_span_or_nothing(text):
    span = code_span(text)
    assert_harmless(span)
    kinds = [
        token.type for token in tokens_of(span) if token.type not in ("inline", "paragraph_open", "paragraph_close")
    ]
    assert kinds in ([], ["code_inline"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It calls `os.path.join(a, b)` twice.", "It calls `os.path.join(a, b)` twice."),
        ("It reads my_file.", "It reads `my_file`."),
        ("**Note:** nothing", "Note: nothing"),
        ("# Title\n* one\n* two", "Title\n- one\n- two"),
        ("```python\nx = 1\n```", "```\nx = 1\n```"),
        ("a mode (e.g. 0755)", "a mode (e.g. 0755)"),
        ("see http://a.b/c", "see `http: //a.b/c`"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("<b>x</b>", "`<b>x</b>`"),
    ],
)
def test_what_is_harmless_stays_readable(text, shown):
    assert safe_markdown(text) == shown


def test_what_cannot_be_seen_is_named():
    assert visible("a\x1b[0m\u200b\tb\r\nc") == "a⟨U+001B⟩[0m⟨U+200B⟩\tb\nc"

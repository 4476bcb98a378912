"""The checks of written refactorings as properties: whatever is changed outside of the range, nothing of it passes."""

import ast
import io
import tokenize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plt_lsp.refactor.written.change import Change
from plt_lsp.refactor.written.python_checks import same_without_docstrings
from plt_lsp.refactor.written.rewriting import SHARED
from plt_lsp.refactor.written.validation import LEAVES_RANGE, adds_no_definitions, changes_comments_only, fault_of

TEXT = '''\
"""Words."""
import os

LIMIT = 3


class Words:
    """Counted words."""

    size = LIMIT

    def add(self, word):
        # one more
        self.found[word] = self.found.get(word, 0) + 1
        return self


def count(words):
    found = {}
    for word in words:
        found[word] = 1
    return found


def after(value):
    return os.path.join(value)
'''
START = TEXT.index("    found = {}")
END = TEXT.index("\n\n\ndef after")
GOOD = "    found = dict.fromkeys(words, 1)\n    return found"
FRAGMENTS = st.sampled_from(
    [
        "\n",
        " ",
        "    ",
        "\t",
        "#",
        '"',
        '"""',
        "'",
        "(",
        ")",
        "]",
        "pass",
        "def f():",
        "return",
        "os",
        "x = 1",
        "\\",
        ":",
    ]
)


def changed(new: str, start: int = START, end: int = END, language_id: str = "python") -> Change:
    return Change(language_id, TEXT, new, start, end)


def test_what_is_changed_inside_passes():
    assert fault_of(changed(TEXT[:START] + GOOD + TEXT[END:]), SHARED) is None


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(0, len(TEXT)),
    num_taken=st.integers(0, 12),
    put=st.one_of(FRAGMENTS, st.text(max_size=6), st.lists(FRAGMENTS, max_size=4).map("".join)),
    inside=st.sampled_from([GOOD, TEXT[START:END], ""]),
)
@example(at=0, num_taken=0, put="\n", inside=GOOD)
@example(at=len(TEXT), num_taken=0, put="\nimport os\n", inside=GOOD)
def test_no_edit_outside_of_the_range_passes(at, num_taken, put, inside):
    before, behind = TEXT[:START], TEXT[END:]
    outside = before + behind
    at = min(at, len(outside))
    if at < len(before):
        before = before[:at] + put + before[at + num_taken :]
    else:
        cut = at - len(TEXT[:START])
        behind = behind[:cut] + put + behind[cut + num_taken :]
    new = before + inside + behind
    is_really_outside = not (new.startswith(TEXT[:START]) and new.endswith(TEXT[END:]))
    if is_really_outside:
        assert fault_of(changed(new), SHARED) == LEAVES_RANGE


@settings(max_examples=150, deadline=None)
@given(put=st.lists(st.one_of(FRAGMENTS, st.sampled_from(GOOD.split("\n"))), max_size=8).map("".join))
def test_whatever_passes_leaves_the_rest_of_the_tree_alone(put):
    new = TEXT[:START] + put + TEXT[END:]
    if fault_of(changed(new), (*SHARED, adds_no_definitions)) is None:
        old_tree, new_tree = ast.parse(TEXT), ast.parse(new)
        assert len(old_tree.body) == len(new_tree.body)
        for old, other in zip(old_tree.body, new_tree.body, strict=True):
            if getattr(old, "name", "") != "count":
                assert ast.dump(old) == ast.dump(other)
            else:
                assert isinstance(other, ast.FunctionDef)
                assert ast.dump(old.args) == ast.dump(other.args)


def tokens(text: str) -> list[str]:
    unseen = (tokenize.COMMENT, tokenize.NL)
    return [one.string for one in tokenize.generate_tokens(io.StringIO(text).readline) if one.type not in unseen]


@settings(max_examples=150, deadline=None)
@given(put=st.lists(st.one_of(FRAGMENTS, st.sampled_from(['"""', "Say it.", "a b c"])), max_size=8).map("".join))
@example(put='    """Say it."""\n')
@example(put='    """Say it."""; x = 1\n')
@example(put='    """Say it."""\n    x = 1\n')
@example(put='    f"""Say it."""\n')
def test_a_docstring_that_passes_adds_one_text_and_nothing_else(put):
    new = TEXT[:START] + put + TEXT[START:]
    fault = fault_of(changed(new, START, START), (same_without_docstrings,))
    if fault is None:
        added = tokens(new)
        for one in tokens(TEXT):
            added.remove(one)
        assert [one for one in added if one.strip()] == [next(one for one in added if one[:1] in "\"'rRuUbB" and one)]
    elif put in ('    """Say it."""\n',):
        pytest.fail(fault)


@settings(max_examples=100, deadline=None)
@given(char=st.characters(categories=["Cf", "Cc", "Zl", "Zp", "Co"]).filter(lambda char: char not in "\t\n\r\x0b\x0c"))
def test_no_character_that_cannot_be_seen_passes(char):
    put = GOOD.replace("1)", "1)  # " + char)
    assert fault_of(changed(TEXT[:START] + put + TEXT[END:]), SHARED) is not None


@settings(max_examples=60, deadline=None)
@given(put=st.text(alphabet="/* \nab=;(){}'`", max_size=30))
@example(put="/** Adds. */\n")
@example(put="/** Adds. */ evil();\n")
def test_a_comment_that_passes_is_a_comment_alone(put):
    text = "function f(a) {\n  return a;\n}\n"
    change = Change("javascript", text, put + text, 0, 0)
    if fault_of(change, (changes_comments_only,)) is None:
        rest = put
        while (rest := rest.strip()) and rest.startswith(("/*", "//")):
            end = rest.find("*/") + 2 if rest.startswith("/*") else rest.find("\n")
            assert end > 1
            rest = rest[end:]
        assert rest == ""
    else:
        assert put != "/** Adds. */\n"

"""Outlines: what each language's files define and import, and that no file is too broken or too deep for one."""

from functools import cache
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_lsp.documents import split_lines
from plt_lsp.syntax.grammars import GRAMMARS
from plt_lsp.syntax.outline import MAX_DEFINITIONS, outline
from plt_lsp.syntax.outline_after import outline_after
from plt_lsp.syntax.outline_imports import use_tree
from plt_lsp.syntax.outline_types import ImportedName, Outline
from plt_lsp.syntax.outlines.tables import TABLES
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp import samples
from tests.lsp.snapshots import CURSOR


def outline_of(language_id: str, text: str) -> Outline:
    tree = SyntaxTree.parse(language_id, text)
    assert isinstance(tree, SyntaxTree)
    return outline(tree)


def ancestors(found: Outline, i: int) -> set[int]:
    parent = found.definitions[i].parent
    return set() if parent is None else {parent, *ancestors(found, parent)}


def check(found: Outline, num_lines: int) -> None:
    """What holds of every outline."""
    for i, one in enumerate(found.definitions):
        assert one.name
        assert one.signature
        assert "\n" not in one.name + one.signature + one.doc
        assert 0 <= one.header.first <= one.header.last < num_lines
        assert one.body is None or one.header.last <= one.body.first <= one.body.last < num_lines
        assert one.parent is None or one.parent < i
        if one.parent is not None:
            assert one.header.first >= found.definitions[one.parent].header.first
            assert one.rows.last <= found.definitions[one.parent].rows.last
    firsts = [one.header.first for one in found.definitions]
    assert firsts == sorted(firsts)
    for row in range(num_lines) if num_lines < 200 else ():
        inside = found.enclosing(row)
        touched = [i for i, one in enumerate(found.definitions) if row in one.rows]
        chain = [i for i in touched if i == touched[-1] or i in ancestors(found, touched[-1])]
        assert list(inside) == chain
    for brought in found.imports:
        assert brought.module
        assert 0 <= brought.rows.first <= brought.rows.last < num_lines


@pytest.mark.parametrize("language_id", samples.LANGUAGES)
def test_the_outline_of_a_file(language_id):
    assert samples.outline_text(language_id) == samples.expected(language_id, "outline")


def test_every_language_with_a_table_has_a_sample():
    others = {"bash", "cs", "javascriptreact", "sh"}  # names for a language that has one
    assert set(TABLES) - others == set(samples.LANGUAGES)
    for language_id in others:
        assert outline_of(language_id, "") == Outline(language_id)


def test_other_languages_have_an_empty_outline():
    for language_id in set(GRAMMARS) - set(TABLES):
        assert outline_of(language_id, "a: 1\n") == Outline(language_id)


@pytest.mark.parametrize("language_id", samples.LANGUAGES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_part_of_a_file_has_an_outline(language_id, data):
    text = samples.sample(language_id).replace(CURSOR, "")
    end = data.draw(st.integers(0, len(text)))
    start = data.draw(st.sampled_from([0, 0, 0, end // 3]))
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    part = text[start:end].replace("\n", line_end)
    check(outline_of(language_id, part), part.count(line_end) + 1)


@pytest.mark.parametrize("language_id", samples.LANGUAGES)
@settings(max_examples=20, deadline=None)
@given(st.text(alphabet="(){}[]:;=.,\"'`#/* \n\rdefclassimportfunctioné😀\ud83d", max_size=80))
def test_any_text_has_an_outline(language_id, text):
    tree = SyntaxTree.parse(language_id, text)
    assert isinstance(tree, SyntaxTree)
    check(outline(tree), len(tree.lines))


@pytest.mark.parametrize("language_id", samples.LANGUAGES)
def test_line_ends_make_no_difference(language_id):
    text = samples.sample(language_id).replace(CURSOR, "ready")
    assert outline_of(language_id, text.replace("\n", "\r\n")) == outline_of(language_id, text)
    assert outline_of(language_id, text.replace("\n", "\r")) == outline_of(language_id, text)


@pytest.mark.parametrize(
    ("language_id", "text"),
    [
        ("python", "".join(f"{' ' * i}def f{i}():\n" for i in range(300)) + " " * 300 + "pass\n"),
        ("javascript", "function f() {\n" * 20_000),
        ("c", "((((\n" * 2_000),
        ("rust", "mod a {\n" * 10_000 + "}\n" * 10_000),
    ],
)
def test_deep_files_have_an_outline(language_id, text):
    check(outline_of(language_id, text), text.count("\n") + 1)


def test_there_is_an_end_to_the_definitions():
    text = "def f(): pass\n" * (MAX_DEFINITIONS + 10)
    assert len(outline_of("python", text).definitions) == MAX_DEFINITIONS


def test_a_broken_line_leaves_what_is_around_it():
    text = "class A:\n    def f(self):\n        return 1 +\n\n    def g(self):\n        pass\n\nclass B:\n    pass\n"
    names = [one.name for one in outline_of("python", text).definitions]
    assert {"A", "f", "g", "B"} <= set(names)


def test_names_in_other_scripts_are_whole():
    found = outline_of("python", "class Größe😀:\n    def é(self): pass\n".replace("😀", "ß"))
    assert [one.name for one in found.definitions] == ["Größeß", "é"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [("a", None)]),
        ("a as b", [("a", ImportedName("*", "b"))]),
        ("a::b::c", [("a::b", ImportedName("c"))]),
        ("a::{b::{c as d}, self as e}", [("a::b", ImportedName("c", "d")), ("a", ImportedName("*", "e"))]),
        ("a::{self, *}", [("a", None), ("a", ImportedName("*"))]),
        ("::a::b", [("::a", ImportedName("b"))]),
        ("{a, b::c}", [("a", None), ("b", ImportedName("c"))]),
        ("a::{b, {", [("a", ImportedName("b"))]),
        ("}}, as", []),
    ],
)
def test_rusts_trees_of_paths(text, expected):
    assert list(use_tree(text)) == expected


@cache
def long_file(language_id):
    """The tree of a sample three times over, each time with other names, and its outline."""
    text = samples.sample(language_id).replace(CURSOR, "ready")
    head = "" if language_id != "php" else "<?php\n"
    three = head + "\n\n".join(text.removeprefix(head).replace("Store", f"Store{i}") for i in range(3))
    tree = SyntaxTree.parse(language_id, three)
    return tree, outline(tree)


PIECES = ["\n", "\n\n", "x\n", "# text\n", "// text\n", "/** text */\n", "-- text\n", "import a\n", "def f(): pass\n"]
PIECES += ["function f() {}\n", "}\n", "{\n", "    \n", "class A {}\n", "    return 1\n", "end\n", "use a::b;\n"]


@pytest.mark.parametrize("language_id", samples.LANGUAGES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_outline_after_an_edit_equals_a_fresh_one(language_id, data):
    """Of a text that would be read whole, were it not for the least number of rows that is set here."""
    tree, known = long_file(language_id)
    for _ in range(3):
        first = data.draw(st.integers(0, len(tree.lines) - 1))
        last = min(len(tree.lines), first + data.draw(st.sampled_from([0, 0, 0, 1, 2, 30])))
        added = data.draw(st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(tree.lines[:-1])), max_size=3))
        edited = tree.advanced(split_lines("".join([*tree.lines[:first], *added, *tree.lines[last:]])))
        with mock.patch("plt_lsp.syntax.outline_after.MIN_ROWS", 0):
            found = outline_after(known, tree, edited)
        assert found == outline(edited)
        tree, known = edited, found


@pytest.mark.parametrize("text", ["(" * 6000, "def f():\n    pass\n" + "[\n" * 6000])
def test_of_rubble_there_is_no_outline(text):
    assert outline(SyntaxTree.parse("python", text)) == Outline("python")


def test_a_broken_text_has_an_outline_as_long_as_it_is_no_rubble():
    text = "class A:\n    def f(self):\n        return (\n\n\n" * 300
    tree = SyntaxTree.parse("python", text)
    assert tree.root.has_error
    assert len(outline(tree).definitions) >= 300

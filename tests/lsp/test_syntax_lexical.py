"""Brackets, strings and comments without a tree: what is open at a place, and what nothing closes."""

import pytest

from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.syntax.brackets import closers_of, surroundings
from plt_lsp.syntax.lexical import place_at_end, tokens
from plt_lsp.syntax.window import MAX_WALK_ROWS, window_at


def spelled(text: str, language_id: str, inside: str = "") -> list[str]:
    """The brackets as they are, and in place of strings and comments their marks."""
    return [token.text for token in tokens(text, language_id, inside)]


@pytest.mark.parametrize(
    ("language_id", "text", "expected"),
    [
        ("python", "f(a, '(') # (", ["(", "'", ")", "#"]),
        ("python", '"""(\n"\n"""[', ['"""', "["]),
        ("python", "'(\n[", ["'", "["]),
        ("python", r"'\'(' [", ["'", "["]),
        ("javascript", "`(\n${a}` /* ( */ // (\n{", ["`", "/*", "//", "{"]),
        ("rust", "fn f<'a>(c: '(') { \"(\n\" }", ["(", "'", ")", "{", '"', "}"]),
        ("go", "x := `(\n` + '('", ["`", "'"]),
        ("shellscript", "${#a} # (", ["{", "}", "#"]),
        ("lua", "-- (\n{", ["--", "{"]),
        ("markdown", "don't (", ["("]),
    ],
)
def test_tokens(language_id, text, expected):
    assert spelled(text, language_id) == expected


@pytest.mark.parametrize(
    ("language_id", "text", "inside", "mark"),
    [
        ("python", "x = '(", "", "'"),
        ("python", "x = '('", "", None),
        ("python", "x = '\n", "", None),
        ("python", "# a", "", "#"),
        ("python", "# a\n", "", None),
        ("python", '"""a\n', "", '"""'),
        ("python", "", "'", "'"),
        ("python", "a' + b", "'", None),
        ("c", "/* a", "", "/*"),
        ("c", "/*/", "", "/*"),
        ("c", "/**/", "", None),
        ("c", "// a\\", "", "//"),
    ],
)
def test_where_a_text_ends(language_id, text, inside, mark):
    place = place_at_end(text, language_id, inside)
    assert (place.text if place else None) == mark


def around(document: str, language_id: str = "javascript"):
    before, _, after = document.partition("|")
    rows = split_lines(before)
    return surroundings(split_lines(before + after), Cursor(len(rows) - 1, len(rows[-1])), language_id)


@pytest.mark.parametrize(
    ("document", "opened", "unclosed"),
    [
        ("f(|)", "(", ""),
        ("f(|", "(", "("),
        ("f(a[|)", "([", "["),
        ("f(|]", "(", "("),
        ("function f() {\n  g(|\n}\n", "{(", "("),
        ("function f() {\n  if (a) {\n    |\n}\n", "{{", "{"),
        ("function f() {\n  if (a) {\n    |\n  }\n}\n", "{{", ""),
        ("function f() {\n  if (a) {\n    |\n  }\n", "{{", "{"),
        ("function f() {\n  |\n\nfunction g() {\n}\n", "{", "{"),
        ("function f() {\n}\n\n|\n", "", ""),
        ("f({a: [|", "({[", "({["),
        ("f(') { [', |)", "(", ""),
    ],
)
def test_what_nothing_closes(document, opened, unclosed):
    found = around(document)
    assert "".join(bracket.text for bracket in found.open) == opened
    assert "".join(bracket.text for bracket in found.unclosed) == unclosed


@pytest.mark.parametrize(("document", "is_ended"), [('f("|")', True), ('f("|)', False), ('f("|\n"', False)])
def test_a_string_at_the_cursor(document, is_ended):
    found = around(document)
    assert (found.inside, found.is_string, found.is_ended) == ('"', True, is_ended)


def test_a_bracket_may_be_closed_farther_away_than_is_looked():
    document = "function f() {\n  |\n" + "  a();\n" * (MAX_WALK_ROWS + 5) + "}\n"
    assert around(document).unclosed == ()


def test_a_bracket_that_is_closed_far_away_is_found_closed():
    rows = "  a();\n" * (MAX_WALK_ROWS // 2)
    found = around("function f() {\n" + rows + "  g(|\n" + rows + "}\n")
    assert [bracket.text for bracket in found.unclosed] == ["("]


def test_closers_go_from_the_inside_out():
    assert closers_of(around("f({a: [|").unclosed) == "]})"


@pytest.mark.parametrize(
    ("document", "above", "below"),
    [
        ("a\n  b|\n  c\nd\n", [0], [2]),
        ("a\nb\n|\nc\nd\n", [1], [3]),
        ("class A:\n  def f():\n    x\n    y\n    |\n    z\n    w\n\n  def g():\n    v\n", [0, 1, 3], [5]),
        ("if a:\n  b|\nelse:\n  c\nd\n", [0], [2, 3]),
        ("if a:\n  b\nelse:\n  c|\nd\n", [0, 1, 2], []),
        ("f(\n  a,\n  |\n)\n", [0, 1], [3]),
        ("int f()\n{\n  a;|\n}\nint g;", [0, 1], [3]),
        ("class A:\n    def f():\n|\n    b = 1\n", [0, 1], []),
    ],
)
def test_the_rows_that_show_where_a_place_is(document, above, below):
    rows = split_lines(document.partition("|")[0])
    window = window_at(split_lines(document.replace("|", "")), len(rows) - 1, len(rows[-1]))
    texts = split_lines(document.replace("|", ""))
    assert [row for row in window.above if texts[row].strip()] == above
    assert [row for row in window.below if texts[row].strip()] == below
    assert window.is_whole

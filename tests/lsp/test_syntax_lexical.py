"""Brackets, strings and comments without a tree: what is open at a place, and what nothing closes."""

import pytest

from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.syntax.brackets import closers_of, surroundings
from plt_lsp.syntax.lexical import place_at_end, tokens
from plt_lsp.syntax.window import MAX_ROWS, rows_around


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


def test_a_bracket_may_be_closed_where_the_rows_that_are_seen_end():
    document = "function f() {\n  |\n" + "  a();\n" * (MAX_ROWS + 5) + "}\n"
    assert around(document).unclosed == ()


def test_closers_go_from_the_inside_out():
    assert closers_of(around("f({a: [|").unclosed) == "]})"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("a\n  b|\n  c\nd\n", range(3)),
        ("a\n|\nb\n", range(2)),
        ("a\n|b\nc\n", range(1, 2)),
        ("if a:\n  b|\nelse:\n  c\nd\n", range(4)),
        ("int f()\n{\n  a;|\n}\nint g;", range(4)),
    ],
)
def test_rows_of_a_piece(document, expected):
    rows = split_lines(document.partition("|")[0])
    assert rows_around(split_lines(document.replace("|", "")), len(rows) - 1) == expected

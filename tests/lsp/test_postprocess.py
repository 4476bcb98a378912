"""Golden tests of what becomes of the model's text: tables, read from top to bottom."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.types import StopUnit
from plt_lsp.documents import content_of, split_lines
from plt_lsp.positions import Cursor
from plt_lsp.postprocess.clean import Cleaned, clean
from plt_lsp.postprocess.line_ends import in_files_line_ends
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View
from plt_lsp.reasons import EmptyReason
from plt_lsp.syntax.tree import SyntaxTree

CURSOR = "‸"


def view_at(document: str, language_id: str = "python", unit: StopUnit | None = None, **more) -> View:
    """The view of a document whose cursor is where `‸` stands; a line where text stands behind it, else a block."""
    before, mark, after = document.partition(CURSOR)
    assert mark
    rows, lines = split_lines(before), split_lines(before + after)
    cursor = Cursor(len(rows) - 1, len(rows[-1]))
    unit = unit or (StopUnit.LINE if content_of(lines[cursor.line])[cursor.column :].strip() else StopUnit.BLOCK)
    tree = SyntaxTree.parse(language_id, lines)
    tree = tree if isinstance(tree, SyntaxTree) else None
    return View.at(lines, cursor, language_id, unit=unit, tree=tree, **more)


@dataclass(frozen=True)
class Case:
    """`document` has the cursor at ‸; `raw` is what the model said; `expected` is the text or the reason for none."""

    name: str
    document: str
    raw: str
    expected: str | Reason
    is_final: bool = False


def outcome(cleaned: Cleaned) -> str | Reason:
    assert (cleaned.text == "") == (cleaned.dropped is not None)
    return cleaned.dropped or cleaned.text


def check(language_id: str, document: str, raw: str, expected: str | Reason, **more) -> Cleaned:
    cleaned = clean(raw, view_at(document, language_id, **more))
    assert outcome(cleaned) == expected
    return cleaned


BODY = "def f():\n    ‸\n    return x\n"
ELSE = "if b:\n        c\n    else:\n        d"

GROWING = [
    Case("nothing follows", "x = ‸", "1 + 2", "1 + 2"),
    Case("white space at the end goes", "x = ‸", "1 + 2  \n\n", "1 + 2"),
    Case("the model's CRLF is one line end", "if x:‸", "\r\n    y\r\n    z", "\n    y\n    z"),
    Case("only white space", "x = ‸", " \n  \n", Reason.BLANK),
    Case("nothing at all", "x = ‸", "", Reason.BLANK),
    Case("more lines than are wanted", "‸", "a\nb\nc\nd\ne\nf\ng\nh\ni", "a\nb\nc\nd\ne\nf\ng\nh", is_final=True),
    # A single line, since text stands behind the cursor.
    Case("the bracket behind the cursor", "f(‸)", "a, b)", "a, b", is_final=True),
    Case("a bracket of the model's own", "f(‸)", "g(a), b)", "g(a), b", is_final=True),
    Case("a bracket in quotes", "f(‸)", '")", b)', '")", b', is_final=True),
    Case("a quoted quote in quotes", "f(‸)", '"\\")", b)', '"\\")", b', is_final=True),
    Case("a bracket that was never opened", "f(‸)", "a] + b", "a", is_final=True),
    Case("the bracket is not there yet", "f(‸)", "a, g(b", "a, g(b"),
    Case("brackets and more", "x[f(‸)]", "a)]", "a", is_final=True),
    Case("only what stands there already", "f(‸)", ")", Reason.REPEATS_SUFFIX, is_final=True),
    Case("the quote behind the cursor", 'print("‸")', 'hello")', "hello", is_final=True),
    Case("an escaped quote", 'print("‸")', 'say \\"hi\\"")', 'say \\"hi\\"', is_final=True),
    Case("another quote in quotes", 'print("‸")', "it's\")", "it's", is_final=True),
    Case("words behind the cursor", "for ‸ in items:", "item in items:", "item", is_final=True),
    Case("the beginning of those words", "for ‸ in items:", "item in", "item"),
    Case("a short rest", "a = ‸ b", "c + b", "c +"),
    Case("blanks behind the cursor are nothing", "f(a‸   ", ", b)", ", b)"),
    # Brackets and quotes that nothing behind the cursor closes may be closed, once.
    Case("a bracket that is still open", "f(‸", "a, b)", "a, b)"),
    Case("closed twice", "f(‸", "a, b))", "a, b)", is_final=True),
    Case("open, with code below", "x = f(‸\ny = 1\n", "a)", "a)"),
    Case("a quote that is still open", 'x = f("‸', 'a")', 'a")'),
    Case("closed on a line below", "f(\n    ‸\n)", "a,\n    b,\n)", "a,\n    b,", is_final=True),
    # A block, with lines below.
    Case("a line that is there already", BODY, "x = 1\n    return x", "x = 1", is_final=False),
    Case("and more after it", BODY, "x = 1\n    return x\nz", "x = 1", is_final=True),
    Case("its beginning", BODY, "x = 1\n    retu", "x = 1"),
    Case("too short to tell", BODY, "x = 1\n    r", "x = 1\n    r"),
    Case("blank lines between", "if a:\n    ‸\n\n\n    return x\n", "x = 1\n    return x\nz", "x = 1", True),
    Case("the first line repeats", BODY, "return x\n    y", Reason.REPEATS_SUFFIX, True),
    Case("completed to what follows", "def f():\n    retu‸\n    return x\n", "rn x", Reason.REPEATS_SUFFIX),
    Case("deeper, but telling", "if a:\n    ‸\nreturn total\n", "b()\n    return total\n", "b()", is_final=True),
    Case("deeper, and not telling", "if a:\n    ‸\nelse:\n", ELSE, ELSE),
    Case("a brace", "f() {\n  ‸\n}\n", "g();\n}\n", "g();", is_final=True),
    Case("CRLF below", "def f():\r\n    ‸\r\n    return x\r\n", "x = 1\n    return x\ny", "x = 1", is_final=True),
    Case("two lines below", "a = 1\n‸\nb = 2\nc = 3\n", "d = 4\nb = 2\nc = 3\ne = 5", "d = 4", is_final=True),
    # The end of the scope.
    Case("less indented", "def f():\n    x = 1\n    ‸", "y = 2\nz = 3\n", "y = 2", is_final=True),
    Case("a body ends", "def f():‸", "\n    return 1\nprint(f())\n", "\n    return 1", is_final=True),
    Case("a body goes on", "if a:‸", "\n    b()\nelse:\n    c()\n", "\n    b()\nelse:\n    c()"),
    Case("blank lines inside", "def f():‸", "\n    a = 1\n\n    return a", "\n    a = 1\n\n    return a"),
    # What models say beside code.
    Case("a code fence around it", "def f():\n    ‸", "```python\nreturn 1\n```\nThis returns 1.", "return 1", True),
    Case("a code fence after it", "x = ‸", "1\n```\nDone.", "1", is_final=True),
    Case("nothing but a fence", "x = ‸", "```", Reason.CODE_FENCE),
    Case("a control token", "x = ‸", "1<|endoftext|>y", "1", is_final=True),
    Case("only a control token", "x = ‸", "<fim_middle>", Reason.CONTROL_TOKEN, is_final=True),
    Case("a line again and again", "‸", "f(a, b, c)\n" * 5, "f(a, b, c)", is_final=True),
    Case("two lines again and again", "‸", "first = 1\nsecond = 2\n" * 3, "first = 1\nsecond = 2", is_final=True),
    Case("short lines may repeat", "x = [\n    ‸\n]", "1,\n    1,\n    1,", "1,\n    1,\n    1,"),
]  # fmt: skip


@pytest.mark.parametrize("case", GROWING, ids=lambda case: case.name)
def test_while_it_grows(case):
    """Without the filters that look at a text that has ended, which a table of syntax below has."""
    cleaned = clean(case.raw, view_at(case.document, "plain" if "{" in case.document else "python"), is_done=False)
    assert (outcome(cleaned), cleaned.is_final) == (case.expected, case.is_final)


@pytest.mark.parametrize("language_id", ["javascript", "typescript"])
@pytest.mark.parametrize(
    ("document", "raw", "expected"),
    [
        ("function f() {‸}", "\n  return 1;\n}", "\n  return 1;\n"),
        ("  function f() {‸}", "\n    return 1;\n  }", "\n    return 1;\n  "),
        ("function f() {‸\n}\n", "\n  return 1;\n}\n", "\n  return 1;"),
        ("function f() {‸", "\n  return 1;\n}\n\nf();\n", "\n  return 1;\n}"),
        ("function f() {\n  if (a) {\n    ‸\n}\n", "b();\n  }\n  c();", "b();\n  }"),
        ("function f() {\n  if (a) {\n    ‸\n  }\n}\n", "b();\n  } else {\n    c();\n  }", "b();"),
        ("f(‸);", "a, () => { b(); });", "a, () => { b(); }"),
        ("f('‸');", "it');", "it"),
        ("f(`‸`);", "a ${b} c`);", "a ${b} c"),
        ("if (a) {‸", "\n  b();\n} else {\n  c();\n}\nd();", "\n  b();\n} else {\n  c();\n}"),
    ],
)
def test_braces(language_id, document, raw, expected):
    unit = StopUnit.BLOCK if "{‸}" in document else None
    check(language_id, document, raw, expected, unit=unit)


@pytest.mark.parametrize(
    ("language_id", "document", "raw", "expected"),
    [
        ("python", "def f(a, b):\n    ‸", "return a + b", "return a + b"),
        ("python", "def f(a, b):\n    ‸", "return a b", Reason.SYNTAX_ERROR),
        ("python", "def f(a, b):\n    ‸", "x = a\n    return x x\n    y", "x = a"),
        ("python", "x = foo(‸", "a, b)", "a, b)"),
        ("python", "x = foo(‸", "a b)", Reason.SYNTAX_ERROR),
        ("python", "x = foo(‸)\n", "a b", Reason.SYNTAX_ERROR),
        ("python", "x = = ‸\n", "1", "1"),  # the error was there
        ("python", "try:\n    ‸\n", "foo()", "foo()"),  # so it was here, where a clause is still to come
        ("python", "if a:\n    b()\n‸\nelse:\n    c()\n", "x = 1", Reason.SYNTAX_ERROR),  # it breaks what follows
        ("python", "def f():\n    ‸", "if a:\n        return {", "if a:\n        return {"),  # a beginning
        ("python", "# ‸\n", "we don't know (yet", "we don't know (yet"),
        ("python", 'def f():\n    """Say ‸\n    """\n', "it isn't so", "it isn't so"),
        ("javascript", "const a = ‸;\n", "b c", Reason.SYNTAX_ERROR),
        ("javascript", "const a = ‸;\n", "b + c", "b + c"),
        ("javascript", "function f() {\n  ‸\n}\n", "if (a) {\n    b();", "if (a) {\n    b();"),
        ("typescript", "const a: ‸ = 1;\n", "number | string", "number | string"),
        ("go", "package a\n\nfunc f() int {\n\t‸\n}\n", "return return 1", Reason.SYNTAX_ERROR),
        ("go", "package a\n\nfunc f() int {\n\t‸\n}\n", "x := 1\n\treturn x", "x := 1\n\treturn x"),
        ("rust", "fn f() -> u8 {\n    ‸\n}\n", "let x = 1;\n    x", "let x = 1;\n    x"),
        ("rust", "fn f() -> u8 {\n    ‸\n}\n", "let let x = 1;", Reason.SYNTAX_ERROR),
        ("java", "class A {\n    int f() {\n        ‸\n    }\n}\n", "return 1;", "return 1;"),
        ("java", "class A {\n    int f() {\n        ‸\n    }\n}\n", "return int 1;", Reason.SYNTAX_ERROR),
        ("c", "int f(int a) {\n  ‸\n}\n", "return a;", "return a;"),
        ("c", "int f(int a) {\n  ‸\n}\n", "return a a);", Reason.SYNTAX_ERROR),
        ("php", "<?php\nfunction f($a) {\n    ‸\n}\n", "return $a;", "return $a;"),
        ("json", '{\n  "a": ‸\n}\n', "[1, 2]", "[1, 2]"),
        ("json", '{\n  "a": ‸\n}\n', "[1 2]", Reason.SYNTAX_ERROR),
        ("shellscript", "if a; then\n  ‸\nfi\n", "echo )", "echo"),
        ("markdown", "# A\n\n‸", "It's (so", "It's (so"),
    ],
)
def test_syntax(language_id, document, raw, expected):
    check(language_id, document, raw, expected)


def test_an_error_at_the_end_of_a_text_that_was_broken_off_is_none():
    view = view_at("def f(a, b):\n    ‸")
    assert clean("return a if", view, is_whole=False).text == "return a if"
    assert clean("return a if", view).dropped is Reason.SYNTAX_ERROR
    assert clean("x = a\n    return a if", view, is_whole=False).text == "x = a"


def test_the_scope_ends_by_the_tree_where_the_indentation_does_not_tell():
    document = "function f() {\nif (a) {‸\n"
    check("javascript", document, "\nb();\n}\nc();\n}", "\nb();\n}")


@pytest.mark.parametrize(
    ("document", "raw", "expected"),
    [
        ("def f():\n\tif a:\n\t\t‸\n", "if b:\n            c()", "if b:\n\t\t\tc()"),
        ("def f():\n\tif a:\n\t\t‸\n", "if b:\n\t\t\tc()", "if b:\n\t\t\tc()"),
        ("def f():\n  if a:\n    ‸\n", "if b:\n\t\t\tc()", "if b:\n      c()"),
        ("def f():\n  if a:\n    ‸\n", "if b:\n        c()\n        d()", "if b:\n      c()\n      d()"),
        ("def f():\n    if a:\n        ‸\n", "if b:\n          c()", "if b:\n            c()"),
        ("def f():\n    if a:\n        ‸\n", "b = g(c,\n              d)", "b = g(c,\n              d)"),
        ("x = 1\n‸\n", "if a:\n  b()", "if a:\n  b()"),
        ("def f():\n\ta\n‸\n", "def g():\n    b()", "def g():\n\tb()"),
    ],
)
def test_the_files_indentation(document, raw, expected):
    cleaned = check("python", document, raw, expected)
    assert cleaned.changes == ((Reason.INDENTATION,) if raw != expected else ())


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("if a:\r\n    ‸\r\n", "b()\r\n    c()"),
        ("if a:\r\n    ‸", "b()\r\n    c()"),
        ("if a:\n    ‸\r\n", "b()\r\n    c()"),
        ("if a:\r    ‸\r", "b()\r    c()"),
        ("if a:\n    ‸\n", "b()\n    c()"),
    ],
)
def test_the_files_line_ends(document, expected):
    view = view_at(document)
    assert in_files_line_ends("b()\n    c()", view.lines, view.cursor.line) == expected
    assert clean("b()\r\n    c()", view).text == "b()\n    c()"  # until they are put in, line feeds hold
    assert in_files_line_ends("b()", view.lines, view.cursor.line) == "b()"


ABOVE = "def f():\n    first = read(a)\n    second = write(b)\n    third = close(c)\n    ‸"


@pytest.mark.parametrize(
    ("document", "raw", "expected"),
    [
        ("x = compute(1)\n‸\n", "x = compute(1)", Reason.REPEATS_ABOVE),
        ("x = compute(1)\nx = com‸\n", "pute(1)", Reason.REPEATS_ABOVE),
        ("x = compute(1)\n‸\n", "y = compute(1)", "y = compute(1)"),
        ("x = 1\n‸\n", "x = 1", "x = 1"),  # too short to tell
        (ABOVE, "first = read(a)\n    second = write(b)\n    third = close(c)", Reason.REPEATS_ABOVE),
        (ABOVE, "x = 1\n    first = read(a)\n    second = write(b)\n    third = close(c)", "x = 1"),
        (ABOVE, "first = read(d)\n    second = write(b)", "first = read(d)\n    second = write(b)"),
    ],
)
def test_lines_above(document, raw, expected):
    check("python", document, raw, expected)


@pytest.mark.parametrize(
    ("language_id", "document", "raw", "expected"),
    [
        ("python", "‸", "src/app/main.py", Reason.LONE_PATH),
        ("python", "# ‸", "src/app/main.py", Reason.LONE_PATH),
        ("python", "‸", "# path: src/app/main.py", Reason.LONE_PATH),
        ("python", "‸", "own/name.py", Reason.LONE_PATH),
        ("javascript", "‸", "// C:\\src\\main.js", Reason.LONE_PATH),
        ("python", "x = open('‸')", "src/app/main.py", "src/app/main.py"),
        ("python", "x = ‸", "a / b.c", "a / b.c"),
        ("python", "‸", "# src/app/main.py\nimport a", "# src/app/main.py\nimport a"),
    ],
)
def test_a_path_alone(language_id, document, raw, expected):
    check(language_id, document, raw, expected, path="own/name.py")


@pytest.mark.parametrize(
    ("deleted", "raw", "expected"),
    [
        ("return a + b", "return a + b", Reason.JUST_DELETED),
        ("return a + b", "return a", Reason.JUST_DELETED),
        ("return a", "return a + b", Reason.JUST_DELETED),
        ("  return a\r\n", "return a", Reason.JUST_DELETED),
        ("b", "b", Reason.JUST_DELETED),
        ("b", "break", "break"),
        ("", "return a", "return a"),
        ("return b", "return a", "return a"),
    ],
)
def test_what_was_just_deleted(deleted, raw, expected):
    check("python", "for a in b:\n    ‸", raw, expected, deleted=deleted)


def test_what_was_dismissed_stays_so_while_it_is_typed():
    dismissed = [view_at("def f():\n    ‸").completed("return a + b")]
    check("python", "def f():\n    ‸", "return a + b", Reason.DISMISSED, dismissed=dismissed)
    check("python", "def f():\n    ret‸", "urn a + b", Reason.DISMISSED, dismissed=dismissed)
    check("python", "def f():\n    ‸", "return a", "return a", dismissed=dismissed)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("ret", ""), ("return a + b", ""), ("return a + b\n    more", ""), ("return b", "return b"), ("x", "x")],
)
def test_a_growing_text_that_may_be_refused_is_not_shown_as_yet(raw, shown):
    dismissed = [view_at("def f():\n    ‸").completed("return a + b")]
    for more in ({"dismissed": dismissed}, {"deleted": "return a + b"}):
        cleaned = clean(raw, view_at("def f():\n    ‸", **more), is_done=False)
        assert (cleaned.text, cleaned.dropped, cleaned.is_final) == (shown, None, False)


def test_reasons_are_given_in_order_and_the_last_one_drops():
    cleaned = clean("```\nx = = 1\n```\n", view_at("‸"))
    assert (cleaned.dropped, cleaned.changes) == (Reason.SYNTAX_ERROR, (Reason.CODE_FENCE,))


texts = st.lists(
    st.sampled_from(["a", "return x", *"()[]{}\"'`#\\\n:;", "    ", "\t", "é", "```", "/*", "<|a|>", "\r\n"]),
    max_size=12,
).map("".join)
languages = st.sampled_from(["python", "javascript", "rust", "go", "ruby", "json", "markdown"])


@settings(deadline=None)
@given(languages, texts, texts, texts, texts)
def test_what_is_final_stays_whatever_comes(language_id, before, after, raw, more):
    view = view_at(before + CURSOR + after, language_id)
    cleaned = clean(raw, view, is_done=False)
    if cleaned.is_final:
        longer = clean(raw + more, view, is_done=False)
        assert (longer.text, longer.is_final) == (cleaned.text, True)


@settings(deadline=None)
@given(languages, texts, texts, texts)
def test_any_text_is_blank_with_a_reason_or_offered_in_whole_lines_of_its_kind(language_id, before, after, raw):
    view = view_at(before + CURSOR + after, language_id)
    cleaned = clean(raw, view)
    assert outcome(cleaned)
    assert view.unit is not StopUnit.LINE or "\n" not in cleaned.text
    assert cleaned == clean(raw, view)


def test_whatever_drops_a_text_is_a_reason_for_an_empty_answer():
    only_change = {Reason.INDENTATION, Reason.UNFINISHED_LINE, Reason.TOO_LONG, Reason.REPEATS_ITSELF}
    assert {reason.value for reason in Reason} - {reason.value for reason in EmptyReason} == {
        reason.value for reason in only_change
    }

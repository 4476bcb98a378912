"""A line or a block: one table, where `|` is the cursor; the rule holds with a syntax tree and without."""

import pytest

from plt_engine.types import StopUnit
from plt_lsp.documents import split_lines
from plt_lsp.extent import Why, extent_at
from plt_lsp.positions import Cursor
from plt_lsp.syntax.tree import SyntaxTree

LINE, BLOCK = StopUnit.LINE, StopUnit.BLOCK


def at(document: str) -> tuple[list[str], Cursor]:
    before, mark, after = document.partition("|")
    assert mark
    rows = split_lines(before)
    return split_lines(before + after), Cursor(len(rows) - 1, len(rows[-1]))


def check(language_id: str, document: str, unit: StopUnit, why: Why, *, needs_tree: bool = False) -> None:
    lines, cursor = at(document)
    tree = SyntaxTree.parse(language_id, lines)
    assert isinstance(tree, SyntaxTree)
    extent = extent_at(lines, cursor, language_id, tree)
    assert (extent.unit, extent.why) == (unit, why)
    if not needs_tree:
        assert extent_at(lines, cursor, language_id) == extent


PYTHON = [
    ("def f(a, b):\n    |", BLOCK, Why.EMPTY_BODY),
    ("def f(a, b):\n    |\n\n\ndef g():\n    pass\n", BLOCK, Why.EMPTY_BODY),
    ("def f(a, b):|", BLOCK, Why.OPENS_BLOCK),
    ("def f(\n    a,\n    b,\n) -> int:\n    |", BLOCK, Why.EMPTY_BODY),
    ("class A:\n    |", BLOCK, Why.EMPTY_BODY),
    ("if a:\n    b()\nelse:\n    |\n", BLOCK, Why.EMPTY_BODY),
    ("def f():\n    # Why.\n    |", BLOCK, Why.EMPTY_BODY),
    ("def f():\n    x = 1\n    |\n", BLOCK, Why.STATEMENT),
    ("|", BLOCK, Why.STATEMENT),
    ("def |", BLOCK, Why.DEFINITION),
    ("async def f|", BLOCK, Why.DEFINITION),
    ("x = |", LINE, Why.EXPRESSION),
    ("return |", LINE, Why.EXPRESSION),
    ("x: |", LINE, Why.EXPRESSION),
    ("retu|", LINE, Why.EXPRESSION),
    ("x = a + \\\n    |", LINE, Why.EXPRESSION),
    ("x = lambda: |", LINE, Why.EXPRESSION),
    ("f(|", LINE, Why.ARGUMENTS),
    ("f(a,\n  |\n", LINE, Why.ARGUMENTS),
    ("x = [\n    |\n]\n", LINE, Why.ARGUMENTS),
    ("f(|)", LINE, Why.TEXT_AFTER),
    ("for |:\n", LINE, Why.TEXT_AFTER),
    ("x = {|}", LINE, Why.TEXT_AFTER),
    ("x = '|", LINE, Why.STRING),
    ("x = 1  # because |\ny = 2\n", LINE, Why.COMMENT),
    ('def f():\n    """Say\n    |\n    """\n', LINE, Why.STRING),
    ('def f():\n    """Done."""|\n', LINE, Why.EXPRESSION),
    ("if f'{a}':\n    |\n", BLOCK, Why.EMPTY_BODY),
]
SCRIPT = [
    ("function f(a, b) {\n  |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("function f(a, b) {|}", BLOCK, Why.OPENS_BLOCK),
    ("function f(a, b) {|", BLOCK, Why.OPENS_BLOCK),
    ("const f = (a) => {\n  |\n};\n", BLOCK, Why.EMPTY_BODY),
    ("f(() => {\n  |\n});\n", BLOCK, Why.EMPTY_BODY),
    ("f(() => {|});\n", BLOCK, Why.OPENS_BLOCK),
    ("function f() {\n  a();\n  |\n}\n", BLOCK, Why.STATEMENT),
    ("export async function |", BLOCK, Why.DEFINITION),
    ("class A |", BLOCK, Why.DEFINITION),
    ("switch (a) {\n  case 1:\n    |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("const a = |", LINE, Why.EXPRESSION),
    ("function f() {\n  const a =\n    |\n}\n", LINE, Why.EXPRESSION),
    ("function f() {\n  i++\n  |\n}\n", BLOCK, Why.STATEMENT),
    ("f(a, |", LINE, Why.ARGUMENTS),
    ("f(|);", LINE, Why.TEXT_AFTER),
    ("// say |\n", LINE, Why.COMMENT),
    ("/**\n * |\n */\n", LINE, Why.COMMENT),
    ("/* a */|\n", LINE, Why.EXPRESSION),
    ("const a = `x |", LINE, Why.STRING),
]
GO = [
    ("package a\n\nfunc f(a int) int {\n\t|\n}\n", BLOCK, Why.EMPTY_BODY),
    ("package a\n\nfunc |", BLOCK, Why.DEFINITION),
    ("package a\n\nfunc f() {\n\tif err != nil {|}\n}\n", BLOCK, Why.OPENS_BLOCK),
    ("package a\n\nfunc f() {\n\tx := |\n}\n", LINE, Why.EXPRESSION),
    ("package a\n\nfunc f() {\n\tg(a, |\n}\n", LINE, Why.ARGUMENTS),
    ("package a\n\n// f does |\n", LINE, Why.COMMENT),
    ("package a\n\nvar s = `x|\n", LINE, Why.STRING),
]
RUST = [
    ("fn f(a: u8) -> u8 {\n    |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("fn f<'a>(a: &'a str) {\n    |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("pub(crate) fn f(a: u8) -> |", BLOCK, Why.DEFINITION),
    ("impl A for |", BLOCK, Why.DEFINITION),
    ("fn f() {\n    let x = |\n}\n", LINE, Why.EXPRESSION),
    ('fn f() {\n    println!("{} |\n}\n', LINE, Why.STRING),
    ("fn f() {\n    g(|\n}\n", LINE, Why.ARGUMENTS),
    ("/// Says |\nfn f() {}\n", LINE, Why.COMMENT),
]
JAVA = [
    ("class A {\n    int f(int a) {\n        |\n    }\n}\n", BLOCK, Why.EMPTY_BODY),
    ("class A {\n    |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("public final class |", BLOCK, Why.DEFINITION),
    ("class A {\n    int f() {\n        return |\n    }\n}\n", LINE, Why.EXPRESSION),
    ("class A {\n    int f() {\n        g(|);\n    }\n}\n", LINE, Why.TEXT_AFTER),
    ("class A {\n    char c = '|';\n}\n", LINE, Why.TEXT_AFTER),
    ("class A {\n    /** Says |\n     */\n}\n", LINE, Why.COMMENT),
]
C = [
    ("int f(int a) {\n  |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("int f(int a)\n{\n  |\n}\n", BLOCK, Why.EMPTY_BODY),
    ("struct point |", BLOCK, Why.DEFINITION),
    ("int f(int a) {\n  if (a) {|}\n}\n", BLOCK, Why.OPENS_BLOCK),
    ("int f(int a) {\n  return a + |\n}\n", LINE, Why.EXPRESSION),
    ('int f(int a) {\n  printf("%d |\n}\n', LINE, Why.STRING),
    ("int f(int a) {\n  g(a, |\n}\n", LINE, Why.ARGUMENTS),
    ("/* says |\n */\nint a;\n", LINE, Why.COMMENT),
]
OTHERS = [
    ("ruby", "[1].each do|\n", BLOCK, Why.OPENS_BLOCK),
    ("lua", "if a then\n  |\nend\n", BLOCK, Why.EMPTY_BODY),
    ("shellscript", "for a in b; do\n  |\ndone\n", BLOCK, Why.EMPTY_BODY),
    ("markdown", "Some text that |\n", LINE, Why.PROSE),
    ("yaml", "a: |\n", LINE, Why.EXPRESSION),
]


@pytest.mark.parametrize(("document", "unit", "why"), PYTHON)
def test_python(document, unit, why):
    check("python", document, unit, why)


@pytest.mark.parametrize("language_id", ["javascript", "typescript", "typescriptreact"])
@pytest.mark.parametrize(("document", "unit", "why"), SCRIPT)
def test_javascript_and_typescript(language_id, document, unit, why):
    check(language_id, document, unit, why)


@pytest.mark.parametrize(
    ("language_id", "document", "unit", "why"),
    [(name, *case) for name, cases in (("go", GO), ("rust", RUST), ("java", JAVA), ("c", C)) for case in cases],
)
def test_languages_with_braces(language_id, document, unit, why):
    check(language_id, document, unit, why)


@pytest.mark.parametrize(("language_id", "document", "unit", "why"), OTHERS)
def test_other_languages(language_id, document, unit, why):
    check(language_id, document, unit, why)


def test_only_the_tree_knows_a_string_that_began_far_above():
    document = 'def f():\n    """Say\n' + "    so and so,\n" * 300 + '    |\n    """\n'
    check("python", document, LINE, Why.STRING, needs_tree=True)
    lines, cursor = at(document)
    assert extent_at(lines, cursor, "python").unit is BLOCK


@pytest.mark.parametrize("unit", [LINE, BLOCK])
@pytest.mark.parametrize("document", ["def f():\n    |", "x = |", "# |"])
def test_the_user_can_force_either(document, unit):
    lines, cursor = at(document)
    extent = extent_at(lines, cursor, "python", forced=unit)
    assert (extent.unit, extent.why) == (unit, Why.FORCED)


def test_a_language_without_grammar_goes_by_its_text():
    lines, cursor = at("proc f {} {\n    |\n}\n")
    assert extent_at(lines, cursor, "tcl").unit is BLOCK
    lines, cursor = at("set x |\n")
    assert extent_at(lines, cursor, "tcl").unit is LINE

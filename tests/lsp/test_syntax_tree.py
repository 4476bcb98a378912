"""Syntax trees: every grammar loads and parses, and the tree after any edits equals a fresh one."""

import subprocess
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.syntax import tree as tree_module
from plt_lsp.syntax.grammars import GRAMMARS, language_of
from plt_lsp.syntax.tree import NoTree, SyntaxTree, encoded
from plt_lsp.syntax.tree_cache import MAX_TREES, TreeCache

TYPESCRIPT = "interface A { x: number }\nexport function f<T>(a: T): T {\n  return a as any;\n}\n"
SOURCES = {
    "python": 'class A:\n    """é."""\n    def f(self, a=1):\n        if a:\n            return [f"{x}" for x in a]\n',
    "typescript": TYPESCRIPT,
    "typescriptreact": TYPESCRIPT + "const x = <p className='a'>{1}</p>;\n",
    "javascript": "const a = 1;\nfunction f(x) {\n  if (x) { return `t ${a}`; }\n  return /re/g\n}\n",
    "javascriptreact": "const x = <p>{1}</p>;\n",
    "go": "package main\n\nfunc f(a int) (int, error) {\n\tx := []int{1, a}\n\treturn x[0], nil\n}\n",
    "rust": "fn f<'a>(x: &'a str) -> Option<u8> {\n    match x { \"a\" => Some(1), _ => None }\n}\n",
    "java": "class A {\n    int f(int a) {\n        return a + 1;\n    }\n}\n",
    "c": "#include <a.h>\nint f(int a) {\n  /* c */\n  if (a) return b[1];\n  return 0;\n}\n",
    "cpp": "template <class T> T f(T a) {\n  return a;\n}\n",
    "csharp": "class A { int F(int a) => a; }\n",
    "ruby": 'class A\n  def f(a)\n    puts "#{a}"\n  end\nend\n',
    "php": '<?php\nfunction f($a) {\n    return "x $a";\n}\n',
    "shellscript": 'if [ -f a ]; then\n  cat "$x" <<EOF\nabc\nEOF\nfi\n',
    "lua": "local function f(a)\n  return [[x]]\nend\n",
    "json": '{"a": [1, 2, {"b": null}], "c": "é"}\n',
    "jsonc": '{\n  // why\n  "a": 1\n}\n',
    "yaml": "a: 1\nb:\n  - c\n  - d: e\n",
    "toml": "[a]\nb = 1\nc = [1, 2]\n",
    "markdown": "# a\n\ntext\n\n- a\n- b\n\n```py\nx\n```\n",
    "html": "<html><body><p class='a'>x</p></body></html>\n",
    "css": "a { color: red; }\n",
}


def parsed(language_id: str, text: str) -> SyntaxTree:
    tree = SyntaxTree.parse(language_id, text)
    assert isinstance(tree, SyntaxTree)
    return tree


def every_node(tree: SyntaxTree) -> list[tuple]:
    """All that can be seen of a tree, in its order."""
    seen, cursor = [], tree.tree.walk()
    while True:
        node = cursor.node
        seen.append((node.type, node.range, node.is_missing, node.is_error, cursor.depth, cursor.field_name))
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return seen


@pytest.mark.parametrize("language_id", SOURCES)
def test_each_grammar_parses_its_language(language_id):
    tree = parsed(language_id, SOURCES[language_id])
    assert not tree.root.has_error
    assert tree.root.end_byte == len(SOURCES[language_id].encode())


def test_every_language_id_has_a_grammar_that_loads():
    assert set(SOURCES) <= set(GRAMMARS)
    assert [language_id for language_id in GRAMMARS if language_of(language_id) is None] == []


def test_a_grammar_is_loaded_when_it_is_asked_for():
    code = """if True:
        import sys
        from plt_lsp.syntax.tree import SyntaxTree
        before = {name for name in sys.modules if name.startswith("tree_sitter_")}
        SyntaxTree.parse("go", "package a")
        print(before, {name for name in sys.modules if name.startswith("tree_sitter_") and "." not in name})
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set() {'tree_sitter_go'}"


def test_no_grammar_no_tree():
    assert SyntaxTree.parse("plaintext", "x") is NoTree.NO_GRAMMAR


def test_a_large_text_has_no_tree_and_an_edit_can_make_it_one():
    line = "x = 1\n"
    text = line * (tree_module.MAX_TREE_CHARS // len(line))
    tree = parsed("python", text)
    assert tree.edit(Cursor(0, 0), Cursor(0, 0), "y = 2\n") is NoTree.TOO_LARGE
    assert SyntaxTree.parse("python", text + line) is NoTree.TOO_LARGE


@dataclass(frozen=True)
class Edit:
    """An edit in fractions, which become a place when the text is known."""

    line: float
    start: float
    end: float
    num_lines: int
    text: str


PIECES = [
    *"(){}[]:'\"=;#`<>",
    "x",
    "1",
    "\n",
    "\r",
    "\r\n",
    "    ",
    "\t",
    "//",
    "/*",
    "é",
    "😀",
    "\ud83d",
    "def f():\n",
]
fractions = st.floats(0, 1)
edits = st.builds(
    Edit,
    fractions,
    fractions,
    fractions,
    st.sampled_from([0, 0, 0, 1, 2]),
    st.lists(st.sampled_from(PIECES), max_size=3).map("".join),
)


def place(tree: SyntaxTree, line: int, fraction: float) -> Cursor:
    return Cursor(line, round(fraction * len(content_of(tree.lines[line]))))


def apply(tree: SyntaxTree, edit: Edit) -> SyntaxTree:
    last = len(tree.lines) - 1
    line = round(edit.line * last)
    start, end = place(tree, line, edit.start), place(tree, min(last, line + edit.num_lines), edit.end)
    after = tree.edit(min(start, end), max(start, end), edit.text)
    assert isinstance(after, SyntaxTree)
    return after


@pytest.mark.parametrize("language_id", SOURCES)
@settings(max_examples=15, deadline=None)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_the_tree_after_edits_equals_a_fresh_one(language_id, changes):
    tree = first = parsed(language_id, SOURCES[language_id])
    for edit in changes:
        tree = apply(tree, edit)
        fresh = parsed(language_id, "".join(tree.lines))
        assert tree.lines == fresh.lines
        assert every_node(tree) == every_node(fresh)
    assert every_node(first) == every_node(parsed(language_id, SOURCES[language_id]))
    advanced = first.advanced(tree.lines)
    assert isinstance(advanced, SyntaxTree)
    assert every_node(advanced) == every_node(tree)


@pytest.mark.parametrize("language_id", ["python", "javascript", "go", "rust", "c"])
def test_a_large_tree_after_an_edit_without_errors_equals_a_fresh_one(language_id):
    source = SOURCES[language_id]
    tree = parsed(language_id, source * (2 + tree_module.MAX_FRESH_CHARS // len(source)))
    row = len(tree.lines) // 2
    for text in ("\n", "\n\n", "//" if language_id != "python" else "#"):
        end = Cursor(row, len(content_of(tree.lines[row])))
        edited = tree.edit(end, end, text)
        assert isinstance(edited, SyntaxTree)
        fresh = parsed(language_id, "".join(edited.lines))
        assert not fresh.root.has_error
        assert every_node(edited) == every_node(fresh)


@pytest.mark.parametrize(
    ("text", "cursor", "point"),
    [
        ("abc", Cursor(0, 2), (0, 2)),
        ("é😀x", Cursor(0, 2), (0, 6)),
        ("a\rb\r\nc\nd", Cursor(3, 1), (3, 1)),
        ("a\x0c\u2028é\nx", Cursor(0, 4), (0, 7)),
    ],
)
def test_places_are_characters_outside_and_bytes_inside(text, cursor, point):
    tree = parsed("python", text)
    assert tree.point(cursor) == point
    assert tree.cursor(tree.point(cursor)) == cursor


@settings(deadline=None)
@given(st.text(alphabet="a\r\né😀\ud83d", max_size=12))
def test_a_carriage_return_alone_ends_a_row_of_the_tree(text):
    tree = parsed("python", text)
    data = encoded(tree.lines)
    assert data.count(b"\n") == len(tree.lines) - 1
    assert [
        row
        for row, line in enumerate(data.split(b"\n"))
        if line.rstrip(b"\r") != encoded([content_of(tree.lines[row])])
    ] == []


def test_a_documents_tree_is_made_from_the_one_before():
    cache = TreeCache()
    lines = ("def f():\n", "    return 1\n", "")
    first = cache.tree_of("a", "python", lines)
    assert cache.tree_of("a", "python", lines) is first
    changed = ("def f():\n", "    return 22\n", "")
    second = cache.tree_of("a", "python", changed)
    assert isinstance(second, SyntaxTree)
    assert every_node(second) == every_node(parsed("python", "".join(changed)))
    assert cache.tree_of("b", "plaintext", lines) is NoTree.NO_GRAMMAR
    other = cache.tree_of("a", "go", lines)
    assert isinstance(other, SyntaxTree)
    assert other.language_id == "go"
    cache.forget("a")
    assert len(cache) == 0


def test_only_so_many_trees_are_kept():
    cache = TreeCache()
    for i in range(MAX_TREES + 2):
        cache.tree_of(f"buffer-{i}", "python", ("x = 1\n", ""))
    assert len(cache) == MAX_TREES

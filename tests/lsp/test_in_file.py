"""What the model sees of a file that is longer than the budget: whole lines within it, and steady while one types."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_lsp.context.prompt import build_prompt, context_of, fits_whole, prefix_window, suffix_window
from plt_lsp.context.report import Source
from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.settings import ContextSettings, Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.frame import frame_lines
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.syntax.tree_cache import TreeCache
from tests.lsp import samples
from tests.lsp.snapshots import CURSOR, snapshot_at


def budgets(max_prefix: int, max_suffix: int = 1000) -> Settings:
    return Settings(context=ContextSettings(max_prefix_chars=max_prefix, max_suffix_chars=max_suffix))


def outline_around(
    snapshot: Snapshot, frames: FrameCache | None = None, trees: TreeCache | None = None
) -> Outline | None:
    session_id, language_id, lines = snapshot.session_id, snapshot.language_id, snapshot.lines
    row, known = snapshot.cursor.line, trees or TreeCache()

    def whole() -> SyntaxTree | None:
        tree = known.tree_of(session_id, language_id, lines)
        return tree if isinstance(tree, SyntaxTree) else None

    return (frames or FrameCache()).outline_of(session_id, language_id, lines, row, whole)


def test_every_language_has_a_sample():
    assert set(samples.ALL) == {
        *("python", "typescript", "javascript", "typescriptreact", "go", "rust", "java", "c", "cpp", "csharp", "ruby"),
        *("php", "shellscript", "lua", "json", "yaml", "toml", "markdown", "html", "css"),
    }


@pytest.mark.parametrize("language_id", samples.ALL)
def test_what_is_shown_of_a_long_file(language_id):
    assert samples.prompt_text(language_id) == samples.expected(language_id, "prompt")


@pytest.mark.parametrize("language_id", samples.ALL)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_budget_holds_and_the_cursors_line_is_whole(language_id, data):
    text = samples.sample(language_id).replace(CURSOR, data.draw(st.sampled_from(["", "(", "é😀", '"', "}"])))
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n"])))
    lines = split_lines(text)
    row = data.draw(st.integers(0, len(lines) - 1))
    cursor = Cursor(row, data.draw(st.integers(0, len(lines[row].rstrip("\r\n")))))
    limits = budgets(data.draw(st.integers(100, 1500)), data.draw(st.integers(0, 400)))
    snapshot = Snapshot("file:///a", 1, language_id, "b", "a", tuple(lines), cursor, limits)
    outline = outline_around(snapshot)
    context = context_of(snapshot, outline)
    prompt = context.prompt
    assert len(prompt.prefix) <= limits.context.max_prefix_chars
    assert len(prompt.suffix) <= limits.context.max_suffix_chars
    assert "\r" not in prompt.prefix + prompt.suffix
    assert prompt.prefix.rpartition("\n")[2] == snapshot.line_before
    assert prompt.suffix.split("\n")[0] == snapshot.line_after[: limits.context.max_suffix_chars]
    assert prompt == build_prompt(snapshot, outline)
    assert build_prompt(snapshot, outline_around(snapshot)) == prompt
    sides = {False: prompt.prefix, True: prompt.suffix}
    for is_after, side in sides.items():
        parts = [part for part in context.report.parts if (part.source is Source.SUFFIX) == is_after]
        assert sum(part.num_chars for part in parts) == len(side)
    if fits_whole(snapshot):
        assert prompt.prefix + prompt.suffix == text.replace("\r\n", "\n")


@pytest.mark.parametrize("language_id", samples.ALL)
def test_a_file_within_the_budget_is_shown_as_it_is(language_id):
    snapshot = snapshot_at(samples.sample(language_id), language_id=language_id)
    assert fits_whole(snapshot)
    with_outline, without = build_prompt(snapshot, outline_around(snapshot)), build_prompt(snapshot)
    assert with_outline == without
    assert with_outline.prefix + CURSOR + with_outline.suffix == samples.sample(language_id)


def test_without_an_outline_the_lines_around_are_shown():
    text = "".join(f"line {i}\n" for i in range(200))
    snapshot = snapshot_at(text + CURSOR + text, budgets(300, 100), language_id="plaintext")
    assert outline_around(snapshot) is None
    prompt = build_prompt(snapshot)
    assert (prompt.prefix, prompt.suffix) == (
        prefix_window(split_lines(text), 300),
        suffix_window(split_lines(text), 100),
    )
    assert build_prompt(snapshot, Outline("plaintext")) == prompt


def test_a_cell_of_a_notebook_is_shown_with_the_others():
    document = "".join(f"def f{i}():\n    return {i}\n\n\n" for i in range(40)) + CURSOR
    snapshot = snapshot_at(document, budgets(200))
    outline = outline_around(snapshot)
    part = Snapshot(**{name: getattr(snapshot, name) for name in Snapshot.__slots__} | {"lines_before": ("x = 1\n",)})
    assert build_prompt(part, outline) == build_prompt(part)
    assert build_prompt(snapshot, outline) != build_prompt(snapshot)


def test_the_line_of_the_cursor_alone_may_fill_the_budget():
    snapshot = snapshot_at("def f():\n    pass\n" * 20 + "x = " + "1 + " * 24 + CURSOR + "\n", budgets(100))
    assert build_prompt(snapshot, outline_around(snapshot)).prefix == "x = " + "1 + " * 24
    longer = snapshot_at("def f():\n    pass\n" * 20 + "x = " + "1 + " * 99 + CURSOR + "\n", budgets(100))
    assert build_prompt(longer, outline_around(longer)).prefix == ("1 + " * 99)[-len(build_prompt(longer).prefix) :]


METHOD = '''
    def method_{i}(self, value: int) -> int:
        """Compute number {i}."""
        total = value + {i}
        for step in range(total):
            if step % 2:
                total += self.method_{j}(step)
        return total
'''
TYPED = {
    "python": 'result = {"key": [self.size(value, "a b")]}\nif result and (total > 3):\n    for name in result:\n'
    "        print(f'{name}: {result[name]!r}')\nelse:\n    total = max(1, 2)\nreturn [result]\n",
    "typescript": 'const result = new Map([["key", [this.size(value, `a ${b}`)]]]);\nif (result && (total > 3)) {\n'
    "  for (const name of result) {\n    console.log(`${name}: ${name}`);\n  }\n}\nreturn [result];\n",
    "go": 'result := map[string][]int{"key": {s.Size(value, "a b")}}\nif result != nil && (total > 3) {\n'
    "\tfor name := range result {\n\t\tfmt.Println(name, result[name])\n\t}\n}\nreturn len(result) + total + value\n",
}
METHODS = {
    "python": METHOD,
    "typescript": "\n  method{i}(value: number): number {\n    let total = value + {i};\n"
    "    for (const step of [total]) {\n"
    "      if (step % 2) {\n        total += this.method{j}(step);\n      }\n    }\n    return total;\n  }\n",
    "go": "\nfunc (s *Store) Method{i}(value int) int {\n\ttotal := value + {i}\n\tfor step := range total {\n"
    "\t\tif step%2 == 1 {\n\t\t\ttotal += s.Method{j}(step)\n\t\t}\n\t}\n\treturn total\n}\n",
}
HEADS = {
    "python": 'import os\nfrom typing import Any\n\n\nclass Store:\n    """All of it."""\n',
    "typescript": 'import { Unit } from "./units";\n\nexport class Store {\n',
    "go": 'package store\n\nimport "fmt"\n\ntype Store struct {\n\tparts []int\n}\n',
}
ENDS = {"python": "", "typescript": "}\n", "go": ""}


def long_file(language_id: str) -> tuple[list[str], int]:
    """A file of 1200 lines, and the row of an empty line in the middle of a body amid it."""
    num_rows = METHODS[language_id].count("\n")
    methods = [METHODS[language_id].replace("{i}", f"{i}").replace("{j}", f"{i + 1}") for i in range(1200 // num_rows)]
    middle = len(methods) // 2
    head = HEADS[language_id] + "".join(methods[:middle])
    lines = split_lines(head + "".join(methods[middle:]) + ENDS[language_id])
    row = head.count("\n") + 4
    lines.insert(row, "\n")
    return lines, row


@pytest.mark.parametrize("language_id", TYPED)
def test_a_key_press_changes_the_prefix_by_what_is_typed_alone(language_id):
    """In a file that is several times as long as what is shown of it."""
    lines, row = long_file(language_id)
    assert len(lines) > 1150
    indent = {"python": " " * 8, "typescript": " " * 4, "go": "\t"}[language_id]
    frames, trees, prefixes, suffixes, limits = FrameCache(), TreeCache(), [], [], budgets(8000, 1600)
    text = TYPED[language_id].replace("\n", "\n" + indent)
    line = indent
    for char in text[:200]:
        if char == "\n":
            lines[row] = line + "\n"
            row, line = row + 1, ""
            lines.insert(row, "\n")
        else:
            line += char
            lines[row] = line + "\n"
        snapshot = Snapshot("file:///a", 1, language_id, "b", "a", tuple(lines), Cursor(row, len(line)), limits)
        prompt = build_prompt(snapshot, outline_around(snapshot, frames, trees))
        prefixes.append((prompt.prefix, char))
        suffixes.append(prompt.suffix)
    grown = [after == before + char for (before, _), (after, char) in pairwise(prefixes)]
    assert len(prefixes) == 200
    assert grown.count(True) / len(grown) >= 0.95
    same = [a == b for a, b in pairwise(suffixes)]
    assert same.count(True) / len(same) >= 0.95
    assert "Store" in prefixes[-1][0]
    assert lines_of_head(prefixes[-1][0], language_id)


def lines_of_head(prefix: str, language_id: str) -> list[str]:
    """The signatures without bodies in a prefix."""
    mark = {"python": "-> int: ...", "typescript": "{ /* ... */ }", "go": "{ /* ... */ }"}[language_id]
    return [line for line in prefix.split("\n") if line.endswith(mark)]


@pytest.mark.parametrize(
    ("language_id", "text", "row", "expected"),
    [
        ("python", "def f():\n    foo(\n    return 1\n", 1, ""),
        ("python", "def f():\n    if x(:\n        return 1\n", 1, "    if 0:"),
        ("python", "def f():\n    \n\ndef g():\n    pass\n", 1, "    ..."),
        ("python", 'def f():\n    x = """a\n    b"""\n', 1, '    x = """a'),
        ("javascript", "function f() {\n  if (a || ) {\n    b();\n  }\n}\n", 1, "  {"),
        ("javascript", "function f() {\n  if (a || ) {\n}\n", 1, "{ }"),
        ("javascript", "function f() {\n  g(a,\n  \n}\n", 2, ")"),
        ("javascript", "x = `\nfunction f() {\n}\n", 0, ""),
        ("javascript", "if (a) {\n} else if (b( {\n}\n", 1, "} {"),
        ("javascript", "f(`a ${\n}`)\n", 0, "f(`a ${"),
        ("lua", "if x( then\n  y()\nend\n", 0, "do"),
        ("ruby", "if x(\n  y\nend\n", 0, "begin"),
        ("go", "func f() {\n\tx := g(\n}\n", 1, ""),
    ],
)
def test_a_frame_keeps_what_holds_the_other_lines_together(language_id, text, row, expected):
    lines = split_lines(text)
    frame = frame_lines(lines, row, language_id)
    assert frame[row].rstrip("\r\n") == expected
    assert [*frame[:row], *frame[row + 1 :]] == [*lines[:row], *lines[row + 1 :]]


def test_an_outline_is_made_once_for_all_that_is_typed_on_a_line():
    lines, row = long_file("python")
    cache, outlines = FrameCache(), []
    for text in ("x", "x = f(", "x = f(1)", 'x = f("'):
        lines[row] = f"        {text}\n"
        outlines.append(cache.outline_of("b", "python", tuple(lines), row, lambda: None))
    assert outlines[0] is not None
    assert all(outline is outlines[0] for outline in outlines)
    cache.forget("b")
    assert cache.outline_of("b", "python", tuple(lines), row, lambda: None) is not outlines[0]


def test_a_script_without_definitions_shows_its_imports():
    text = "import math\n\n" + "".join(f"print(math.sqrt({i}))\n" for i in range(200)) + CURSOR
    snapshot = snapshot_at(text, budgets(200))
    prefix = build_prompt(snapshot, outline_around(snapshot)).prefix
    assert prefix.startswith("import math\n...\nprint(math.sqrt(19")
    assert prefix.endswith("print(math.sqrt(199))\n")


def test_a_table_longer_than_the_budget_leaves_its_last_rows_before_the_cursor():
    rows = "".join(f"    'name_{i}': {i},\n" for i in range(200))
    text = f"TABLE = {{\n{rows}}}\n\n\ndef f(name):\n    return {CURSOR}\n"
    snapshot = snapshot_at(text, budgets(1000))
    prefix = build_prompt(snapshot, outline_around(snapshot)).prefix
    assert 800 < len(prefix) <= 1000
    assert prefix.startswith("TABLE = {")
    assert "    'name_199': 199,\n}\n\n\ndef f(name):\n    return " in prefix

"""Facts about code, language by language: what is said is right, and what is not certain is not said."""

from pathlib import Path

import pytest

from plt_lsp.explain.kinds import Kind
from plt_lsp.explain.subject import MAX_CODE_CHARS, subject_of
from plt_lsp.explain.whereabouts import Whereabouts, whereabouts
from plt_lsp.explain.wording import facts_text, title_of
from plt_lsp.index.reader import IndexedFile
from plt_lsp.positions import Cursor
from plt_lsp.settings import Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.facts.reading import facts_in
from plt_lsp.syntax.facts.types import Call, Effect, Origin
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp import samples
from tests.lsp.snapshots import CURSOR

GOLDEN = Path(__file__).parent / "samples" / "facts"


def facts_of(language_id, text, first=0, last=None, column=0, end_column=None):
    tree = SyntaxTree.parse(language_id, text)
    assert isinstance(tree, SyntaxTree)
    last = len(tree.lines) - 1 if last is None else last
    end = Cursor(last, len(tree.lines[last].rstrip("\n")) if end_column is None else end_column)
    return facts_in(tree, outline(tree), Cursor(first, column), end)


def golden(language_id):
    """The facts of every definition of a sample."""
    text = samples.sample(language_id).replace(CURSOR, "ready")
    tree = SyntaxTree.parse(language_id, text)
    assert isinstance(tree, SyntaxTree)
    found = outline(tree)
    parts = []
    for one in found.definitions:
        facts = facts_in(tree, found, Cursor(one.rows.first, 0), Cursor(one.rows.last + 1, 0))
        parts.append(f"# {title_of(facts, None)}\n{facts_text(facts, {})}\n")
    return "\n".join(parts)


@pytest.mark.parametrize("language_id", samples.LANGUAGES)
def test_the_facts_of_each_languages_sample(language_id):
    assert golden(language_id) == (GOLDEN / f"{language_id}.md").read_text(encoding="utf-8")


PYTHON = """import os.path
import subprocess as sp
from .store import load, save as keep
from shutil import rmtree

count = 0


def helper():
    pass


async def work(path, rmtree=None):
    global count
    count += 1
    try:
        with open(path) as f:
            raise OSError(path)
    except (OSError, ValueError) as error:
        raise
    finally:
        helper()
    for x in range(3):
        if x:
            return load(x)
    def inner():
        raise KeyError
        return 5
    sp.run(["ls"])
    rmtree(path)
    keep()
    await f.unknown()()
    return None
"""


def test_python_thoroughly():
    facts = facts_of("python", PYTHON, 12, 32)
    assert facts.definition is not None
    assert facts.definition.name == "work"
    assert facts.is_async
    assert [(one.text, one.row, one.is_guarded) for one in facts.raises] == [("OSError", 17, True), ("", 19, False)]
    assert [one.text for one in facts.catches] == ["OSError", "ValueError"]
    assert [one.text for one in facts.returns] == ["load(x)", "None"]
    assert (facts.num_branches, facts.num_loops) == (1, 1)
    assert [one.text for one in facts.globals] == ["count"]
    calls = {call.name: call for call in facts.calls}
    assert calls["open"].origin is Origin.BUILTIN
    assert calls["open"].effect is Effect.FILES
    assert (calls["helper"].origin, calls["helper"].defined_at) == (Origin.HERE, 8)
    assert (calls["load"].module, calls["load"].imported_name) == (".store", "load")
    assert (calls["keep"].module, calls["keep"].imported_name) == (".store", "save")
    assert calls["sp.run"].effect is Effect.PROCESSES
    assert calls["rmtree"].origin is Origin.UNKNOWN  # a parameter has that name too
    assert calls["rmtree"].effect is None
    assert "KeyError" not in calls


@pytest.mark.parametrize(
    "text",
    [
        "def open(x): pass\ndef f(): return open(1)",
        "open = 1\ndef f(): return open(1)",
        "def f(open): return open(1)",
        "from x import *\ndef f(): return open(1)",
        "import y as open\ndef f(): return open(1)",
        "def f():\n    for open in []: pass\n    return open(1)",
        "def f():\n    with x as open: return open(1)",
        "def f(): return [open(1) for open in x]",
        "def f(): return (open := 1) and open(1)",
        "class A:\n    def f(self): return self.open(1)",
    ],
)
def test_a_name_that_may_mean_something_else_reaches_nothing(text):
    assert [call.effect for call in facts_of("python", text).calls if call.name.endswith("open")] == [None]


def test_javascript_thoroughly():
    text = """import fs, { rename } from "node:fs";
const { get: fetchIt } = require("https");
function helper() {}
export class Store extends Map {
  reload() {}
  async *load(path) {
    try { throw new TypeError(path); } catch (e) { this.reload(); }
    const inner = () => { return 1; };
    for (const x of path) { if (x) { yield x; } }
    fs.readFileSync(path); rename(path); fetchIt(path); helper(); await fetch(path);
    return path ? 1 : 2;
  }
}
"""
    facts = facts_of("javascript", text, 5, 11)
    assert facts.definition is not None
    assert (facts.definition.name, facts.owner, facts.is_async, facts.yields) == ("load", "Store", True, True)
    assert [(one.text, one.is_guarded) for one in facts.raises] == [("TypeError", True)]
    assert [one.text for one in facts.returns] == ["path ? 1 : 2"]
    assert (facts.num_branches, facts.num_loops) == (2, 1)
    calls = {call.name: call for call in facts.calls}
    assert (calls["this.reload"].defined_at, calls["this.reload"].owner) == (4, "Store")
    assert {name: call.effect for name, call in calls.items() if call.effect} == {
        "fs.readFileSync": Effect.FILES,
        "rename": Effect.FILES,
        "fetchIt": Effect.NETWORK,
        "fetch": Effect.NETWORK,
    }
    assert calls["helper"].defined_at == 2


def test_go_says_nothing_of_a_package_that_a_local_value_hides():
    text = 'package a\nimport ("os"; "net/http")\nfunc f() { http := x(); http.Get("u"); os.Open("p"); panic("x") }\n'
    facts = facts_of("go", text, 2, 2)
    assert {call.name: call.effect for call in facts.calls} == {"x": None, "http.Get": None, "os.Open": Effect.FILES}
    assert [one.text for one in facts.raises] == ['"x"']


def test_statements_are_told_from_the_definition_around_them():
    facts = facts_of("python", PYTHON, 14, 14)
    assert facts.definition is None
    assert facts.inside is not None
    assert facts_text(facts, {}).startswith("- A part of the function `work`, line 15")


@pytest.mark.parametrize(("first", "last"), [(12, 12), (11, 33), (12, 32)])
def test_a_header_or_a_whole_definition_with_blank_lines_is_the_definition(first, last):
    facts = facts_of("python", PYTHON, first, last)
    assert facts.definition is not None
    assert facts.definition.name == "work"


def test_a_part_of_a_line_counts_only_what_lies_in_it():
    facts = facts_of("python", "x = first(a) + second(b)\n", 0, 0, 4, 12)
    assert [call.name for call in facts.calls] == ["first"]


def test_a_file_with_errors_says_so():
    assert "has errors" in facts_text(facts_of("python", "def f(:\n    return g(\n"), {})


class Index:
    """Two files of a workspace."""

    def __init__(self):
        self.texts = {
            "app/store.py": "def load(): pass\n",
            "json.py": "def loads(): pass\n",
            "web/a.ts": "export function go() {}\n",
        }
        self.languages = {"app/store.py": "python", "json.py": "python", "web/a.ts": "typescript"}

    def files_of_module(self, module):
        files = [IndexedFile(path, self.languages[path], path.rpartition(".")[0], 1) for path in self.texts]
        return [file for file in files if file.module == module or file.module.endswith(f"/{module}")]

    def outline_of(self, path):
        tree = SyntaxTree.parse(self.languages[path], self.texts[path])
        assert isinstance(tree, SyntaxTree)
        return outline(tree)


@pytest.mark.parametrize(
    ("module", "name", "language_id", "path", "found"),
    [
        (".store", "load", "python", "app/main.py", Whereabouts("app/store.py", 0)),
        ("app.store", "load", "python", "main.py", Whereabouts("app/store.py", 0)),
        ("store", "load", "python", "main.py", None),
        ("json", "loads", "python", "main.py", None),
        (".store", "other", "python", "app/main.py", None),
        ("./a", "go", "typescript", "web/b.ts", Whereabouts("web/a.ts", 0)),
        ("./a.js", "go", "typescript", "web/b.ts", Whereabouts("web/a.ts", 0)),
        ("../web/a", "go", "javascript", "lib/b.js", Whereabouts("web/a.ts", 0)),
        ("../../a", "go", "javascript", "web/b.js", None),
        ("a", "go", "javascript", "web/b.js", None),
    ],
)
def test_where_an_import_leads_is_said_where_it_is_certain(module, name, language_id, path, found):
    call = Call(name, 0, Origin.IMPORTED, module=module, imported_name=name)
    assert whereabouts(call, language_id, path, Index()) == found
    assert whereabouts(call, language_id, path, None) is None


def subject(text, language_id="python", first=0, last=None, index=None):
    tree = SyntaxTree.parse(language_id, text)
    assert isinstance(tree, SyntaxTree)
    last = len(tree.lines) - 1 if last is None else last
    snapshot = Snapshot(
        "file:///w/app/main.py", 1, language_id, "s", "app/main.py", tree.lines, Cursor(first, 0), Settings()
    )
    return subject_of(snapshot, tree, Cursor(first, 0), Cursor(last, len(tree.lines[last])), index)


def test_the_index_tells_the_file():
    made = subject("from .store import load\n\ndef f():\n    load()\n", index=Index())
    assert "`load` (defined in `app/store.py`, line 1)" in made.facts_markdown


def test_a_long_selection_is_cut_by_the_outline_and_keeps_its_headers():
    body = "\n".join(f"        self.value_{i} = compute_{i}(self)" for i in range(30))
    text = "class A:\n" + "\n".join(f"    def method_{i}(self):\n{body}\n" for i in range(6))
    made = subject(text)
    assert made.is_cut
    assert len(made.code) <= MAX_CODE_CHARS + 10
    assert all(f"def method_{i}(self)" in made.code for i in range(6))


def test_a_long_function_is_cut_at_its_end_with_a_mark():
    made = subject("def f():\n" + "".join(f"    value_{i} = compute_something({i})\n" for i in range(200)))
    assert made.is_cut
    assert made.code.endswith("...")
    assert len(made.code) <= MAX_CODE_CHARS + 10


def test_what_the_model_is_asked_differs_in_its_last_part_alone():
    made = subject("    def f():\n        return 1\n")
    questions = [made.question(kind) for kind in Kind]
    assert len({question.text for question in questions}) == len(Kind)
    assert len({(question.code, question.facts, question.path) for question in questions}) == 1
    assert questions[0].code == "def f():\n    return 1"


def test_a_cursor_means_the_definition_around_it():
    tree = SyntaxTree.parse("python", PYTHON)
    assert isinstance(tree, SyntaxTree)
    snapshot = Snapshot("file:///w/a.py", 1, "python", "s", "a.py", tree.lines, Cursor(14, 4), Settings())
    made = subject_of(snapshot, tree, Cursor(14, 4), Cursor(14, 4), None)
    assert made.title.startswith("`work`")
    bare = Snapshot("file:///w/a.txt", 1, "plaintext", "s", "a.txt", ("one\n", "two"), Cursor(1, 0), Settings())
    assert (
        subject_of(bare, None, Cursor(0, 0), Cursor(1, 3), None).facts_markdown == "- A part of the file, lines 1 to 2"
    )

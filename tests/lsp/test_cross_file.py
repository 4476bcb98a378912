"""What is chosen of other files: within the budget, in whole lines, unlike what is shown anyway, and steady."""

import shutil
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_engine.fim import render
from plt_engine.pack_manifest import FimFormat, FimOrder
from plt_engine.tokenizer import Tokenizer
from plt_lsp.context.candidates import MAX_CHUNK_CHARS, MAX_CHUNK_LINES, Candidate, overlap, words_of
from plt_lsp.context.choice import MAX_OVERLAP, MIN_NEW_SCORE, STICKINESS, Choice, choose
from plt_lsp.context.cross_file import Selection, select_chunks
from plt_lsp.context.prompt import build_prompt
from plt_lsp.context.report import Source
from plt_lsp.context.workspace import OpenFile, RecentEdit
from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.settings import ContextSettings, Settings
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.tree_cache import TreeCache
from tests.lsp.indexed import cursor_in, indexed
from tests.packs import tiny_tokenizer

OWN = Path(__file__).parents[2] / "plt_lsp"
APP = "completer.py"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """The view of a workspace that holds the server's own source files."""
    folder = tmp_path_factory.mktemp("own")
    for source in OWN.glob("*.py"):
        (folder / "root" / "plt_lsp").mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / "root" / "plt_lsp")
    return indexed(folder, {})


def lines_of(name: str) -> tuple[str, ...]:
    return tuple(split_lines((OWN / name).read_text(encoding="utf-8")))


def place_in(name: str, row: int, max_chars: int):
    """A snapshot at the end of a row, its outline, and the lines of the file."""
    lines = lines_of(name)
    row %= len(lines)
    text = "".join([*lines[:row], lines[row].rstrip("\n"), "‸\n", *lines[row + 1 :]])
    return cursor_in(f"plt_lsp/{name}", text, Settings(context=ContextSettings(max_chunk_chars=max_chars)))


def opened(view, *names: str):
    return replace(view, open_files=tuple(OpenFile(f"plt_lsp/{name}", "python", lines_of(name)) for name in names))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["completer.py", "session.py", "demo.py"]), st.integers(0, 400), st.integers(0, 3000))
def test_every_selection_keeps_the_rules(workspace, name, row, max_chars):
    view = opened(workspace, "foresight.py", "first_text.py")
    snapshot, outline = place_in(name, row, max_chars)
    found = select_chunks(snapshot, outline, view)
    assert sum(len(chunk.path) + len(chunk.text) for chunk in found.chunks) <= max_chars
    window = words_of("".join(snapshot.lines[max(0, snapshot.cursor.line - 14) : snapshot.cursor.line + 7]))
    pieces = []
    for part, chunk in zip(found.parts, found.chunks, strict=True):
        assert chunk.path != snapshot.path
        assert chunk.text.endswith("\n")
        assert len(chunk.text) <= MAX_CHUNK_CHARS
        assert chunk.text.count("\n") <= MAX_CHUNK_LINES
        assert (part.place, part.num_chars) == (chunk.path, len(chunk.text))
        assert part.score > 0
        assert part.why
        if part.source is not Source.DEFINITIONS:
            assert chunk.text in "".join(view.text_of(chunk.path))
            assert all(overlap(words_of(chunk.text), other) <= MAX_OVERLAP for other in [window, *pieces])
            pieces.append(words_of(chunk.text))
    assert select_chunks(snapshot, outline, view) == found
    assert select_chunks(snapshot, outline, view, found).chunks == found.chunks


def test_nothing_is_chosen_where_nothing_is_wanted(workspace):
    snapshot, outline = place_in(APP, 80, 0)
    assert select_chunks(snapshot, outline, workspace) == Selection(repo_name="root")


def test_without_an_index_what_is_open_and_was_edited_is_left(workspace):
    snapshot, outline = place_in(APP, 85, 3000)
    edit = RecentEdit("plt_lsp/other.py", "python", 3, ("old = 1\n",), ("new = 2\n",))
    view = replace(opened(workspace, "foresight.py"), index=None, edits=(edit,))
    assert {part.source for part in select_chunks(snapshot, outline, view).parts} == {Source.SIMILAR, Source.EDIT}


def test_the_test_of_a_file_and_what_a_test_is_about(tmp_path):
    body = "".join(f"    price_{i} = total(order, discount={i})\n    assert price_{i} == {i}\n" for i in range(3))
    files = {
        "shop/orders.py": "def place(order):\n    return order\n\n\ndef hidden(order):\n    return 1\n",
        "tests/test_orders.py": f"def test_discounts(order, discount):\n{body}",
    }
    view = indexed(tmp_path, files)
    source = cursor_in("shop/orders.py", files["shop/orders.py"] + "\n\ndef total(order, discount):\n    ‸\n")
    (part,) = select_chunks(*source, view).parts
    assert (part.source, part.place) == (Source.PAIR, "tests/test_orders.py")
    test = cursor_in("tests/test_orders.py", "def test_place():\n    ‸\n")
    (chunk,) = select_chunks(*test, view).chunks
    assert (chunk.path, chunk.text) == (
        "shop/orders.py",
        "def place(order): ...\ndef hidden(order): ...\n",
    )


def test_behind_the_dot_of_a_module_its_definitions_are_shown(tmp_path):
    files = {
        "shop/__init__.py": "",
        "shop/prices.py": "def total(a): pass\n\n\ndef tax(b): pass\n\n\ndef _own(): pass\n",
    }
    snapshot, outline = cursor_in("app.py", "from shop import prices\n\nprices.‸\n")
    (chunk,) = select_chunks(snapshot, outline, indexed(tmp_path, files)).chunks
    assert chunk.text == "def total(a): ...\ndef tax(b): ...\n"


def test_types_are_shown_with_what_belongs_to_them(tmp_path):
    files = {
        "go.mod": "module shop\n",
        "prices/price.go": "package prices\n\n// Price of a thing.\ntype Price struct {\n\tcents int\n}\n\n"
        "// Add one to another.\nfunc (p *Price) Add(other Price) Price {\n\treturn Price{}\n}\n",
        "src/lib.rs": "pub mod cart;\n",
        "src/cart.rs": "/// A cart.\npub struct Cart {\n    items: Vec<u8>,\n}\n\nimpl Cart {\n"
        "    pub fn add(&mut self, item: u8) {\n        self.items.push(item);\n    }\n}\n",
    }
    view = indexed(tmp_path, files)
    go = cursor_in(
        "main.go", 'package main\n\nimport "shop/prices"\n\nfunc main() {\n\tp := prices.Price{}\n\tp.‸\n}\n'
    )
    (chunk,) = select_chunks(*go, view).chunks
    assert chunk.text == ("type Price struct {\n\tcents int\n}\nfunc (p *Price) Add(other Price) Price { /* ... */ }\n")
    rust = cursor_in("src/app.rs", "use crate::cart::Cart;\n\nfn main() {\n    let c = Cart::new();\n    c.‸\n}\n")
    (chunk,) = select_chunks(*rust, view).chunks
    assert chunk.text == (
        "pub struct Cart {\n    items: Vec<u8>,\n}\nimpl Cart {\n    pub fn add(&mut self, item: u8) { /* ... */ }\n}\n"
    )


def test_secrets_and_secret_files_are_not_shown(tmp_path):
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    view = indexed(tmp_path, {"shop.py": "class Shop:\n    name = 1\n"})
    after = ("def order():\n", f"    token = '{token}'\n")
    edits = tuple(RecentEdit(path, "python", 0, (), after) for path in ("a.py", ".env", "own/b.py"))
    snapshot, outline = cursor_in("app.py", "x = ‸\n", Settings(excluded_files=("own/**",)))
    found = select_chunks(snapshot, outline, replace(view, edits=edits))
    assert [chunk.path for chunk in found.chunks] == ["a.py"]
    assert found.chunks[0].text == "def order():\n    token = 'redacted'\n"


def candidate(name: str, score: float, source: Source = Source.DEFINITIONS, text: str = "x\n") -> Candidate:
    return Candidate(source, "a.py", 0, name, text, score, "it is a test")


def names(choice: Choice) -> list[str]:
    return [one.name for group in choice.groups for one in group]


def test_what_was_chosen_stays_until_something_is_clearly_better():
    first = choose([candidate("a", 0.6, text="a" * 50)], frozenset(), 60, (), Choice())
    little_better = [candidate("a", 0.6, text="a" * 50), candidate("b", 0.6 * STICKINESS - 0.01, text="b" * 50)]
    assert names(choose(little_better, frozenset(), 60, (), first)) == ["a"]
    better = [candidate("a", 0.6, text="a" * 50), candidate("b", 0.6 * STICKINESS + 0.01, text="b" * 50)]
    assert names(choose(better, frozenset(), 60, (), first)) == ["b"]
    assert names(choose([candidate("b", 0.6, text="b" * 50)], frozenset(), 60, (), first)) == ["b"]


def test_little_is_added_only_where_the_cursor_has_gone_elsewhere():
    first = choose([candidate("a", 1.0)], frozenset(), 100, ("f",), Choice())
    more = [candidate("a", 1.0), candidate("b", MIN_NEW_SCORE - 0.01)]
    assert names(choose(more, frozenset(), 100, ("f",), first)) == ["a"]
    assert names(choose(more, frozenset(), 100, ("g",), first)) == ["a", "b"]


def test_what_is_new_stands_behind_what_was_there():
    first = choose([candidate("piece\n", 0.9, Source.SIMILAR, "some words here\n")], frozenset(), 100, (), Choice())
    both = [candidate("a", 1.0), candidate("piece\n", 0.9, Source.SIMILAR, "some words here\n")]
    assert names(choose(both, frozenset(), 100, (), first)) == ["piece\n", "a"]
    assert names(choose(both, frozenset(), 100, (), Choice())) == ["a", "piece\n"]


FIM = FimFormat("t", "<p>", "<s>", None, FimOrder.SPM, (), repo_name="<r>", file_sep="<f>")
# What is typed: a file, the first row that is not there yet, and how many keys are pressed.
SESSIONS = [("completer.py", 101, 120), ("foresight.py", 80, 120)]


def tokenizer() -> Tokenizer:
    document = tiny_tokenizer(fim=False)
    vocab, added = document["model"]["vocab"], document["added_tokens"]
    tokens = [{**added[0], "id": len(vocab) + i, "content": token} for i, token in enumerate(FIM.tokens)]
    return Tokenizer({**document, "added_tokens": [*added, *tokens]})


def typed_prompts(view, name: str, first_row: int, num_keys: int):
    """The prompts' ids while the rows of a file are typed where they stand, character by character."""
    lines, spelled, trees, frames = lines_of(name), tokenizer(), TreeCache(), FrameCache()
    text, selection = "".join(lines[first_row:]), None
    for i in range(num_keys):
        head = split_lines("".join(lines[:first_row]) + text[:i])
        document = (*head[:-1], head[-1] + "\n", "\n", *lines[first_row + 30 :])
        snapshot, _ = cursor_in(f"plt_lsp/{name}", "‸")
        snapshot = replace(snapshot, lines=document, cursor=Cursor(len(head) - 1, len(head[-1])))
        whole = partial(trees.tree_of, "b", "python", document)
        outline = frames.outline_of("b", "python", document, len(head) - 1, whole)
        selection = select_chunks(snapshot, outline, view, selection)
        assert selection.chunks
        yield render(build_prompt(snapshot, outline, selection), FIM, spelled, 100_000)


def share_cached(before: list[int], now: list[int]) -> float:
    """The share of a prompt's tokens whose KV the engine has of the one before: those up to the first other one."""
    same = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    return same / len(now)


@pytest.mark.parametrize(("name", "first_row", "num_keys"), SESSIONS)
def test_a_key_press_leaves_nearly_all_of_the_prompt_as_it_was(workspace, name, first_row, num_keys):
    view = opened(workspace, "session.py", "trigger.py")
    prompts = list(typed_prompts(view, name, first_row, num_keys))
    shares = [share_cached(before, now) for before, now in pairwise(prompts)]
    assert median(shares) >= 0.95
    assert sum(share < 0.95 for share in shares) <= num_keys // 20

"""Exact refactorings: what they make of a text, what they refuse, and that they touch nothing else."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plt_lsp.refactor.exact import api
from plt_lsp.refactor.exact.workspace import Workspace
from plt_lsp.refactor.proposal import Offer, Proposal, RefusedError
from tests.bench import refactor
from tests.lsp.refactor_cases import MAIN, Case, all_cases, applied, selection_in, without_marks, workspace_of

OFFERS = {
    "extract_function": Offer("extractFunction", "", ""),
    "extract_method": Offer("extractMethod", "", ""),
    "extract_variable": Offer("extractVariable", "", ""),
    "inline_variable": Offer("inlineVariable", "", ""),
    "convert_to_f_string": Offer("convertToFString", "", ""),
    "organize_imports": Offer("organizeImports", "", ""),
}
ALL = all_cases()


def proposed(case: Case, workspace: Workspace) -> Proposal:
    assert workspace.root is not None
    selection = selection_in(case.files[MAIN], workspace.root, case.line_end)
    if case.kind == "rename":
        return api.rename(selection, case.options["name"], workspace)
    return api.propose(selection, OFFERS[case.kind], case.options.get("name"), workspace)


def outcome(case: Case, root: Path) -> tuple[dict[str, str], str | None]:
    r"""The changed texts by file, with \n for line ends, or the refusal."""
    workspace = workspace_of(case, root)
    try:
        proposal = proposed(case, workspace)
    except RefusedError as error:
        return {}, str(error)
    after = {}
    for change in proposal.changes:
        name = next(one for one in case.files if (root / one).as_uri() == change.uri)
        assert change.version == (7 if name == MAIN else 3 if name in case.unsaved else None)
        before = case.unsaved.get(name) or without_marks(case.files[name])
        text = applied(before.replace("\n", case.line_end), change)
        after[name] = text.replace("\r\n", "\n")
        assert text.count("\r") == (text.count("\n") if case.line_end == "\r\n" else 0)
    return after, None


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.kind}/{case.title}")
def test_a_case_gives_the_text_or_the_refusal_that_its_file_says(case, tmp_path):
    after, refused = outcome(case, tmp_path)
    assert (after, refused) == (case.after, case.refused)
    assert (refused is None) == bool(after)


def test_every_refactoring_has_cases_that_are_done_and_such_that_are_refused():
    for kind in [*OFFERS, "rename"]:
        done = [case for case in ALL if case.kind == kind and case.after]
        refused = [case for case in ALL if case.kind == kind and case.refused]
        assert min(len(done), len(refused)) >= 4
        assert len(done) + len(refused) >= 8


@pytest.mark.parametrize("case", [case for case in ALL if case.after], ids=lambda case: f"{case.kind}/{case.title}")
def test_what_an_editor_needs_comes_with_a_proposal(case, tmp_path):
    workspace = workspace_of(case, tmp_path)
    proposal = proposed(case, workspace)
    own = next(change for change in proposal.changes if change.uri == (tmp_path / MAIN).as_uri())
    places = [place for one in own.changes for place in (one.start, one.end)]
    assert places == sorted(places)
    assert proposal.description.endswith(".")
    assert (proposal.named is None) == (proposal.named_at is None)
    if proposal.named is not None and case.kind != "rename":
        text = applied(without_marks(case.files[MAIN]).replace("\n", case.line_end), own)
        line = text.splitlines()[proposal.named_at.line]
        assert line[proposal.named_at.column :].startswith(proposal.named)


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.kind in OFFERS], ids=lambda case: f"{case.kind}/{case.title}"
)
def test_what_is_possible_is_offered(case, tmp_path):
    selection = selection_in(case.files[MAIN], tmp_path, case.line_end)
    offers = {offer.name: offer for offer in api.offers(selection)}
    name = OFFERS[case.kind].name
    if case.after:
        assert offers[name].disabled is None
    for offer in offers.values():
        assert not offer.is_written
        assert offer.disabled is None or offer.disabled.endswith(".")


def test_what_nearly_fits_is_offered_with_the_reason_against_it(tmp_path):
    selection = selection_in("def f(a, b, c):\n    return a + «b * c + a»\n", tmp_path)
    disabled = {offer.name: offer.disabled for offer in api.offers(selection)}
    assert disabled["extractFunction"] == "The selection cuts a statement or an expression; select whole ones."
    assert "extractMethod" not in disabled


def test_other_languages_are_offered_nothing(tmp_path):
    from dataclasses import replace

    selection = selection_in("def f(a):\n    «print(a)»\n", tmp_path)
    other = replace(selection, snapshot=replace(selection.snapshot, language_id="ruby"))
    assert api.offers(other) == ()


def test_an_offer_reads_only_the_statement_around_the_selection(tmp_path):
    """A syntax error far away, or any number of lines, changes nothing about it."""
    far = "".join(f"def f{i}(a):\n    return a + {i}\n\n\n" for i in range(3000))
    selection = selection_in(far + "def g(a):\n    «print(a)»\n\n\n" + far + "def broken(\n", tmp_path)
    assert [offer.disabled for offer in api.offers(selection) if offer.name == "extractFunction"] == [None]
    with pytest.raises(RefusedError, match="syntax error"):
        api.propose(selection, OFFERS["extract_function"], None, Workspace(tmp_path))


def test_the_name_wanted_is_laid_out_as_it_will_stand(tmp_path):
    selection = selection_in("def f(a):\n    «b = a + 1\n    print(b)»\n", tmp_path)
    wanted = api.name_wanted(selection, OFFERS["extract_function"])
    assert wanted is not None
    assert (wanted.role, wanted.default) == ("function", "_extracted")
    assert wanted.before + "add_one" + wanted.after == "def add_one(a):\n    b = a + 1\n    print(b)"
    assert {"f", "a", "b", "print"} <= wanted.taken
    assert compile(wanted.code, "code", "exec")


def test_the_name_of_a_variable_is_wanted_between_the_lines_above_and_its_value(tmp_path):
    selection = selection_in("def f(a):\n    print(1)\n    return g(«a + 1»)\n", tmp_path)
    wanted = api.name_wanted(selection, OFFERS["extract_variable"])
    assert wanted is not None
    assert wanted.before == "def f(a):\n    print(1)\n    "
    assert wanted.after == " = a + 1\n    return g(value)"
    assert api.name_wanted(selection, OFFERS["inline_variable"]) is None


def test_a_default_name_that_is_taken_gets_a_number(tmp_path):
    selection = selection_in("def _extracted(a):\n    «print(a)»\n", tmp_path)
    assert api.propose(selection, OFFERS["extract_function"], None, Workspace(tmp_path)).named == "_extracted_2"


def test_the_range_to_rename_is_the_name_at_the_cursor(tmp_path):
    selection = selection_in('def f(größe):\n    return "🎉", grö‸ße\n', tmp_path)
    start, end = api.rename_target(selection)
    assert (start, end) == ((1, 16), (1, 21))


def test_a_byte_order_mark_moves_only_the_first_line(tmp_path):
    selection = selection_in("\ufeffx = «len('ab')» + 1\n", tmp_path)
    proposal = api.propose(selection, OFFERS["extract_variable"], "size", Workspace(tmp_path))
    assert applied("\ufeffx = len('ab') + 1\n", proposal.changes[0]) == "\ufeffsize = len('ab')\nx = size + 1\n"


def test_a_project_is_read_and_never_run_or_written(tmp_path):
    """Settings of rope in the project are a program, and some modules would be imported: neither is."""
    for folder in (".ropeproject", ".ropefolder"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.py").write_text("open('ran', 'w').close()\nraise SystemExit\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.rope]\nextension_modules = ['evil']\n", encoding="utf-8")
    (tmp_path / "evil.py").write_text("open('imported', 'w').close()\n\n\ndef load():\n    pass\n", encoding="utf-8")
    main = "import evil\nimport _ctypes\n\n\ndef lo‸ad():\n    return evil.load() or _ctypes.load\n\n\nload()\n"
    (tmp_path / MAIN).write_text(without_marks(main), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    proposal = api.rename(selection_in(main, tmp_path), "read", Workspace(tmp_path))
    assert len(proposal.changes) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_file_is_named_below_the_folder_as_the_editor_spells_it(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    main = "def lo‸ad():\n    pass\n"
    (tmp_path / "real" / MAIN).write_text(without_marks(main), encoding="utf-8")
    (tmp_path / "real" / "other.py").write_text("from main import load\n", encoding="utf-8")
    root = tmp_path / "link"
    proposal = api.rename(selection_in(main, root), "read", Workspace(root))
    assert {change.uri for change in proposal.changes} == {(root / MAIN).as_uri(), (root / "other.py").as_uri()}


def test_nothing_of_this_loads_rope_before_a_rename():
    code = "import sys, plt_lsp.refactor.exact.api; print('rope' in sys.modules, 'libcst' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert result.stdout.split() == ["False", "False"]


def test_a_module_of_others_still_passes_its_doctests_after_each_refactoring():
    outcome = refactor.study("http.cookies", "doctest", per_kind=3, seed=1)
    assert outcome is not None
    assert outcome.broken == []
    assert sum(outcome.applied.values()) >= 10
    assert len(outcome.applied) >= 4


NAMES = st.sampled_from(["a", "b", "c", "limit"])
ATOMS = st.one_of(NAMES, st.sampled_from(["1", "2.5", "'s'", "a.b", "c[0]", "f(a)", "f(b)", "g(c, 1)"]))
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "*", "and", "<", "**", "if a else"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(inner, inner).map(lambda pair: f"f({pair[0]}, {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"[{pair[0]} for a in {pair[1]}]"),
        inner.map("(lambda b: {})".format),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(EXPRESSIONS, st.data())
def test_a_variable_extracted_and_inlined_again_is_the_same_program(expression, data):
    text = f"def h(a, b, c, limit):\n    return {expression}\n"
    value = ast.parse(text).body[0].body[0].value
    node = data.draw(st.sampled_from([one for one in ast.walk(value) if isinstance(one, ast.expr)]))
    line = text.splitlines()[1]
    marked = f"{line[: node.col_offset]}«{line[node.col_offset : node.end_col_offset]}»{line[node.end_col_offset :]}"
    root = Path("/project")
    selection = selection_in(f"{text.splitlines()[0]}\n{marked}\n", root)
    try:
        proposal = api.propose(selection, OFFERS["extract_variable"], "made", Workspace(None))
    except RefusedError:
        return
    extracted = applied(text, proposal.changes[0])
    assert extracted != text
    back = selection_in(extracted.replace("made = ", "«made» = "), root)
    try:
        inlined = api.propose(back, OFFERS["inline_variable"], None, Workspace(None))
    except RefusedError:
        # What was moved out of a lambda, a condition or a round of a comprehension is a constant, and a later use of
        # one in a lambda is more than inlining promises.
        assert isinstance(node, ast.Constant)
        return
    assert ast.dump(ast.parse(applied(extracted, inlined.changes[0]))) == ast.dump(ast.parse(text))


STATEMENTS = st.sampled_from(
    [
        "a = b + c",
        "b = [a for a in range(c)]",
        "c = len(f'{a}{b!r:>{c}}')",
        "for a in range(b): c += a",
        "try: a = b\n    except ValueError as c: print(c)",
        "g = lambda a, b=b: a + b + c",
        "with open(a) as b: c = b",
        "print((a := b), a)",
        "def inner(a):\n        return a + b",
        "if a: a, b = b, a",
    ]
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(STATEMENTS, min_size=1, max_size=5), st.sampled_from("abc"))
def test_a_variable_renamed_there_and_back_gives_the_same_text(statements, name):
    text = "def h(a, b, c):\n" + "".join(f"    {one}\n" for one in statements) + "    return a, b, c\n"
    start = text.index(name, text.index("("))
    try:
        there = api.rename(selection_in(f"{text[:start]}‸{text[start:]}", Path("/project")), "other", Workspace(None))
    except RefusedError as error:
        pytest.fail(f"{error} {text}")
    changed = applied(text, there.changes[0])
    start = changed.index("other")
    back = api.rename(selection_in(f"{changed[:start]}‸{changed[start:]}", Path("/project")), name, Workspace(None))
    assert applied(changed, back.changes[0]) == text


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(STATEMENTS, min_size=2, max_size=5), st.data())
def test_an_extracted_function_gives_what_the_statements_gave(statements, data):
    """Run, not read: the same arguments give the same results and prints, or fail the same way."""
    first = data.draw(st.integers(0, len(statements) - 1))
    last = data.draw(st.integers(first, len(statements) - 1))
    lines = [f"    {one}" for one in statements]
    lines[first] = f"    «{lines[first][4:]}"
    lines[last] += "»"
    marked = "def h(a, b, c):\n" + "\n".join(lines) + "\n    return a, b, c\n"
    try:
        proposal = api.propose(
            selection_in(marked, Path("/project")), OFFERS["extract_function"], None, Workspace(None)
        )
    except RefusedError:
        return
    text = without_marks(marked)
    for args in ((1, 2, 3), (0, 1, 2), ("x", 2, 1)):
        assert ran(text, args) == ran(applied(text, proposal.changes[0]), args)


def ran(text: str, args: tuple[object, ...]) -> tuple[object, ...]:
    printed: list[object] = []
    names: dict[str, object] = {"print": lambda *values: printed.append(values), "open": lambda _: Never()}
    exec(text, names)
    try:
        return repr(names["h"](*args)).partition(" at ")[0], printed  # type: ignore[operator]
    except Exception as error:
        return type(error).__name__, printed


class Never:
    """A file that cannot be read."""

    def __enter__(self) -> int:
        return 7

    def __exit__(self, *_: object) -> None:
        return None

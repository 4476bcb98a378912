"""Cases of the evaluation of refactorings, drawn by a seed from real code: a place, and what is asked for there.

A docstring that is there is taken out, and a problem to fix is planted: a name that is not defined. It runs no model.
"""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from random import Random

from plt_lsp.documents import content_of, split_lines
from plt_lsp.evaluation.workspaces import packages_in
from plt_lsp.index.languages import language_of
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import Offer, RefusedError, Selection
from plt_lsp.refactor.written.api import Problem, Writing
from plt_lsp.refactor.written.kinds import ADD_DOCSTRING, FIX_PROBLEM, INSTRUCT, NAMES, job_of, place_of
from plt_lsp.settings import RefactorSettings, Settings
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import DefinitionKind
from plt_lsp.syntax.tree import SyntaxTree

SAMPLES = ("figures.py.txt", "notes.py.txt")
MIN_ROWS, MAX_ROWS = 3, 40
INSTRUCTIONS = (
    "Add a comment above the first line of the body that says what it does.",
    "Make it shorter.",
    "Give the local variables clearer names.",
)
_FUNCTIONS = (DefinitionKind.FUNCTION, DefinitionKind.METHOD)


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file to draw from."""

    package: str
    path: str
    language_id: str
    text: str


@dataclass(frozen=True, slots=True)
class RefactorCase:
    """A refactoring to ask for.

    Attributes:
        kind: the offer's name.
        file: where, as it is for this case.
        name: of the function.
        cursor: in its head, or where the problem is.
        instruction: of the user, or empty.
        problem: to be fixed, or None.
    """

    kind: str
    file: SourceText
    name: str
    cursor: Cursor
    instruction: str = ""
    problem: Problem | None = None

    @property
    def selection(self) -> Selection:
        """The cursor in the document."""
        lines = tuple(split_lines(self.file.text))
        snapshot = Snapshot(
            uri=f"file:///{self.file.path}",
            version=1,
            language_id=self.file.language_id,
            session_id=self.file.path,
            path=self.file.path,
            lines=lines,
            cursor=self.cursor,
            settings=Settings(refactor=RefactorSettings(latency_budget_ms=0)),
            num_chars=len(self.file.text),
        )
        return Selection(snapshot, self.cursor, self.cursor)

    def writing(self, number: int) -> Writing:
        """The refactoring, not begun."""
        offer = Offer(self.kind, self.kind, "", is_written=True)
        return Writing(number, self.selection, offer, self.instruction, self.problem)

    @property
    def is_possible(self) -> bool:
        """Whether it is offered there."""
        place = place_of(self.selection)
        try:
            return place is not None and job_of(place, self.kind, self.instruction, self.problem) is not None
        except RefusedError:
            return False


def shipped() -> list[SourceText]:
    """The files that come with the program, which no model was trained on."""
    folder = files("plt_lsp.evaluation") / "samples"
    return [
        SourceText("plt-lsp", name.removesuffix(".txt"), "python", (folder / name).read_text(encoding="utf-8"))
        for name in SAMPLES
    ]


def held_out(path: Path) -> list[SourceText]:
    """The files of packages, as the data command wrote them.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is no such file.
    """
    found = []
    for package, texts in sorted(packages_in(path).items()):
        for name, text in sorted(texts.items()):
            language_id = language_of(name)
            if language_id is not None:
                found.append(SourceText(package, name, language_id, text))
    return found


def draw(sources: Sequence[SourceText], kinds: Sequence[str], count: int, seed: int) -> list[RefactorCase]:
    """At most so many cases of each kind, from one file after another.

    Raises:
        ValueError: a kind is not known; the message names those that are.
    """
    unknown = sorted(set(kinds) - set(NAMES))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no written refactoring; there are {', '.join(NAMES)}")
    drawn: list[RefactorCase] = []
    for kind in kinds:
        rng = Random(f"refactor:{seed}:{kind}")
        shuffled = list(sources)
        rng.shuffle(shuffled)
        found = list(_of_kind(kind, shuffled, count, rng))
        drawn += found
    return drawn


def _of_kind(kind: str, sources: Sequence[SourceText], count: int, rng: Random) -> Iterator[RefactorCase]:
    """One case of each file, then a second one of each, and so on."""
    waiting = [_of_file(kind, source, rng) for source in sources]
    while waiting and count > 0:
        still = []
        for cases in waiting:
            case = next(cases, None) if count > 0 else None
            if case is not None:
                yield case
                count -= 1
                still.append(cases)
        waiting = still


def _of_file(kind: str, source: SourceText, rng: Random) -> Iterator[RefactorCase]:
    tree = SyntaxTree.parse(source.language_id, source.text)
    if not isinstance(tree, SyntaxTree) or tree.root.has_error:
        return
    functions = [
        one for one in outline(tree).definitions
        if one.kind in _FUNCTIONS and MIN_ROWS <= one.rows.last - one.rows.first + 1 <= MAX_ROWS
    ]  # fmt: skip
    rng.shuffle(functions)
    for one in functions:
        case = _case(kind, source, one.name, one.header.last, one.rows.last, rng)
        if case is not None and case.is_possible:
            yield case


def _case(kind: str, source: SourceText, name: str, row: int, last: int, rng: Random) -> RefactorCase | None:
    lines = split_lines(source.text)
    cursor = Cursor(row, len(content_of(lines[row])) - len(content_of(lines[row]).lstrip()))
    if kind == FIX_PROBLEM:
        return _with_problem(source, name, row, last, rng)
    if kind == ADD_DOCSTRING and source.language_id == "python":
        source = _without_docstring(source, row)
    return RefactorCase(kind, source, name, cursor, rng.choice(INSTRUCTIONS) if kind == INSTRUCT else "")


def _without_docstring(source: SourceText, row: int) -> SourceText:
    tree = _parsed(source.text)
    lines = source.text.split("\n")
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.body[0].lineno > row + 1 >= node.lineno:
            first = node.body[0]
            is_own = isinstance(first, ast.Expr) and ast.get_docstring(node) is not None and len(node.body) > 1
            if is_own and row + 1 <= first.lineno <= row + 2:
                del lines[first.lineno - 1 : first.end_lineno]
                return SourceText(source.package, source.path, source.language_id, "\n".join(lines))
    return source


def _with_problem(source: SourceText, name: str, row: int, last: int, rng: Random) -> RefactorCase | None:
    """A function in which one use of a local name is misspelt, as a linter would report it."""
    tree = _parsed(source.text) if source.language_id == "python" else None
    uses = [
        node for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        and row + 1 < node.lineno <= last + 1 and len(node.id) > 3
    ]  # fmt: skip
    if not uses:
        return None
    use = rng.choice(sorted(uses, key=lambda node: (node.lineno, node.col_offset)))
    lines = source.text.split("\n")
    line = lines[use.lineno - 1]
    wrong = use.id[:-1] + ("x" if use.id[-1] != "x" else "y")
    if not line.isascii() or wrong in source.text:
        return None
    lines[use.lineno - 1] = line[: use.col_offset] + wrong + line[use.col_offset + len(use.id) :]
    start = Cursor(use.lineno - 1, use.col_offset)
    problem = Problem(f"Undefined name `{wrong}`", start, Cursor(start.line, start.column + len(wrong)), "linter")
    changed = SourceText(source.package, source.path, source.language_id, "\n".join(lines))
    return RefactorCase(FIX_PROBLEM, changed, name, start, problem=problem)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def to_json(case: RefactorCase, writing: Writing) -> Mapping[str, object]:
    """What came of a case, as plain data."""
    return {
        "kind": case.kind,
        "package": case.file.package,
        "path": case.file.path,
        "name": case.name,
        "row": case.cursor.line,
        "instruction": case.instruction,
        "problem": None if case.problem is None else case.problem.message,
        "outcome": writing.outcome,
        "repairs": writing.num_repairs,
        "first_fault": writing.fault,
        "refusal": writing.refusal,
        "text": writing.preview,
    }


def written(results: Sequence[Mapping[str, object]], settings: Mapping[str, object]) -> str:
    """The results with what they were drawn by, as JSON."""
    return json.dumps({"settings": dict(settings), "results": [dict(one) for one in results]}, indent=1)

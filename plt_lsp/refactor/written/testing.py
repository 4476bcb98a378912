"""A test for a Python function: the model goes on behind its head and the beginning of its first assertion.

The test is added to the end of the same file. It is never run. It does not know a model.
"""

import ast

from plt_engine.types import Prompt, Question, StopUnit, indent_columns
from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import RefusedError
from plt_lsp.refactor.written.change import Compared
from plt_lsp.refactor.written.job import Answer, Ask, Attempt, Job, Steps
from plt_lsp.refactor.written.name_checks import uses_defined_names
from plt_lsp.refactor.written.place import Place
from plt_lsp.refactor.written.python_checks import parsed, tree_of
from plt_lsp.refactor.written.testing_checks import adds_one_test, checks_of
from plt_lsp.refactor.written.validation import adds_no_effects
from plt_lsp.syntax.facts.reading import facts_in
from plt_lsp.syntax.facts.types import Call
from plt_lsp.syntax.outline_types import Rows

MAX_TOKENS, MAX_ROWS = 100, 6
QUESTION = "Write a short test for `{name}` with two or three assertions."


def job(place: Place) -> Job | None:
    """A test for the function around the selection, or None where there is none.

    Raises:
        RefusedError: the function cannot be called by a test alone.
    """
    found = place.python
    if found is None or found.is_class or found.name.startswith("test_"):
        return None
    if found.is_method or found.start.column > 0:
        raise RefusedError(f"`{found.name}` cannot be called without what is around it.")
    if found.is_async:
        raise RefusedError(f"`{found.name}` is asynchronous, which needs more than a function to be tested.")
    reaching = [call.name for call in _calls_of(place, found.rows) if call.effect is not None]
    if reaching:
        raise RefusedError(f"`{found.name}` calls `{reaching[0]}`, which a test should not.")
    last = len(place.lines) - 1
    end = Cursor(last, len(place.lines[last]))
    name = _free_name(place, f"test_{found.name}")
    opening = f"def {name}():\n{place.unit}assert {found.name}("

    def written(said: str) -> str:
        gap = "\n\n" if not place.lines[last].strip() else "\n\n\n"
        return place.written(gap.removesuffix("\n" * _num_blank(place)) + opening + said + "\n")

    def steps(attempt: Attempt) -> Steps:
        path = place.selection.snapshot.path
        before = place.before(found.rows.first) if attempt.number else ""
        code = "".join(map(place.shown, range(found.rows.first, found.rows.last + 1)))
        text = QUESTION.format(name=found.name) + (f" It was wrong before: {attempt.fault}" if attempt.fault else "")
        answer = yield Ask(
            infill=Prompt(f"{before}{code}\n\n{opening}", "\n", path),
            question=Question(text, place.code(found.rows), "python", path, answer=f"```python\n{opening}"),
            stop=("```", "\n\n", "\ndef ", "\n#"),
            max_tokens=MAX_TOKENS,
            unit=StopUnit.BLOCK,
            indent_columns=indent_columns(place.unit),
            preview=written,
        )
        return written(_body(opening, answer))

    return Job(
        title=f"Write a test for `{found.name}` at the end of this file",
        description=f"Adds a test of `{found.name}`; what it expects is the model's guess, and it was not run.",
        start=end,
        end=end,
        steps=steps,
        checks=(adds_one_test, uses_defined_names, adds_no_effects, lambda both: _calls(both, name, found.name)),
        hides_secrets=place.hides(found.rows),
    )


def _calls_of(place: Place, rows: Rows) -> tuple[Call, ...]:
    start, end = Cursor(rows.first, 0), Cursor(rows.last, len(content_of(place.lines[rows.last])))
    return facts_in(place.tree, place.outline, start, end).calls


def _free_name(place: Place, name: str) -> str:
    taken = {one.name for one in place.outline.definitions}
    text = "".join(place.lines)
    names = (name, *(f"{name}_{i}" for i in range(2, 1000)))
    return next(one for one in names if one not in taken and f"def {one}(" not in text)


def _num_blank(place: Place) -> int:
    """How many blank lines the file ends with already, two at most."""
    num_blank = 0
    for line in reversed(place.lines[:-1] if not place.lines[-1] else place.lines):
        if content_of(line).strip() or num_blank == 2:
            break
        num_blank += 1
    return num_blank


def _body(opening: str, answer: Answer) -> str:
    """The rest of the test: as many of the lines as are whole statements, from the first on."""
    head, _, begun = opening.rpartition("\n")
    whole = dict.fromkeys((begun + answer.text.rstrip()).split("\n"))  # small models repeat themselves
    lines = [line.rstrip() for line in whole][:MAX_ROWS]
    for num_rows in range(len(lines), 0, -1):
        text = "\n".join(lines[:num_rows])
        if parsed(f"{head}\n{text}\n") is not None:
            return text.removeprefix(begun)
    raise RefusedError("The model wrote no test that is valid Python.")


def _calls(both: Compared, test: str, name: str) -> str | None:
    """Whether every assertion calls what is tested, and the test is not about something that is always so."""
    tree = tree_of(both.after.text)
    added = next((one for one in ([] if tree is None else tree.body) if getattr(one, "name", "") == test), None)
    assertions = [] if added is None else checks_of(added)
    called = [any(_is_call(node, name) for node in ast.walk(one)) for one in assertions]
    return None if called and all(called) else f"An assertion of the test does not call `{name}`."


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name

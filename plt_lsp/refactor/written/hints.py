"""Type hints of a Python function, filled in one after another; one that does not hold is left out.

What follows from the code alone is not asked of the model: a function that returns nothing returns None, and a default
of None makes a type optional. It does not know a model.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from plt_engine.types import Prompt, Question, StopUnit
from plt_lsp.documents import content_of, text_between
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import RefusedError
from plt_lsp.refactor.written.hint_types import (
    PLAIN,
    Known,
    certain_result,
    expression,
    first_expression,
    fits_result,
    is_type,
    known_types,
    takes,
    takes_none,
)
from plt_lsp.refactor.written.job import Answer, Ask, Attempt, Job, Steps
from plt_lsp.refactor.written.name_checks import uses_defined_names
from plt_lsp.refactor.written.place import Place, dedented
from plt_lsp.refactor.written.python_checks import parsed, same_without_hints
from plt_lsp.refactor.written.validation import keeps_comments
from plt_lsp.syntax.outline_types import Rows
from plt_lsp.syntax.statements import Parameter, PythonDefinition

MAX_TOKENS, MAX_HINT_CHARS, MAX_HEAD_CHARS = 24, 60, 20_000
QUESTION = "Add type hints to the head of `{name}`. Use only {known}."
NONE_HOLDS = "No type that the model wrote holds."


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a hint goes.

    Attributes:
        at: its place.
        before: what stands before it: `: ` or ` -> `.
        default: the default of its parameter, or None.
        is_result: whether it is that of the result.
    """

    at: Cursor
    before: str
    default: str | None = None
    is_result: bool = False


def job(place: Place) -> Job | None:
    """Hints for the function around the selection, or None where there is none.

    Raises:
        RefusedError: none is missing, or its head is not to be shown to a model.
    """
    found = place.python
    if found is None or found.is_class:
        return None
    holes = _holes(found)
    if not holes:
        raise RefusedError(f"`{found.name}` has all its type hints already.")
    head = Rows(found.rows.first, found.colon.line)
    if place.hides(head):
        raise RefusedError(f"The head of `{found.name}` holds what looks like a password or a key.")

    def steps(attempt: Attempt) -> Steps:
        return _steps(place, found, holes, attempt)

    return Job(
        title=f"Add type hints to `{found.name}`",
        description=f"Adds type hints to the head of `{found.name}`.",
        start=found.start,
        end=found.colon,
        steps=steps,
        checks=(same_without_hints, uses_defined_names, keeps_comments),
        hides_secrets=place.hides(found.rows),
    )


def _holes(found: PythonDefinition) -> list[Hole]:
    holes = [_hole(one) for one in found.parameters if not one.is_typed]
    if not found.returns_typed and found.name != "__init__":
        holes.append(Hole(found.closing, " -> ", is_result=True))
    return holes


def _hole(one: Parameter) -> Hole:
    return Hole(one.end, ": ", one.default)


def _steps(place: Place, found: PythonDefinition, holes: Sequence[Hole], attempt: Attempt) -> Steps:
    tree = parsed("".join(place.lines))
    function = None if tree is None else _function(tree, found)
    if tree is None or function is None:
        raise RefusedError("The file is not valid Python.")
    known, hints = known_types(tree, function), [""] * len(holes)
    for i, hole in enumerate(holes):
        hint = certain_result(function) if hole.is_result else None
        if hint is None:
            answer = yield _ask(place, found, holes, hints, i, known, attempt)
            hint = _hint(answer, hole, known, function)
        hints[i] = hint
    if not any(hints):
        raise RefusedError(NONE_HOLDS)
    return _filled(place, found.start, found.colon, holes, hints)


def _ask(
    place: Place,
    found: PythonDefinition,
    holes: Sequence[Hole],
    hints: Sequence[str],
    i: int,
    known: Known,
    attempt: Attempt,
) -> Ask:
    hole, path = holes[i], place.selection.snapshot.path
    head = _plain(_filled(place, Cursor(found.start.line, 0), hole.at, holes[:i], hints) + hole.before.rstrip())
    rest = _plain(text_between(place.lines, hole.at, Cursor(found.colon.line + 1, 0), MAX_HEAD_CHARS))
    question = QUESTION.format(name=found.name, known=", ".join([*PLAIN[:9], *sorted(known.types)[:12]]))
    if attempt.fault:
        question += " Write one type for each parameter."

    def preview(text: str) -> str:
        so_far = [*hints[:i], first_expression(text)[:MAX_HINT_CHARS], *[""] * (len(holes) - i - 1)]
        return _filled(place, found.start, found.colon, holes, so_far)

    return Ask(
        infill=Prompt(place.before(found.start.line) + head, rest + place.after(found.colon.line + 1), path),
        question=Question(
            text=question,
            code=place.code(found.rows),
            language="python",
            path=path,
            answer="```python\n" + "".join(dedented(head.splitlines(keepends=True))),
        ),
        stop=("```",),
        max_tokens=MAX_TOKENS,
        unit=StopUnit.LINE,
        preview=preview,
    )


def _filled(place: Place, start: Cursor, end: Cursor, holes: Sequence[Hole], hints: Sequence[str]) -> str:
    """The text between two places, with the hints that there are."""
    parts, at, last = [], start, ""
    for hole, hint in zip(holes, hints, strict=False):
        parts += [_spaced(text_between(place.lines, at, hole.at, MAX_HEAD_CHARS), last)]
        parts += [hole.before, hint] if hint else []
        at, last = hole.at, hint
    return "".join([*parts, _spaced(text_between(place.lines, at, end, MAX_HEAD_CHARS), last)])


def _spaced(text: str, hint: str) -> str:
    """What stands behind a parameter: PEP 8 wants spaces around the sign where there is a type."""
    return f" = {text[1:].lstrip()}" if hint and text.startswith("=") else text


def _plain(text: str) -> str:
    return "\n".join(content_of(line) for line in text.split("\n"))


def _hint(answer: Answer, hole: Hole, known: Known, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The hint at the beginning of an answer, or an empty text where there is none that holds."""
    text = first_expression(answer.text)
    node = expression(text)
    if node is None or len(text) > MAX_HINT_CHARS or not is_type(node, known):
        return ""
    if hole.is_result:
        return text if fits_result(node, function) else ""
    if hole.default is not None:
        default = expression(hole.default)
        if isinstance(default, ast.Constant) and default.value is None and not takes_none(node):
            return f"{text} | None" if not isinstance(node, ast.Constant) else ""
        if default is not None and not takes(node, default):
            return ""
    return text


def _function(tree: ast.Module, found: PythonDefinition) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return next((one for one in functions if one.lineno == found.start.line + 1 and one.name == found.name), None)

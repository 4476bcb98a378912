"""Code written anew: made simpler, mended where a problem is reported, or changed as the user says.

What can be given to the model is given: a definition's head, and with a simpler body its documentation, stay as they
are. It does not know a model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from plt_engine.types import Prompt, Question, StopUnit
from plt_lsp.context.elision import marks_of
from plt_lsp.context.secrets import redacted
from plt_lsp.context.skeleton import indent_of
from plt_lsp.documents import content_of, text_between
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import RefusedError
from plt_lsp.refactor.written import validation
from plt_lsp.refactor.written.change import Check, Compared
from plt_lsp.refactor.written.job import Answer, Ask, Attempt, Job, Steps
from plt_lsp.refactor.written.name_checks import is_mended, still_does, still_uses_parameters, uses_defined_names
from plt_lsp.refactor.written.place import MAX_CODE_CHARS, Place, dedented, indented, margin_of
from plt_lsp.refactor.written.python_checks import has_files_levels
from plt_lsp.syntax.outline_types import Rows
from plt_lsp.syntax.statements import whole_statements

LANGUAGES = frozenset(
    {
        *("python", "javascript", "javascriptreact", "typescript", "typescriptreact", "java", "go", "rust"),
        *("c", "cpp", "csharp", "cs", "php", "lua"),
    }
)
CHARS_PER_TOKEN, MORE_TOKENS = 2.5, 60
MAX_MESSAGE_CHARS, MAX_INSTRUCTION_CHARS = 300, 600
CODE_ONLY = "Answer with the code only."
SIMPLER = f"Write this code in a simpler way. It must do exactly the same. {CODE_ONLY}"
SHARED: tuple[Check, ...] = (has_files_levels, uses_defined_names, validation.uses_known_names)
_NAME = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic at the selection.

    Attributes:
        message: as whoever reports it says.
        start: where it begins.
        end: where it ends.
        source: who reports it, or None.
    """

    message: str
    start: Cursor
    end: Cursor
    source: str | None = None


def simplify_job(place: Place) -> Job | None:
    """The selected statements or the definition around the cursor, simpler; None where there are none.

    Raises:
        RefusedError: they cannot be shown to a model.
    """
    rows = _rows(place)
    if rows is None:
        return None
    checks = (*SHARED, validation.adds_no_definitions, validation.adds_no_effects, still_does, validation.is_simpler)
    name = _name_at(place, rows)
    return _job(
        place,
        rows,
        title=f"Simplify `{name}`" if name else "Simplify these lines",
        description="Writes the code in a simpler way; whether it does the same was not tried.",
        question=SIMPLER,
        kept=_head(place, rows, with_docstring=True),
        checks=checks,
    )


def fix_job(place: Place, problem: Problem) -> Job | None:
    """The statements that a problem is reported for, written anew; None where there are none.

    Raises:
        RefusedError: they cannot be shown to a model.
    """
    if place.language_id not in LANGUAGES:
        return None
    reported = Rows(problem.start.line, min(max(problem.start.line, problem.end.line), len(place.lines) - 1))
    rows = (None if place.tree.root.has_error else whole_statements(place.tree, reported)) or reported
    if problem.start.line >= len(place.lines) or not place.lines[rows.first].strip():
        return None
    message = _one_line(redacted(problem.message), MAX_MESSAGE_CHARS)
    shown = place.shown(problem.start.line).strip()
    name = text_between(place.lines, problem.start, problem.end, MAX_MESSAGE_CHARS)
    checks = (
        *(*SHARED, still_uses_parameters, validation.adds_no_definitions, validation.adds_no_effects),
        *(validation.keeps_comments, lambda both: is_mended(both, name)),
    )
    return _job(
        place,
        rows,
        title=f"Fix: {_one_line(problem.message, 60)}",
        description="Changes the code where a problem is reported; whether that solves it was not tried.",
        question=f"This line has a problem: `{shown}`\n{message}\nCorrect it. Change nothing else. {CODE_ONLY}",
        kept=_head(place, rows, with_docstring=True) if reported.first > rows.first else 0,
        checks=checks,
        note=message,
    )


def instruct_job(place: Place, instruction: str) -> Job | None:
    """The selected statements or the definition around the cursor, as the user says; None where there are none.

    Raises:
        RefusedError: they cannot be shown to a model.
    """
    rows = _rows(place)
    if rows is None:
        return None
    wanted = _one_line(redacted(instruction), MAX_INSTRUCTION_CHARS)
    return _job(
        place,
        rows,
        title="Rewrite as you say",
        description="Writes the code as it was asked for; whether it does what it should was not tried.",
        question=f"Change this code: {wanted}\nKeep everything else as it is. {CODE_ONLY}",
        kept=0,
        checks=(*SHARED, still_uses_parameters, lambda both: _calls_what_is_said(both, instruction)),
    )


def _job(
    place: Place,
    rows: Rows,
    *,
    title: str,
    description: str,
    question: str,
    kept: int,
    checks: Sequence[Check],
    note: str = "",
) -> Job:
    lines = [place.lines[row] for row in range(rows.first, rows.last + 1)]
    if sum(map(len, lines)) > MAX_CODE_CHARS:
        raise RefusedError(f"These are more than {MAX_CODE_CHARS} characters, too many for the model.")
    if place.hides(rows):
        raise RefusedError("It holds what looks like a password or a key, which the model is not shown.")

    def steps(attempt: Attempt) -> Steps:
        if note and rows.first == rows.last:
            return _line_steps(place, rows.first, question, note, attempt)
        return _steps(place, rows, question, kept, attempt)

    return Job(
        title=title,
        description=description,
        start=Cursor(rows.first, 0),
        end=Cursor(rows.last, len(content_of(lines[-1]))),
        steps=steps,
        checks=tuple(checks),
        needs_chat=not note or rows.first != rows.last,
    )


def _steps(place: Place, rows: Rows, question: str, kept: int, attempt: Attempt) -> Steps:
    lines = [place.shown(row) for row in range(rows.first, rows.last + 1)]
    margin, code = margin_of(lines), dedented(lines)
    # Without its line end: tokens of models join a line end with the white space behind it.
    head, path = "".join(code[:kept]).removesuffix("\n"), place.selection.snapshot.path
    asked = question if not attempt.fault else f"{question} Your last answer was wrong: {attempt.fault}"

    def preview(text: str) -> str:
        gap = "" if not head or text.startswith("\n") else "\n"
        return place.written(indented((head + gap + text).rstrip("\n"), margin))

    num_chars = sum(map(len, code[kept:]))
    answer = yield Ask(
        infill=None,
        question=Question(
            text=asked,
            code="".join(code).rstrip("\n"),
            language=place.language_id,
            path=path,
            answer=f"```{place.language_id}\n{head}",
        ),
        stop=("```",),
        max_tokens=int(num_chars / CHARS_PER_TOKEN) + MORE_TOKENS,
        preview=preview,
    )
    return preview(_code(answer))


def _line_steps(place: Place, row: int, question: str, note: str, attempt: Attempt) -> Steps:
    """One line written anew: the model goes on behind the lines above it, of its definition where it is in one."""
    around = place.python.rows if place.python is not None else Rows(max(0, row - 10), row)
    if place.python is None and place.definition is not None:
        around = place.definition.rows
    first = around.first if around.first <= row else row
    above = [place.shown(i) for i in range(first, row + 1)]
    margin, path = indent_of(above[-1]), place.selection.snapshot.path
    mark = marks_of(place.language_id).comment
    remark = f"{margin}{mark} {note}\n{margin}{mark} {above[-1].strip()}\n"
    # Tokens of models join the last space of an indentation with the word behind it.
    begun = "".join(dedented([*above[:-1], f"{margin}x\n"])).removesuffix("x\n")
    asked = question if not attempt.fault else f"{question} Your last answer was wrong: {attempt.fault}"

    def preview(text: str) -> str:
        return place.written(margin + text.strip())

    answer = yield Ask(
        infill=Prompt(place.before(row) + remark + margin, f"\n{place.after(row + 1)}", path),
        question=Question(
            text=asked,
            code=place.code(Rows(first, max(row, around.last))),
            language=place.language_id,
            path=path,
            answer=f"```{place.language_id}\n{begun[:-1] if begun.endswith((' ', chr(9))) else begun}",
        ),
        stop=("```",),
        max_tokens=int(len(above[-1]) / CHARS_PER_TOKEN) + MORE_TOKENS,
        unit=StopUnit.LINE,
        preview=preview,
    )
    return preview(_code(answer))


def _code(answer: Answer) -> str:
    if not answer.is_whole:
        raise RefusedError("The model found no end.")
    text = answer.text.strip("\n").rstrip()
    if not text:
        raise RefusedError(validation.NOTHING)
    return text


def _rows(place: Place) -> Rows | None:
    if place.language_id not in LANGUAGES:
        return None
    if not place.selection.is_empty:
        return whole_statements(place.tree, place.rows)
    if place.language_id == "python":
        return None if place.python is None else place.python.rows
    return None if place.definition is None else place.definition.rows


def _head(place: Place, rows: Rows, *, with_docstring: bool) -> int:
    """How many rows of a definition stay as they are: its head, in Python with the documentation behind it."""
    found = place.python
    if found is not None and found.rows == rows and found.body.first > found.colon.line:
        last = found.colon.line
        if with_docstring and found.has_docstring:
            text = whole_statements(place.tree, Rows(found.body.first, found.body.first))
            last = last if text is None else text.last
        return min(last, rows.last - 1) - rows.first + 1
    definition = place.definition
    if place.language_id != "python" and definition is not None and definition.rows == rows:
        return max(0, min(definition.header.last, rows.last - 1) - rows.first + 1)
    return 0


def _name_at(place: Place, rows: Rows) -> str | None:
    if place.python is not None and place.python.rows == rows:
        return place.python.name
    return place.definition.name if place.definition is not None and place.definition.rows == rows else None


def _calls_what_is_said(both: Compared, instruction: str) -> str | None:
    """Whether what reaches out of the program is called only where the user has named it."""
    said = set(_NAME.findall(instruction))
    added = validation.effects(both.after) - validation.effects(both.before)
    unasked = sorted(name for name in added if name.rpartition(".")[2] not in said)
    return f"It would call `{unasked[0]}`, which you did not ask for." if unasked else None


def _one_line(text: str, max_chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 3]}..."

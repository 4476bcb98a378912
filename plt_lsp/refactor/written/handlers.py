"""Statements of Python put into a `try`: the model chooses the errors and writes the handler, and nothing else.

The statements are the user's own, only indented. It does not know a model.
"""

from plt_engine.types import Prompt, Question, StopUnit, indent_columns
from plt_lsp.context.skeleton import indent_of
from plt_lsp.documents import content_of
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import RefusedError
from plt_lsp.refactor.written.handler_checks import handles_errors, same_without_handler
from plt_lsp.refactor.written.job import Answer, Ask, Attempt, Job, Steps
from plt_lsp.refactor.written.name_checks import uses_defined_names
from plt_lsp.refactor.written.place import MAX_CODE_CHARS, Place, dedented, margin_of
from plt_lsp.refactor.written.validation import adds_no_definitions, adds_no_effects, keeps_comments
from plt_lsp.syntax.outline_types import Rows
from plt_lsp.syntax.statements import whole_statements

MAX_KIND_TOKENS, MAX_HANDLER_TOKENS = 24, 80
MAX_HANDLER_ROWS = 8
DEFINITIONS = ("def ", "class ", "async def ", "@")
QUESTION = (
    "Put this code into a try statement. Handle only the errors that it can raise, such as KeyError, ValueError, "
    "TypeError or OSError, and not Exception: raise a clear error, or return."
)


def job(place: Place) -> Job | None:
    """A handler for the selected statements, or for the body of the function around the cursor.

    Raises:
        RefusedError: they cannot be put into a `try`, or are too long to be shown to a model.
    """
    if place.language_id != "python":
        return None
    rows = _rows(place)
    if rows is None:
        return None
    body = [place.lines[row] for row in range(rows.first, rows.last + 1)]
    if sum(map(len, body)) > MAX_CODE_CHARS:
        raise RefusedError(f"These are more than {MAX_CODE_CHARS} characters, too many for the model.")
    if any(quotes in line for line in body for quotes in ('"""', "'''")) or any(one.endswith("\\") for one in body):
        raise RefusedError("A text over several lines stands in it, which must not be indented.")
    margin = margin_of(body)
    wrapped = f"{margin}try:\n" + "".join(
        (place.unit + content_of(line) if line.strip() else "") + "\n" for line in body
    )  # fmt: skip

    def steps(attempt: Attempt) -> Steps:
        return _steps(place, rows, margin, wrapped, attempt)

    return Job(
        title="Handle errors",
        description="Puts the statements into a try statement and handles their errors.",
        start=Cursor(rows.first, 0),
        end=Cursor(rows.last, len(content_of(place.lines[rows.last]))),
        steps=steps,
        checks=(
            same_without_handler,
            handles_errors,
            uses_defined_names,
            keeps_comments,
            adds_no_definitions,
            adds_no_effects,
        ),
        hides_secrets=place.hides(rows),
    )


def _rows(place: Place) -> Rows | None:
    """The whole statements that are selected, or the body of the function at the cursor without its docstring."""
    if not place.selection.is_empty:
        rows = whole_statements(place.tree, place.rows)
        is_definition = rows is not None and place.lines[rows.first].lstrip().startswith(DEFINITIONS)
        return None if is_definition else rows
    found = place.python
    if found is None or found.is_class or found.body.first <= found.colon.line:
        return None
    first = found.body.first
    if found.has_docstring:
        after = whole_statements(place.tree, Rows(first, first))
        first = (after or found.body).last + 1
        while first <= found.body.last and not place.lines[first].strip():
            first += 1
    return Rows(first, found.body.last) if first <= found.body.last else None


def _steps(place: Place, rows: Rows, margin: str, wrapped: str, attempt: Attempt) -> Steps:
    shown = f"{margin}try:\n" + "".join(
        (place.unit + place.shown(row).rstrip("\n") if place.lines[row].strip() else "") + "\n"
        for row in range(rows.first, rows.last + 1)
    )

    def ask(before: str, max_tokens: int, unit: StopUnit, stop: tuple[str, ...]) -> Ask:
        path = place.selection.snapshot.path
        whole, text = shown + before, QUESTION + (f" It was wrong before: {attempt.fault}" if attempt.fault else "")
        answer = "".join(dedented(whole.splitlines(keepends=True)))
        return Ask(
            infill=Prompt(place.before(rows.first) + whole, f"\n{place.after(rows.last + 1)}", path),
            question=Question(text, place.code(rows), "python", path, answer=f"```python\n{answer}"),
            stop=stop,
            max_tokens=max_tokens,
            unit=unit,
            indent_columns=indent_columns(margin),
            preview=lambda said: place.written(wrapped + before + said),
        )

    # Behind a bracket a model seldom names all errors at once.
    opening = " (" if attempt.number else ""
    kinds = yield ask(f"{margin}except{opening}", MAX_KIND_TOKENS, StopUnit.LINE, (":", " as ", "```"))
    named = kinds.text.partition(")")[0].strip(" (") if opening else kinds.text.strip()
    if not named or not kinds.is_whole:
        raise RefusedError("The handler does not say which errors it handles.")
    head = f"{margin}except {f'({named})' if opening else named} as error:\n"
    handler = yield ask(head.removesuffix("\n"), MAX_HANDLER_TOKENS, StopUnit.BLOCK, ("```",))
    return place.written(wrapped + head + _handler(handler, margin + place.unit))


def _handler(answer: Answer, margin: str) -> str:
    """The lines of a handler, at its place; only those that stand in its block, and none that broke off."""
    lines = [line.rstrip() for line in answer.text.split("\n") if line.strip()][:MAX_HANDLER_ROWS]
    if not answer.is_whole:
        lines = lines[:-1]
    if not lines:
        raise RefusedError("The model wrote no handler that ends.")
    if not answer.text.startswith("\n"):
        lines[0] = f"{indent_of(lines[1]) if len(lines) > 1 else ''}{lines[0].strip()}"  # it stands behind the colon
    width, block = len(indent_of(lines[0])), []
    for line in lines:
        if len(indent_of(line)) < width:
            break
        block.append(margin + line[width:])
    return "\n".join(block)

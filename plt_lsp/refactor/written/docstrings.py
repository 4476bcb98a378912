"""Documentation of a function or a type: one paragraph by the model, put between the marks of the language.

The model writes the words alone; marks, indentation and line breaks are not its own. It does not know a model.
"""

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plt_engine.types import Prompt, Question
from plt_lsp.context.skeleton import indent_of
from plt_lsp.positions import Cursor
from plt_lsp.refactor.proposal import RefusedError
from plt_lsp.refactor.written.change import Compared
from plt_lsp.refactor.written.job import Answer, Ask, Attempt, Job, Steps
from plt_lsp.refactor.written.place import Place, dedented
from plt_lsp.refactor.written.python_checks import same_without_docstrings
from plt_lsp.refactor.written.validation import changes_comments_only
from plt_lsp.syntax.outline_types import Rows

MAX_TOKENS, MAX_CHARS, WIDTH, MIN_WIDTH = 80, 400, 88, 40
QUESTION = "Write one short sentence of documentation that says what `{name}` does."


@dataclass(frozen=True, slots=True)
class Form:
    """How documentation is written in a language that has it above the definition.

    Attributes:
        opens: what stands before it on one line.
        closes: what stands behind it on one line.
        first: the first line where there are several, or None where they are all alike.
        line: what stands before each line where there are several.
        last: the last line where there are several, or None.
    """

    opens: str
    closes: str = ""
    first: str | None = None
    line: str = ""
    last: str | None = None


_BLOCK = Form("/** ", " */", "/**", " * ", " */")
_SLASHES = Form("/// ", line="/// ")
_HASH = Form("# ", line="# ")
FORMS: Mapping[str, Form] = {
    **dict.fromkeys(
        ("javascript", "javascriptreact", "typescript", "typescriptreact", "java", "php", "c", "cpp"), _BLOCK
    ),
    **dict.fromkeys(("csharp", "cs"), Form("/// <summary>", "</summary>", "/// <summary>", "/// ", "/// </summary>")),
    "rust": _SLASHES,
    "go": Form("// ", line="// "),
    "lua": Form("--- ", line="--- "),
    **dict.fromkeys(("ruby", "bash", "sh", "shellscript"), _HASH),
}

QUOTES = '"""'
_SPACE = re.compile(r"\s+")
_MARKS = re.compile(r"^\s*(?:#|//|/\*|--|\*|\"\"\"|''')", re.MULTILINE)
_ENDS = re.compile(r"\*/|-->|\"\"\"|'''|```|\]\]")
# What an editor that shows documentation as Markdown might load, run or link to.
_MARKUP = re.compile(r"!\[|\]\s*\(|\]\s*:|<\s*[a-zA-Z/!?][^>]*>?|\$\(|\bwww\.")
_CODE = re.compile(
    r"[;{}]|\w\([^)]*[\"'=]|(?<![=!<>])=(?!=)|^\W*(?:import|from|def|class|raise|assert|const|let|var|function)\b"
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_WORD = re.compile(r"[^\W\d_]{2,}")


def job(place: Place) -> Job | None:
    """Documentation for the definition around the selection, or None where there is nothing to document.

    Raises:
        RefusedError: it has documentation, or no room for any.
    """
    return _in_python(place) if place.language_id == "python" else _above(place)


def _in_python(place: Place) -> Job | None:
    found = place.python
    if found is None:
        return None
    if found.has_docstring:
        raise RefusedError(f"`{found.name}` has a docstring already.")
    if found.body.first <= found.colon.line:
        raise RefusedError(f"The body of `{found.name}` stands on the line of its head.")
    row = found.colon.line + 1
    margin = indent_of(place.lines[found.body.first])
    head = f"{margin}{QUOTES}"

    def shown(text: str) -> str:
        lines = _lines(text, margin, len(QUOTES))
        closing = QUOTES if len(lines) == 1 else f"\n{margin}{QUOTES}"
        return place.written(f"{head}{lines[0]}{''.join(f'{chr(10)}{margin}{line}' for line in lines[1:])}{closing}\n")

    def steps(attempt: Attempt) -> Steps:
        heads = [place.shown(i) for i in range(found.rows.first, row)]
        prefix = place.before(found.rows.first) + "".join(heads) + head
        begun = "".join(dedented(heads[found.start.line - found.rows.first :])) + f"    {QUOTES}"
        gap = _Gap(prefix, f"\n{place.after(row)}", begun, (QUOTES, "\n\n", "```"), shown)
        answer = yield _ask(place, found.name, found.rows, attempt, gap)
        return shown(_paragraph(answer).replace("\\", "\\\\"))

    return Job(
        title=f"Write a docstring for `{found.name}`",
        description=f"Says in a docstring what `{found.name}` does.",
        start=Cursor(row, 0),
        end=Cursor(row, 0),
        steps=steps,
        checks=(same_without_docstrings, is_prose),
        hides_secrets=place.hides(found.rows),
    )


def _above(place: Place) -> Job | None:
    form, found = FORMS.get(place.language_id), place.definition
    if form is None or found is None:
        return None
    if found.doc:
        raise RefusedError(f"`{found.name}` is documented already.")
    row = found.header.first
    margin = indent_of(place.lines[row])
    # Go's documentation begins with the name of what it documents.
    begins = f"{found.name} " if place.language_id == "go" else ""

    def shown(text: str) -> str:
        lines = _lines(_escaped(begins + text, place.language_id), margin, len(form.opens))
        if len(lines) == 1:
            return place.written(f"{margin}{form.opens}{lines[0]}{form.closes}\n")
        rows = [form.first, *(form.line + line for line in lines), form.last]
        return place.written("".join(f"{margin}{one}\n" for one in rows if one is not None))

    def steps(attempt: Attempt) -> Steps:
        head = f"{form.opens}{begins}".rstrip()
        prefix, stop = place.before(row) + margin + head, ("*/", "\n", "```", "</summary>")
        gap = _Gap(prefix, f"\n{place.after(row)}", head, stop, shown)
        answer = yield _ask(place, found.name, found.rows, attempt, gap)
        return shown(_paragraph(answer))

    return Job(
        title=f"Document `{found.name}`",
        description=f"Says above `{found.name}` what it does.",
        start=Cursor(row, 0),
        end=Cursor(row, 0),
        steps=steps,
        checks=(changes_comments_only, is_prose),
        hides_secrets=place.hides(found.rows),
    )


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where the words go: what stands before them, also in an answer in a chat, and behind them; what ends them."""

    prefix: str
    suffix: str
    begun: str
    stop: tuple[str, ...]
    shown: Callable[[str], str]


def _ask(place: Place, name: str, rows: Rows, attempt: Attempt, gap: _Gap) -> Ask:
    question = QUESTION.format(name=name)
    if attempt.fault:
        question += f" What you wrote before was wrong: {attempt.fault} Write plain words only."
    path = place.selection.snapshot.path
    return Ask(
        infill=Prompt(gap.prefix, gap.suffix, path),
        question=Question(
            text=question,
            code=place.code(rows),
            language=place.language_id,
            path=path,
            answer=f"```{place.language_id}\n{gap.begun}",
        ),
        stop=gap.stop,
        max_tokens=MAX_TOKENS,
        preview=lambda text: gap.shown(_SPACE.sub(" ", text).strip()[:MAX_CHARS]),
    )


def is_prose(both: Compared) -> str | None:
    """Whether what was added is words, and nothing that an editor would do anything about."""
    text = both.change.inserted
    inner = re.sub(r"</?summary>|&(?:amp|lt|gt);", "", text) if both.change.language_id in ("csharp", "cs") else text
    if _MARKUP.search(inner):
        return "It holds markup that an editor might act on."
    if _CODE.search(inner):
        return "It holds code in place of words."
    return None if len(set(_WORD.findall(inner))) >= 3 else "It says nothing about the code."


def _paragraph(answer: Answer) -> str:
    """The first paragraph in one line, cut behind its last whole sentence where it broke off."""
    text = answer.text.strip().removeprefix(QUOTES).split("\n\n")[0]
    if not text.strip():
        raise RefusedError("The model wrote nothing.")
    if _MARKS.search(text) or _ENDS.search(text):
        raise RefusedError("It holds the marks of a comment or a text in code.")
    text = _SPACE.sub(" ", text).strip()
    if not answer.is_whole or len(text) > MAX_CHARS:
        ends = [found.end() for found in _SENTENCE_END.finditer(text[:MAX_CHARS])]
        if not ends:
            raise RefusedError("The model found no end.")
        text = text[: ends[-1]]
    return text if text[-1] in ".!?:" else f"{text}."


def _lines(text: str, margin: str, num_opening: int) -> list[str]:
    width = max(MIN_WIDTH, WIDTH - len(margin.expandtabs(4)) - num_opening)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _escaped(text: str, language_id: str) -> str:
    """C#'s documentation is XML."""
    if language_id not in ("csharp", "cs"):
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""Where something is to be written: the selection, its syntax tree, and what of the text a model may be shown.

It does not know what is to be written. Texts for a model have line feeds only, and a word in place of each secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from plt_lsp.context.elision import marks_of
from plt_lsp.context.secrets import redacted
from plt_lsp.context.skeleton import indent_of
from plt_lsp.documents import content_of, split_lines
from plt_lsp.positions import Cursor
from plt_lsp.postprocess.indentation import USUAL_WIDTH, Style, style_of
from plt_lsp.refactor.proposal import Selection
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Outline, Rows
from plt_lsp.syntax.statements import PythonDefinition, python_definition, top_rows
from plt_lsp.syntax.tree import SyntaxTree

# About 600 tokens, which the smallest model reads within a second on two cores.
MAX_CODE_CHARS = 2000
MAX_BEFORE_CHARS, MAX_AFTER_CHARS = 2400, 800
DEFINITIONS = (DefinitionKind.FUNCTION, DefinitionKind.METHOD, DefinitionKind.CLASS, DefinitionKind.STRUCT)


@dataclass(frozen=True)
class Place:
    """A selection in a document that has a syntax tree."""

    selection: Selection
    tree: SyntaxTree

    @property
    def lines(self) -> tuple[str, ...]:
        """The document's lines with their line ends."""
        return self.tree.lines

    @property
    def language_id(self) -> str:
        """As the editor says."""
        return self.tree.language_id

    @cached_property
    def rows(self) -> Rows:
        """The rows that are selected, without a last one of which nothing is."""
        start, end = self.selection.start, self.selection.end
        return Rows(start.line, max(start.line, end.line - (end.column == 0 and end != start)))

    @cached_property
    def shown_lines(self) -> list[str]:
        """All lines, each with a line feed, as a model may be shown them."""
        lines = split_lines(redacted("".join(self.lines)))
        return [content_of(line) + "\n" for line in lines[:-1]] + [lines[-1]]

    @cached_property
    def outline(self) -> Outline:
        """What is defined at the top of the file around the selection, and in it."""
        return outline(self.tree, top_rows(self.tree, self.rows))

    @cached_property
    def python(self) -> PythonDefinition | None:
        """The innermost Python definition that holds the selection."""
        if self.language_id != "python":
            return None
        start, end = self.selection.start, self.selection.end
        if self.selection.is_empty:  # also in the white space before a decorator or a head
            line = self.lines[start.line]
            start = end = Cursor(start.line, max(start.column, len(indent_of(line))))
        return python_definition(self.tree, start, end)

    @cached_property
    def definition(self) -> Definition | None:
        """The innermost function or type that holds the selection, in any language."""
        around = [self.outline.definitions[i] for i in self.outline.enclosing(self.rows.first)]
        holding = [one for one in around if one.kind in DEFINITIONS and self.rows.last <= one.last_row]
        return holding[-1] if holding else None

    @cached_property
    def line_end(self) -> str:
        """What lines end with at the selection."""
        row = min(self.rows.first, len(self.lines) - 1)
        ends = (line[len(content_of(line)) :] for line in (*self.lines[row:], *reversed(self.lines[:row])))
        return next((end for end in ends if end), "\n")

    @cached_property
    def unit(self) -> str:
        """One level of indentation."""
        style = style_of(self.lines) or Style(is_tabs=False, width=USUAL_WIDTH)
        return "\t" if style.is_tabs else " " * (style.width or USUAL_WIDTH)

    def hides(self, rows: Rows) -> bool:
        """Whether a secret stands in some rows."""
        return any(content_of(self.lines[i]) + "\n" != self.shown(i) for i in range(rows.first, rows.last + 1))

    def shown(self, row: int) -> str:
        """A row as a model may be shown it, with a line feed."""
        return content_of(self.shown_lines[row]) + "\n"

    def code(self, rows: Rows) -> str:
        """Some rows for a model, without their common indentation; cut behind the last row that fits."""
        kept, room = [], MAX_CODE_CHARS
        for row in range(rows.first, rows.last + 1):
            room -= len(self.shown(row))
            if room < 0:
                kept.append(f"{indent_of(self.shown(row))}{marks_of(self.language_id).rows}\n")
                break
            kept.append(self.shown(row))
        return "".join(dedented(kept)).rstrip("\n")

    def before(self, row: int) -> str:
        """The rows above one, as many as a model is shown before what it fills in."""
        return _last(self.shown_lines[:row], MAX_BEFORE_CHARS)

    def after(self, row: int) -> str:
        """The rows from one on, as many as a model is shown behind what it fills in."""
        kept, room = "", MAX_AFTER_CHARS
        for line in self.shown_lines[row:]:
            room -= len(line)
            if room < 0:
                break
            kept += line
        return kept

    def written(self, text: str) -> str:
        """A text with line feeds as it stands in the file."""
        return text.replace("\n", self.line_end)


def margin_of(lines: Sequence[str]) -> str:
    """The white space that all lines with text begin with."""
    heads = [indent_of(line) for line in lines if line.strip()]
    width = min(map(len, heads), default=0)
    return heads[0][:width] if heads and all(head[:width] == heads[0][:width] for head in heads) else ""


def dedented(lines: Sequence[str]) -> list[str]:
    """Lines without the white space that all of them begin with."""
    margin = len(margin_of(lines))
    return [line[margin:] if line.strip() else line.lstrip(" \t") for line in lines]


def indented(text: str, margin: str) -> str:
    """A text with white space before each of its lines that has any."""
    return "\n".join(margin + line if line.strip() else line for line in text.split("\n"))


def _last(lines: Sequence[str], max_chars: int) -> str:
    kept, room = "", max_chars
    for line in reversed(lines):
        room -= len(line)
        if room < 0:
            break
        kept = line + kept
    return kept

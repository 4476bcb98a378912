"""Cuts or drops a text at the first syntax error that it brings itself, and at the end of the cursor's scope.

It compares the tree with the text against the tree without it; it knows no language but by its grammar, and leaves
those alone whose grammars take good code for an error.
"""

import re
from dataclasses import dataclass

from plt_engine.types import StopUnit
from plt_lsp.postprocess.cut import Cut
from plt_lsp.postprocess.reasons import Reason
from plt_lsp.postprocess.view import View
from plt_lsp.syntax.brackets import closers_of, unmatched
from plt_lsp.syntax.faults import Fault, faults, scope_end
from plt_lsp.syntax.insertion import Insertion, insertion_at
from plt_lsp.syntax.lexical import Kind, place_at_end
from plt_lsp.syntax.places import Place
from plt_lsp.syntax.tree import NoTree, SyntaxTree, encoded

MAX_TRIES = 8

# Grammars that read what people write; those of shells, templates and prose do not.
_CHECKED = frozenset(
    {"c", "cpp", "cs", "csharp", "go", "java", "javascript", "javascriptreact", "json", "jsonc", "lua", "php", "python"}
    | {"ruby", "rust", "toml", "typescript", "typescriptreact"}
)
_MACRO_LANGUAGES = frozenset({"c", "cpp"})  # a macro may stand for what seems to be missing
_OPEN_END = re.compile(r"[-+*/%&|^=<>.,:?\\(\[{]$")


@dataclass(frozen=True, slots=True)
class _Trial:
    """One text at the cursor.

    Attributes:
        tree: with the text and what closes it.
        text_end: where the text ends, in bytes.
        end: where what closes it ends, in bytes.
        is_open: whether the text may be a beginning, at whose end no error counts.
    """

    tree: SyntaxTree
    text_end: int
    end: int
    is_open: bool


def without_syntax_errors(text: str, view: View, *, is_whole: bool = True) -> Cut:
    """The longest beginning of a text, in whole lines, that is free of errors of its own; nothing where none is.

    Args:
        text: with line feeds as line ends.
        view: of the cursor.
        is_whole: whether the model has ended the text, so that an error at its end counts.
    """
    place = _place(view)
    if place is None or _stays_inside(text, view):
        return Cut(text)
    known: list[Fault] | None = None
    lines = text.split("\n")
    for size in range(len(lines), max(0, len(lines) - MAX_TRIES), -1):
        if size < len(lines) and not lines[size - 1].strip():
            continue
        kept = "\n".join(lines[:size])
        is_open = size == len(lines) and not is_whole
        # What the text opens may be closed below already, or be still to be closed.
        for closing in dict.fromkeys((_closing(kept, view), "")):
            trial = _try(kept, closing, place, is_open=is_open)
            if trial is None:
                return Cut(text)
            if trial.tree.root.has_error:
                known = known if known is not None else _known_faults(view, place)
                if _brings_fault(trial, place.start, known, view):
                    continue
            return _within_scope(kept, trial, place, view, Reason.SYNTAX_ERROR if size < len(lines) else None)
    return Cut("", Reason.SYNTAX_ERROR)


def _stays_inside(text: str, view: View) -> bool:
    """Whether a text in a string or comment does not leave it, so that it cannot be wrong."""
    if view.place is Place.CODE:
        return False
    end = place_at_end(text, view.language_id, view.around.inside)
    return not view.around.inside or (end is not None and end.start == 0)


def _place(view: View) -> Insertion | None:
    if view.language_id not in _CHECKED:
        return None
    return insertion_at(view.around, view.language_id)


def _try(text: str, closing: str, place: Insertion, *, is_open: bool) -> _Trial | None:
    tree = place.with_text(text + closing)
    if isinstance(tree, NoTree):
        return None
    text_end = place.start + len(encoded((text.rstrip(),)))
    end = place.start + len(encoded((text + closing,)))
    return _Trial(tree, text_end, end, is_open or _OPEN_END.search(text.rstrip()) is not None)


def _closing(text: str, view: View) -> str:
    """What would close all that is open behind a text and that nothing else closes."""
    around = view.around
    opened, closers = unmatched(text, view.language_id, around.inside)
    left = around.unclosed[: len(around.unclosed) - len(closers)]
    brackets = closers_of(opened) + closers_of(left)
    end = place_at_end(text, view.language_id, around.inside)
    if end is None:
        return brackets
    if end.kind is Kind.COMMENT:
        return ("*/" if end.text == "/*" else "\n" if brackets else "") + brackets
    return brackets if around.is_ended and end.start == 0 else end.text + brackets


def _known_faults(view: View, place: Insertion) -> list[Fault]:
    """The faults that are there without any text but what closes the brackets that nothing closes."""
    base = place.with_text(closers_of(view.around.unclosed))
    return faults(base) if isinstance(base, SyntaxTree) else []


def _brings_fault(trial: _Trial, start: int, known: list[Fault], view: View) -> bool:
    shift = trial.end - start - len(view.around.unclosed)
    return any(not _is_excused(fault, trial, start, known, shift, view) for fault in faults(trial.tree))


def _is_excused(fault: Fault, trial: _Trial, start: int, known: list[Fault], shift: int, view: View) -> bool:
    """Whether a fault was there before, or is none of the text's."""
    if fault.is_missing and view.language_id in _MACRO_LANGUAGES:
        return True
    if fault.start < start:
        end = min(fault.end, start)
        return any(old.covers(fault.start, end) for old in known)
    if fault.start >= trial.end:
        return any(old.covers(fault.start - shift, fault.end - shift) for old in known)
    return trial.is_open and fault.end >= trial.text_end


def _within_scope(text: str, trial: _Trial, place: Insertion, view: View, reason: Reason | None) -> Cut:
    """End before the first line that begins behind the scope's end."""
    if view.unit is StopUnit.LINE or trial.tree.root.has_error:
        return Cut(text, reason)
    is_blank = not view.line_before.strip()
    first = place.start + len(encoded((text[: len(text) - len(text.lstrip())],)))
    end = scope_end(trial.tree, first, place.row, is_on_blank_line=is_blank)
    if end is None:
        return Cut(text, reason)
    lines = text.split("\n")
    at = place.start + len(encoded((lines[0],))) + 1
    for i, line in enumerate(lines[1:], 1):
        if line.strip() and at + len(line) - len(line.lstrip()) >= end:
            return Cut("\n".join(lines[:i]), Reason.SCOPE_END)
        at += len(encoded((line,))) + 1
    return Cut(text, reason)

"""Definitions of other files as they are shown: signatures with the heads of their documentation, types with members.

It does not know who uses them.
"""

from collections.abc import Iterable, Iterator, Sequence

from plt_lsp.context.candidates import MAX_CHUNK_CHARS, MAX_LINE_CHARS, Candidate
from plt_lsp.context.elision import Marks, marks_of
from plt_lsp.context.import_rules.files import Files
from plt_lsp.context.imports import Origin
from plt_lsp.context.report import Source
from plt_lsp.context.skeleton import indent_of
from plt_lsp.documents import content_of
from plt_lsp.syntax.outline import TYPES
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Outline

# A type that is as short as this is shown as it stands.
MAX_WHOLE_ROWS = 10
MAX_TYPE_CHARS = 280
MAX_MEMBERS = 12
INDENT = "    "

CONSTRUCTORS = ("__init__", "constructor", "new", "initialize", "__construct")
_MEMBERS = (DefinitionKind.METHOD, DefinitionKind.PROPERTY, DefinitionKind.FUNCTION)


def definition_candidates(
    files: Files, found: Iterable[Origin], members: frozenset[str] = frozenset()
) -> Iterator[Candidate]:
    """A candidate for each definition, scored by the weight of the names that lead to it; none twice.

    Args:
        files: of the workspace.
        found: the definitions.
        members: the names of members that come first where a type has more than are shown.
    """
    best: dict[tuple[str, int], Origin] = {}
    for origin in found:
        key = (origin.path, origin.i)
        if key not in best or best[key].weight < origin.weight:
            best[key] = origin
    for origin in best.values():
        text = shown(files, origin.path, origin.outline, origin.i, members)
        if text:
            first, name = origin.definition.header.first, origin.definition.name
            yield Candidate(Source.DEFINITIONS, origin.path, first, name, text, origin.weight, origin.why)


def shown(files: Files, path: str, outline: Outline, i: int, first: frozenset[str]) -> str:
    """A definition without its bodies, in whole lines; empty where it is too long for any chunk."""
    one = outline.definitions[i]
    marks = marks_of(outline.language_id)
    if one.kind not in TYPES:
        return _fitting(_alone(one, marks, ""))
    inside, beside = _members(outline, i)
    whole = _whole(files.text(path).splitlines(), one)
    if whole:
        return whole + _beside(one, beside, marks, MAX_TYPE_CHARS - len(whole), first)
    return _with_members(one, [*inside, *beside], marks, first)


def _whole(lines: Sequence[str], one: Definition) -> str:
    """A short type as it stands in its file, where that is as the index says."""
    rows = lines[one.header.first : one.last_row + 1]
    is_there = len(rows) == one.last_row - one.header.first + 1 and any(one.name in row for row in rows)
    if not is_there or len(rows) > MAX_WHOLE_ROWS or any(len(row) > MAX_LINE_CHARS for row in rows):
        return ""
    depth = len(indent_of(rows[0]))
    text = "".join(f"{content_of(row[depth:] if row[:depth].isspace() else row)}\n" for row in rows)
    return text if len(text) <= MAX_TYPE_CHARS else ""


def _members(outline: Outline, i: int) -> tuple[list[Definition], list[Definition]]:
    """What belongs to a type and is for others: what stands in it, and what is written beside it in Rust and Go."""
    one, beside = outline.definitions[i], list[int]()
    for j, other in enumerate(outline.definitions):
        if other.kind is DefinitionKind.IMPL and other.name == one.name:
            beside += outline.children(j)
        elif outline.language_id == "go" and _receiver(other) == one.name:
            beside.append(j)
    return _public(outline, outline.children(i)), _public(outline, beside)


def _public(outline: Outline, indices: Iterable[int]) -> list[Definition]:
    found = [outline.definitions[j] for j in indices]
    return [one for one in found if one.kind in _MEMBERS and not _is_private(one.name)]


def _beside(one: Definition, members: Sequence[Definition], marks: Marks, room: int, first: frozenset[str]) -> str:
    """What is written beside a type, in a block of its own where the language has one for that."""
    if not members:
        return ""
    is_go = members[0].parent is None
    head, indent, end = ("", "", "") if is_go else (f"impl {one.name} {{\n", INDENT, "}\n")
    kept = _as_many_as_fit(members, marks, indent, room - len(head) - len(end), first)
    return f"{head}{kept}{end}" if kept else ""


def _as_many_as_fit(members: Sequence[Definition], marks: Marks, indent: str, room: int, first: frozenset[str]) -> str:
    """The members that fit, in their order; how something is made and what is used already comes before the others."""
    texts = [_alone(member, marks, indent, has_doc=False) for member in members]
    names = [member.name for member in members]
    kept: list[int] = []
    for i in sorted(range(len(members)), key=lambda i: (names[i] not in CONSTRUCTORS, names[i] not in first, i)):
        if len(texts[i]) <= room and len(kept) < MAX_MEMBERS:
            kept.append(i)
            room -= len(texts[i])
    return "".join(texts[i] for i in sorted(kept))


def _receiver(one: Definition) -> str:
    """The type of a Go method, in `func (s *Store) Load()`."""
    if one.kind is not DefinitionKind.METHOD or not one.signature.startswith("func ("):
        return ""
    return one.signature[6:].partition(")")[0].split("[")[0].split(" ")[-1].lstrip("*")


def _is_private(name: str) -> bool:
    return name.startswith(("_", "#")) and not (name.startswith("__") and name.endswith("__"))


def _with_members(one: Definition, members: Sequence[Definition], marks: Marks, first: frozenset[str]) -> str:
    head = _headed(one, marks)
    kept = _as_many_as_fit(members, marks, INDENT, MAX_TYPE_CHARS - len(head), first)
    end = "}\n" if marks.opens == " {" else "end\n" if marks.body.endswith("end") else ""
    return _fitting(f"{head}{kept}{end}") if kept else _fitting(_alone(one, marks, ""))


def _headed(one: Definition, marks: Marks) -> str:
    above = f"{marks.comment} {one.doc}\n" if one.doc and not marks.docstring else ""
    inside = f"{INDENT}{marks.docstring}{one.doc}{marks.docstring}\n" if one.doc and marks.docstring else ""
    return f"{above}{one.signature}{marks.opens}\n{inside}"


def _alone(one: Definition, marks: Marks, indent: str, *, has_doc: bool = True) -> str:
    """A signature, with the head of the documentation as its language writes it."""
    doc = one.doc if has_doc else ""
    has_body = one.body is not None and not one.signature.startswith("#")
    if doc and marks.docstring and has_body:
        inner = indent + INDENT
        return f"{indent}{one.signature}:\n{inner}{marks.docstring}{doc}{marks.docstring}\n{inner}...\n"
    above = f"{indent}{marks.comment} {doc}\n" if doc else ""
    body = marks.body.replace("\n", f"\n{indent}") if has_body else ""
    return f"{above}{indent}{one.signature}{body}\n"


def _fitting(text: str) -> str:
    return text if len(text) <= MAX_CHUNK_CHARS else ""

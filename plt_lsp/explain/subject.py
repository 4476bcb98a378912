"""What is explained: a stretch of a document with its facts, and the part of it that the model is shown.

It does not know the protocol or the engine's process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from plt_engine.types import Question
from plt_lsp.context.elision import marks_of
from plt_lsp.context.secrets import is_secret_file, redacted
from plt_lsp.context.skeleton import indent_of, shown_alone
from plt_lsp.documents import content_of, split_lines
from plt_lsp.explain.kinds import ASKS, Kind
from plt_lsp.explain.whereabouts import Index, whereabouts
from plt_lsp.explain.wording import facts_for_model, facts_text, title_of
from plt_lsp.positions import Cursor
from plt_lsp.reasons import EmptyReason
from plt_lsp.snapshot import Snapshot
from plt_lsp.syntax.facts.reading import facts_in
from plt_lsp.syntax.facts.types import Facts
from plt_lsp.syntax.outline import outline as outline_in
from plt_lsp.syntax.outline_types import Definition, Outline, Rows
from plt_lsp.syntax.tree import SyntaxTree
from plt_lsp.trigger import refusal

# About 1,200 tokens; on two cores the smallest model reads half of it within a second.
MAX_CODE_CHARS = 4000
# What is shown where reading that takes longer than the latency budget allows.
SHORTER_CHARS = (2000, 1000, 500)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is explained.

    Attributes:
        snapshot: the document as it was asked about.
        facts: what is certain.
        title: one line of Markdown.
        facts_markdown: the facts in words.
        code: what the model is shown, without secrets.
        is_cut: whether that is not all of it.
        shorter: what it may be shown in place of that, ever shorter.
    """

    snapshot: Snapshot
    facts: Facts
    title: str
    facts_markdown: str
    code: str
    is_cut: bool
    shorter: tuple[str, ...] = ()

    def question(self, kind: Kind, answer: str = "", shortened: int | None = None) -> Question:
        """What the model is asked.

        Args:
            kind: what the user wants to know.
            answer: what it has said so far.
            shortened: which form of the code it is shown, 0 for the whole one; None where the engine may choose.
        """
        return Question(
            text=ASKS[kind].question,
            code=(self.code, *self.shorter)[shortened or 0],
            shorter=self.shorter if shortened is None else (),
            language=self.snapshot.language_id,
            path=self.snapshot.path,
            facts=redacted(facts_for_model(self.facts)),
            answer=answer,
        )


def refusal_of(snapshot: Snapshot) -> EmptyReason | None:
    """Why nothing of a document is explained, or None."""
    reason = refusal(snapshot, is_automatic=False)
    if reason is None and is_secret_file(unquote(urlsplit(snapshot.uri).path)):
        return EmptyReason.CREDENTIALS
    return reason


def subject_of(snapshot: Snapshot, tree: SyntaxTree | None, start: Cursor, end: Cursor, index: Index | None) -> Subject:
    """The subject for a range of a document.

    Args:
        snapshot: the document.
        tree: its syntax tree, or None where it has none.
        start: of the range.
        end: of the range; where it is the start, what is meant is the definition around it.
        index: of the document's workspace folder, or None.
    """
    outline = Outline(snapshot.language_id) if tree is None else outline_in(tree)
    if start == end:
        start, end = _around(snapshot, outline, start)
    facts = Facts(Rows(start.line, end.line)) if tree is None else facts_in(tree, outline, start, end)
    found = {call.name: whereabouts(call, snapshot.language_id, snapshot.path, index) for call in facts.calls}
    places = {name: place for name, place in found.items() if place is not None}
    lines = split_lines(redacted(snapshot.text))
    code = _shown(lines, outline, facts, MAX_CODE_CHARS)
    shorter = tuple(_shown(lines, outline, facts, size) for size in SHORTER_CHARS if size < len(code))
    whole = "".join(lines[facts.rows.first : facts.rows.last + 1])
    return Subject(
        snapshot=snapshot,
        facts=facts,
        title=title_of(facts, snapshot.path),
        facts_markdown=facts_text(facts, places),
        code=code,
        is_cut=len(whole) > MAX_CODE_CHARS,
        shorter=shorter,
    )


def _around(snapshot: Snapshot, outline: Outline, cursor: Cursor) -> tuple[Cursor, Cursor]:
    """The innermost definition around a cursor, or its line."""
    around = outline.enclosing(cursor.line)
    if not around:
        return Cursor(cursor.line, 0), Cursor(cursor.line, len(content_of(snapshot.lines[cursor.line])))
    rows = outline.definitions[around[-1]].rows
    return Cursor(rows.first, 0), Cursor(rows.last, len(content_of(snapshot.lines[rows.last])))


def _shown(lines: Sequence[str], outline: Outline, facts: Facts, max_chars: int) -> str:
    """The code without its common indentation; where it is too long, without the longest bodies, then without its end.

    Rows of what is left out are marked as the language would mark them.
    """
    rows = facts.rows
    marks = marks_of(outline.language_id)
    texts: dict[int, str] = {row: content_of(lines[row]) + "\n" for row in range(rows.first, rows.last + 1)}
    inner = [
        one for one in outline.definitions
        if one.body is not None and rows.first <= one.header.first and one.last_row <= rows.last
        and one != facts.definition
    ]  # fmt: skip
    for one in sorted(inner, key=_num_rows, reverse=True):
        if sum(map(len, texts.values())) <= max_chars:
            break
        if all(row in texts for row in range(one.header.first, one.last_row + 1)):
            for row in range(one.header.first, one.last_row + 1):
                del texts[row]
            texts[one.header.first] = shown_alone(lines, one, marks)
    kept, room = "", max_chars
    for row in sorted(texts):
        if len(texts[row]) > room:
            kept += f"{indent_of(texts[row])}{marks.rows}\n"
            break
        kept += texts[row]
        room -= len(texts[row])
    return _dedented(kept)


def _num_rows(one: Definition) -> int:
    return one.last_row - one.header.first


def _dedented(text: str) -> str:
    lines = text.split("\n")
    width = min((len(indent_of(line)) for line in lines if line.strip()), default=0)
    return "\n".join(line[width:] for line in lines).strip("\n")

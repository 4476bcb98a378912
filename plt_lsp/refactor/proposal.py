"""A refactoring before and after it is worked out: an offer that costs nothing, then a proposal or a refusal.

It does not know who works it out, by syntax tree or by a model, nor how a proposal reaches the editor.
"""

from dataclasses import dataclass

from plt_lsp.documents import text_between
from plt_lsp.positions import Cursor
from plt_lsp.snapshot import Snapshot


class RefusedError(Exception):
    """A refactoring cannot be done there; the message names the reason in the user's words, as a sentence."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user has selected of a document at one version; an empty one is a cursor."""

    snapshot: Snapshot
    start: Cursor
    end: Cursor

    @property
    def is_empty(self) -> bool:
        """Whether it is a cursor only."""
        return self.start == self.end

    @property
    def text(self) -> str:
        """The selected text, with the document's line ends."""
        return text_between(self.snapshot.lines, self.start, self.end, self.snapshot.num_chars)


@dataclass(frozen=True, slots=True)
class Offer:
    """A refactoring that could be worked out for a selection.

    Attributes:
        name: names it to the server, in camel case: `extractFunction`.
        title: as the user reads it.
        kind: a CodeActionKind (LSP 3.18): `refactor.extract.function`.
        is_written: whether the model writes it; the others follow from the syntax tree alone.
        disabled: why it cannot be done there though it looks as if it could, in the user's words, or None.
    """

    name: str
    title: str
    kind: str
    is_written: bool = False
    disabled: str | None = None


@dataclass(frozen=True, slots=True)
class TextChange:
    """A stretch of a document and what takes its place."""

    start: Cursor
    end: Cursor
    text: str


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """All changes of one document, in the order of their places, none touching another.

    Attributes:
        uri: of the document.
        version: of the text that the places belong to, or None for a file that is not open.
        changes: of its text.
    """

    uri: str
    version: int | None
    changes: tuple[TextChange, ...]


@dataclass(frozen=True, slots=True)
class NameWanted:
    """A name that a refactoring needs.

    Attributes:
        role: what is named: `function`, `method` or `variable`.
        default: a plain name that is valid and free.
        taken: names that would mean something else there, besides keywords.
        code: what is named, as it will stand.
        before: the line or lines, up to the name, that the model would read before choosing it.
        after: what follows the name.
    """

    role: str
    default: str
    taken: frozenset[str]
    code: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A refactoring that has passed every check and waits for the user.

    Attributes:
        offer: what was asked for.
        changes: of one or several documents.
        description: one sentence about what it does, for a change annotation.
        named: what the refactoring has named, or None; the editor may offer to rename it.
        named_at: where that name stands first in the changed document, or None.
    """

    offer: Offer
    changes: tuple[DocumentChange, ...]
    description: str
    named: str | None = None
    named_at: Cursor | None = None

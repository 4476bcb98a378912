"""A text before and after a proposed change, with both syntax trees: what every check looks at.

It does not know who proposes the change, nor what would be wrong with it.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from plt_lsp.documents import split_lines
from plt_lsp.positions import Cursor
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.surroundings import Leaf, leaves
from plt_lsp.syntax.tree import SyntaxTree, encoded

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Change:
    """A document and what is to become of it.

    Attributes:
        language_id: as the editor says.
        old: the whole text.
        new: the whole text as it would be.
        start: where the stretch that may change begins, in characters of the old text.
        end: where it ends.
        hides_secrets: whether the model was shown something in place of a secret.
    """

    language_id: str
    old: str
    new: str
    start: int
    end: int
    hides_secrets: bool = False

    @property
    def new_end(self) -> int:
        """Where the stretch ends in the new text."""
        return len(self.new) - (len(self.old) - self.end)

    @property
    def replaced(self) -> str:
        """What stood in the stretch."""
        return self.old[self.start : self.end]

    @property
    def inserted(self) -> str:
        """What would stand there."""
        return self.new[self.start : self.new_end]

    def added(self, pattern: re.Pattern[str]) -> list[str]:
        """What matches a pattern oftener in what would stand there than in what stood there."""
        matches = [
            Counter(found.group() for found in pattern.finditer(text)) for text in (self.inserted, self.replaced)
        ]
        return list((matches[0] - matches[1]).elements())


@dataclass(frozen=True)
class Side:
    """One of the two texts.

    Attributes:
        text: all of it.
        tree: of it.
        start: where the stretch begins, in characters.
        end: where it ends.
    """

    text: str
    tree: SyntaxTree
    start: int
    end: int

    @cached_property
    def span(self) -> tuple[int, int]:
        """The stretch in bytes of the tree."""
        start = len(encoded((self.text[: self.start],)))
        return start, start + len(encoded((self.text[self.start : self.end],)))

    @cached_property
    def cursors(self) -> tuple[Cursor, Cursor]:
        """The stretch as places."""
        return cursor_in(self.text, self.start), cursor_in(self.text, self.end)

    @cached_property
    def outline(self) -> Outline:
        """What the text defines."""
        return outline(self.tree)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves in the stretch."""
        return leaves(self.tree, *self.span)

    @cached_property
    def all_leaves(self) -> tuple[Leaf, ...]:
        """The leaves of all of the text."""
        return leaves(self.tree)

    @property
    def tokens(self) -> list[str]:
        """What a program consists of in the stretch, without comments."""
        return [leaf.text for leaf in self.leaves if not leaf.is_comment and leaf.text.strip()]


@dataclass(frozen=True)
class Compared:
    """A change with the trees of both texts."""

    change: Change
    before: Side
    after: Side


Check = Callable[[Compared], str | None]
"""What is wrong with a change, as a sentence for the user, or None."""


def compared(change: Change) -> Compared | None:
    """A change with its trees, or None where the language has none, or the text is too long for one."""
    before = SyntaxTree.parse(change.language_id, change.old)
    after = SyntaxTree.parse(change.language_id, change.new)
    if not isinstance(before, SyntaxTree) or not isinstance(after, SyntaxTree):
        return None
    sides = Side(change.old, before, change.start, change.end), Side(change.new, after, change.start, change.new_end)
    return Compared(change, *sides)


def cursor_in(text: str, offset: int) -> Cursor:
    """The place so many characters into a text."""
    lines = split_lines(text[:offset])
    return Cursor(len(lines) - 1, len(lines[-1]))


def line_ends(text: str) -> set[str]:
    """The line ends that a text has."""
    return set(_LINE_END.findall(text))

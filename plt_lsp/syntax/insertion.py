"""The syntax tree as it would be with some text inserted at a cursor, of the piece of code around it alone.

It does not know what the text is for; a piece of code parses in a fraction of the time of the whole text.
"""

from dataclasses import dataclass

from plt_lsp.syntax.brackets import Surroundings
from plt_lsp.syntax.tree import NoTree, SyntaxTree, encoded


@dataclass(frozen=True, slots=True)
class Insertion:
    """A place for text.

    Attributes:
        language_id: of the text.
        before: what stands before the cursor, from where the piece begins.
        after: what stands behind it, until the piece ends.
    """

    language_id: str
    before: str
    after: str

    @property
    def start(self) -> int:
        """Where inserted text begins in the trees, in bytes."""
        return len(encoded((self.before,)))

    @property
    def row(self) -> int:
        """The cursor's row in the trees."""
        return encoded((self.before,)).count(b"\n")

    def with_text(self, text: str) -> SyntaxTree | NoTree:
        """The tree with a text inserted."""
        return SyntaxTree.parse(self.language_id, self.before + text + self.after)


def insertion_at(around: Surroundings, language_id: str) -> Insertion | None:
    """The place in these surroundings, or None where what it is nested in begins or ends too far away."""
    return Insertion(language_id, around.before, around.after) if around.is_whole else None

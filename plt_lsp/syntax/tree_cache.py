"""The syntax trees of the open documents, each made from the one before when it is asked for.

It does not follow edits: it compares lines, of which those that did not change are the same objects.
"""

from collections import OrderedDict
from collections.abc import Sequence

from plt_lsp.syntax.tree import NoTree, SyntaxTree

MAX_TREES = 16


class TreeCache:
    """The last tree of each document."""

    def __init__(self) -> None:
        self._trees: OrderedDict[str, SyntaxTree] = OrderedDict()

    def __len__(self) -> int:
        return len(self._trees)

    def tree_of(self, session_id: str, language_id: str, lines: Sequence[str]) -> SyntaxTree | NoTree:
        """The tree of a document's lines as they are now, or why there is none.

        Args:
            session_id: names the document.
            language_id: as the editor says.
            lines: every line with its line end.
        """
        old = self._trees.pop(session_id, None)
        is_same_language = old is not None and old.language_id == language_id
        new = old.advanced(lines) if old is not None and is_same_language else SyntaxTree.parse(language_id, lines)
        if isinstance(new, SyntaxTree):
            self._trees[session_id] = new
            if len(self._trees) > MAX_TREES:
                self._trees.popitem(last=False)
        return new

    def forget(self, session_id: str) -> None:
        """The document was closed."""
        self._trees.pop(session_id, None)

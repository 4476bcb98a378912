"""The outlines of what stands around the lines that are being typed, one for each open document.

It does not follow edits; a frame stays the same while only one of its lines is typed on, and its outline with it.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from plt_lsp.syntax.frame import frame_lines
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_after import outline_after
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import NoTree, SyntaxTree
from plt_lsp.syntax.tree_cache import MAX_TREES, TreeCache

Whole = Callable[[], SyntaxTree | None]


@dataclass(frozen=True, slots=True)
class _Outlined:
    """A tree and its outline, from which the next one is made."""

    tree: SyntaxTree
    outline: Outline

    def after(self, tree: SyntaxTree) -> "_Outlined":
        """The same for another tree."""
        return _Outlined(tree, outline_after(self.outline, self.tree, tree))


@dataclass
class _Frame:
    """The outlines for one frame: its own, and that of the text with the line, where the frame has errors.

    `last` is the newest of them, or of those of the frame before.
    """

    tree: SyntaxTree
    outlines: dict[bool, Outline] = field(default_factory=dict)
    last: _Outlined | None = None


class FrameCache:
    """The last frame of each document, kept as long as only one line of it is typed on."""

    def __init__(self) -> None:
        self._trees = TreeCache()
        self._frames: OrderedDict[str, _Frame] = OrderedDict()

    def outline_of(
        self, session_id: str, language_id: str, lines: Sequence[str], row: int, whole: Whole
    ) -> Outline | None:
        """The outline around a row, or None where the text has no tree.

        Args:
            session_id: names the document.
            language_id: as the editor says.
            lines: of the document.
            row: that is being typed on.
            whole: yields the tree of the lines; it is used where it has no errors and the frame has some.
        """
        frame_tree = self._trees.tree_of(session_id, language_id, frame_lines(lines, row, language_id))
        if isinstance(frame_tree, NoTree):
            return None
        frame = self._frames.pop(session_id, None)
        if frame is None or frame.tree is not frame_tree:
            frame = _Frame(frame_tree, last=None if frame is None else frame.last)
        self._frames[session_id] = frame
        if len(self._frames) > MAX_TREES:
            self._frames.popitem(last=False)
        tree = whole() if frame_tree.root.has_error else None
        is_better = tree is not None and not tree.root.has_error
        if is_better not in frame.outlines:
            wanted = tree if tree is not None and is_better else frame_tree
            frame.last = _Outlined(wanted, outline(wanted)) if frame.last is None else frame.last.after(wanted)
            frame.outlines[is_better] = frame.last.outline
        return frame.outlines[is_better]

    def forget(self, session_id: str) -> None:
        """The document was closed."""
        self._trees.forget(session_id)
        self._frames.pop(session_id, None)

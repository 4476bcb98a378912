"""The texts that the user has dismissed of late, by document.

It does not know how a text that is generated later is compared with them (plt_lsp.postprocess.refusals).
"""

from collections import deque
from collections.abc import Iterable, Sequence

from plt_lsp.acceptance import Offer

MAX_OF_A_DOCUMENT = 16


class Dismissals:
    """The newest dismissed texts of each document."""

    def __init__(self) -> None:
        self._texts: dict[str, deque[str]] = {}

    def add(self, uri: str, lines: Sequence[str], offers: Iterable[Offer]) -> None:
        """Remember offers with what stands before them on their line in the document as it is now."""
        kept = self._texts.setdefault(uri, deque(maxlen=MAX_OF_A_DOCUMENT))
        for offer in offers:
            before = lines[offer.anchor.line][: offer.anchor.column] if offer.anchor.line < len(lines) else ""
            kept.append((before + offer.text.replace("\r\n", "\n").replace("\r", "\n")).strip())

    def of(self, uri: str) -> frozenset[str]:
        """Those of a document, each from its line's beginning, without white space at either end."""
        return frozenset(self._texts.get(uri, ()))

    def forget(self, uri: str) -> None:
        """Remember nothing of a document."""
        self._texts.pop(uri, None)

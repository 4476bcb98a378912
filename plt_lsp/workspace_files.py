"""The texts of a workspace's source files as they may be shown, read from the disk and kept for a while.

What does not belong into the index is not read, and what is secret in a text is replaced. It does not know who asks;
one thread asks.
"""

import re
import time
from collections import OrderedDict
from pathlib import Path

from plt_lsp.context.secrets import redacted
from plt_lsp.context.stores import is_credentials_store
from plt_lsp.documents import split_lines
from plt_lsp.index.belonging import Belonging, Rules
from plt_lsp.index.reading import read_source

# In these projects say how their own imports begin.
MANIFEST = re.compile(
    r"Cargo\.toml|composer\.json|go\.mod|[jt]sconfig(\.[\w-]+)*\.json|package\.json|pnpm-workspace\.yaml"
)
MAX_TEXTS = 64
# So long what was learned of ignore files and folders holds.
TRUST_S = 5.0

_State = tuple[int, int]


class WorkspaceFiles:
    """The files of one workspace folder.

    Args:
        root: the folder, symbolic links resolved.
        rules: what belongs.
    """

    def __init__(self, root: Path, rules: Rules) -> None:
        self.root = root
        self.rules = rules
        self._belonging = Belonging(root, rules)
        self._made_s = time.monotonic()
        self._texts: OrderedDict[str, tuple[_State, tuple[str, ...]]] = OrderedDict()

    def text_of(self, path: str) -> tuple[str, ...] | None:
        """The lines of a file by its path relative to the folder, or None where there is none to be shown."""
        state = self._state_of(path)
        if state is None:
            return None
        known = self._texts.pop(path, None)
        if known is None or known[0] != state:
            data = read_source(self.root / path, self.rules.max_file_bytes)
            if not isinstance(data, bytes):
                return None
            lines = split_lines(data.decode("utf-8", "replace"))
            shown = () if is_credentials_store(lines) else split_lines(redacted("".join(lines)))
            known = state, tuple(shown)
        self._texts[path] = known
        if len(self._texts) > MAX_TEXTS:
            self._texts.popitem(last=False)
        return known[1] or None

    def admits(self, path: str) -> bool:
        """Whether a file may be shown that is not read here, since it is open or was edited."""
        return self._up_to_date().admits(path)

    def _up_to_date(self) -> Belonging:
        now_s = time.monotonic()
        if now_s - self._made_s > TRUST_S:
            self._belonging, self._made_s = Belonging(self.root, self.rules), now_s
        return self._belonging

    def _state_of(self, path: str) -> _State | None:
        """When a file that belongs was written, and its size."""
        belonging = self._up_to_date()
        if MANIFEST.fullmatch(path.rpartition("/")[2]):
            return self._state_of_manifest(path) if belonging.admits(path) else None
        found = belonging.file(path)
        return None if found is None else (found.mtime_ns, found.size)

    def _state_of_manifest(self, path: str) -> _State | None:
        try:
            found = (self.root / path).lstat()
        except (OSError, ValueError):
            return None
        return found.st_mtime_ns, found.st_size

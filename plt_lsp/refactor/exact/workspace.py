"""The Python files of a workspace folder as they are in the editor, or on the disk where they are not open.

It reads and never writes; it does not know what is looked for.
"""

import io
import os
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plt_lsp.documents import content_of, split_lines
from plt_lsp.refactor.exact.source import BOM, Source
from plt_lsp.refactor.proposal import RefusedError, Selection

MAX_FILE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document that the editor has open, perhaps not saved."""

    uri: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace folder, or none, and the open documents by their absolute paths."""

    root: Path | None
    documents: Mapping[str, OpenDocument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A Python file.

    Attributes:
        path: absolute, symbolic links resolved.
        uri: of the document, as the editor spells it where it is open.
        version: of an open document.
        lines: with their line ends.
    """

    path: str
    uri: str
    version: int | None
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        r"""The text with \\n for line ends and without a byte order mark, as a `Source` has it."""
        return "\n".join(content_of(line) for line in self.lines).removeprefix(BOM)

    def source(self) -> Source:
        """The file, parsed.

        Raises:
            RefusedError: where it cannot be.
        """
        try:
            return Source(self.lines)
        except RefusedError as error:
            raise RefusedError(f"{Path(self.path).name} cannot be read: {error}") from error


def files_with(word: str, selection: Selection, workspace: Workspace) -> list[File]:
    """The Python files that have a word, the selection's own first."""
    own = _own(selection, workspace)
    return [own, *others_with(word, own, workspace)]


def others_with(word: str, own: File, workspace: Workspace) -> list[File]:
    """The Python files but one that have a word."""
    found = {own.path: own}
    opened = {os.path.realpath(path): document for path, document in workspace.documents.items()}
    for path in _paths(workspace, opened):
        if path not in found:
            document = opened.get(path)
            file = _opened(path, document) if document is not None else _read(path, word, workspace.root)
            if file is not None and word in file.text:
                found[path] = file
    return list(found.values())[1:]


def own_file(selection: Selection, workspace: Workspace) -> File:
    """The file that a selection is in, as its snapshot has it."""
    return _own(selection, workspace)


def _own(selection: Selection, workspace: Workspace) -> File:
    snapshot = selection.snapshot
    known = (path for path, document in workspace.documents.items() if document.uri == snapshot.uri)
    path = next(known, None)
    if path is None and workspace.root is not None and snapshot.path is not None:
        path = str(workspace.root / snapshot.path)
    found = os.path.realpath(path or "untitled.py")
    return File(found, snapshot.uri, snapshot.version, tuple(snapshot.lines))


def _paths(workspace: Workspace, opened: Mapping[str, OpenDocument]) -> Iterator[str]:
    if workspace.root is None:
        return
    from plt_lsp.index.belonging import Belonging, Rules

    root = Path(os.path.realpath(workspace.root))
    yield from (path for path in opened if path.endswith((".py", ".pyi")) and Path(path).is_relative_to(root))
    for one in Belonging(root, Rules(max_file_bytes=MAX_FILE_BYTES)).walk():
        if one.path.endswith((".py", ".pyi")):
            yield str(root / one.path)


def _opened(path: str, document: OpenDocument) -> File:
    return File(path, document.uri, document.version, tuple(split_lines(document.text)))


def _read(path: str, word: str, root: Path | None) -> File | None:
    try:
        data = Path(path).read_bytes()
    except OSError:
        return None
    if word.encode() not in data:
        return None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        is_utf8 = encoding in ("utf-8", "utf-8-sig")
        text = data.decode() if is_utf8 else ""
    except (SyntaxError, UnicodeDecodeError):
        is_utf8 = False
    if not is_utf8:
        raise RefusedError(f"{Path(path).name} has the name and is not in UTF-8.")
    return File(path, _uri(path, root), None, tuple(split_lines(text)))


def _uri(path: str, root: Path | None) -> str:
    """The file's URI below the folder as the editor spells it, which may be a symbolic link."""
    resolved = os.path.realpath(root) if root is not None else path
    is_below = root is not None and Path(path).is_relative_to(resolved)
    return (root / os.path.relpath(path, resolved)).as_uri() if root is not None and is_below else Path(path).as_uri()

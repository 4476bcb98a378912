"""From a source file to what the index keeps of it: its outline and its identifiers, both without secrets.

Nothing else of the text is kept. It does not know where that goes.
"""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from plt_lsp.context.secrets import redacted
from plt_lsp.context.stores import is_credentials_store
from plt_lsp.documents import split_lines
from plt_lsp.syntax.outline import outline
from plt_lsp.syntax.outline_types import Outline
from plt_lsp.syntax.tree import NoTree, SyntaxTree

# Raised whenever the same file would yield other contents, so that what is stored is made anew.
CONTENTS_VERSION = 2
# Whether a file keeps credentials shows at its beginning.
MAX_JUDGED_CHARS = 40_000
MAX_IDENTIFIERS = 4000
MIN_IDENTIFIER_CHARS = 3
MAX_IDENTIFIER_CHARS = 80
# Where lines are longer than this on average, a program has written them.
MAX_MEAN_LINE_BYTES = 400
BINARY_PROBE_BYTES = 8192
HASH_BYTES = 16

_IDENTIFIER = re.compile(rf"[^\W\d]\w{{{MIN_IDENTIFIER_CHARS - 1},{MAX_IDENTIFIER_CHARS - 1}}}")


class NotRead(StrEnum):
    """Why the index keeps nothing of a file that belongs."""

    GONE = "gone"
    TOO_LARGE = "too_large"
    BINARY = "binary"
    GENERATED = "generated"
    CREDENTIALS = "credentials"  # they are what it is about
    FATAL = "fatal"  # reading it failed, or ended the process, twice


@dataclass(frozen=True, slots=True)
class Contents:
    """What the index keeps of a file.

    Attributes:
        outline: what it defines and imports.
        identifiers: every one that it has, once, in order of appearance.
        num_lines: of the file.
    """

    outline: Outline
    identifiers: tuple[str, ...]
    num_lines: int


def read_source(path: Path, max_bytes: int) -> bytes | NotRead:
    """The bytes of a regular file; a symbolic link is not followed, and a pipe not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return NotRead.GONE
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return NotRead.GONE
        try:
            data = stream.read(max_bytes + 1)
        except OSError:
            return NotRead.GONE
    return _judged(data, max_bytes)


def _judged(data: bytes, max_bytes: int) -> bytes | NotRead:
    if len(data) > max_bytes:
        return NotRead.TOO_LARGE
    if b"\0" in data[:BINARY_PROBE_BYTES]:
        return NotRead.BINARY
    if len(data) > MAX_MEAN_LINE_BYTES * (data.count(b"\n") + 1):
        return NotRead.GENERATED
    return data


def hash_of(data: bytes) -> bytes:
    """What tells one state of a file from another, HASH_BYTES long."""
    return hashlib.blake2b(data, digest_size=HASH_BYTES).digest()


def contents_of(data: bytes, language_id: str) -> Contents | NotRead:
    """What is kept of a file with these bytes, if anything; one without a syntax tree has an empty outline."""
    whole = data.decode("utf-8", "replace")
    if is_credentials_store(split_lines(whole[:MAX_JUDGED_CHARS])):
        return NotRead.CREDENTIALS
    text = redacted(whole)
    tree = SyntaxTree.parse(language_id, text)
    found = Outline(language_id) if isinstance(tree, NoTree) else outline(tree)
    return Contents(found, identifiers_of(text), text.count("\n") + 1)


def identifiers_of(text: str) -> tuple[str, ...]:
    """The distinct identifiers of a text in order of appearance, MAX_IDENTIFIERS at most."""
    return tuple(dict.fromkeys(_IDENTIFIER.findall(text)))[:MAX_IDENTIFIERS]

"""The packages to measure on, each as a workspace folder with an index of its own that lasts as long as it is needed.

It does not know what is looked for in them.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from plt_lsp.index.belonging import Belonging, Rules
from plt_lsp.index.indexer import Indexer
from plt_lsp.index.places import DATABASE
from plt_lsp.index.reader import IndexReader
from plt_lsp.index.store import Store
from plt_lsp.index.suspect import Suspect

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with the index of it.

    Attributes:
        name: of the package.
        root: the folder, symbolic links resolved.
        index: of the folder.
        paths: of the source files that the index holds, relative to the folder, sorted.
    """

    name: str
    root: Path
    index: IndexReader
    paths: tuple[str, ...]


def packages_in(held_out: Path) -> dict[str, Texts]:
    """The files of each package, by their paths, from JSON lines with `package`, `path` and `text`.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not such a file, or its path leads out of its package; the message names the line.
    """
    packages: dict[str, dict[str, str]] = defaultdict(dict)
    with held_out.open(encoding="utf-8") as lines:
        for i, line in enumerate(lines, 1):
            try:
                raw = json.loads(line)
                package, path, text = str(raw["package"]), PurePosixPath(raw["path"]), str(raw["text"])
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise ValueError(f"line {i} is no file with package, path and text: {error!r}") from None
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"line {i}: the path {path} leads out of its package")
            packages[package][path.as_posix()] = text
    return dict(packages)


@contextmanager
def unpacked(name: str, texts: Texts) -> Iterator[Workspace]:
    """A package's files as a folder that goes in the end."""
    with TemporaryDirectory(prefix="plt-lsp-eval-") as folder:
        root = Path(folder).resolve() / "workspace"
        for path, text in texts.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        with indexed(name, root) as workspace:
            yield workspace


@contextmanager
def indexed(name: str, root: Path) -> Iterator[Workspace]:
    """A folder with an index that is made now, beside nothing of the user's own, and goes in the end."""
    root = root.resolve()
    with TemporaryDirectory(prefix="plt-lsp-eval-") as cache:
        database, rules = Path(cache) / DATABASE, Rules()
        _index(root, database, rules)
        index = IndexReader(database)
        try:
            walked = (file.path for file in Belonging(root, rules).walk())
            paths = tuple(sorted(path for path in walked if index.file(path) is not None))
            yield Workspace(name, root, index, paths)
        finally:
            index.close()


def _index(root: Path, database: Path, rules: Rules) -> None:
    store, suspect = Store(database), Suspect(database.parent)
    try:
        indexer = Indexer(root, rules, store, suspect)
        indexer.rescan()
        while indexer.is_busy:
            indexer.step()
        store.commit()
    finally:
        store.close()
        suspect.close()

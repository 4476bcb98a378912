"""What ignore files say of a path, with git's precedence (gitignore(5)), which the project's own ignore file shares.

It does not know which files are source code, nor which are secret; those rules no ignore file can change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from plt_lsp.index.git_config import global_excludes

OWN_FILE = ".pltignore"
# In order of precedence where both stand in one folder.
IGNORE_FILES = (OWN_FILE, ".gitignore")
REPOSITORY = ".git"
MAX_IGNORE_FILE_BYTES = 1_000_000
# What other programs put there, unless an ignore file says otherwise.
DEFAULTS = (".*/", "node_modules/", "bower_components/", "__pycache__/", "venv/", "site-packages/", "*.min.js")


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """The patterns of one file.

    Attributes:
        folder: that the patterns are relative to, as an absolute path with `/` and without one at its end.
        patterns: of the file.
    """

    folder: str
    patterns: GitIgnoreSpec

    @classmethod
    def of(cls, folder: str, lines: Sequence[str]) -> "IgnoreFile":
        """The file with these lines."""
        return cls(folder.rstrip("/"), GitIgnoreSpec.from_lines(lines))

    def verdict(self, path: str) -> bool | None:
        """Whether its last word on a path is to ignore it, or None where it says nothing.

        Args:
            path: absolute, with `/`; a folder's ends with one.
        """
        if not path.startswith(self.folder + "/"):
            return None
        return self.patterns.check_file(path[len(self.folder) + 1 :]).include


def is_ignored(path: str, files: Sequence[IgnoreFile]) -> bool:
    """Whether the first file that says anything of a path ignores it; its folders are asked after on their own.

    Args:
        path: absolute, with `/`; a folder's ends with one.
        files: the one of the highest precedence first.
    """
    for file in files:
        verdict = file.verdict(path)
        if verdict is not None:
            return verdict
    return False


def ignore_files_in(folder: Path) -> Iterator[IgnoreFile]:
    """The ignore files of one folder; those that cannot be read say nothing."""
    for name in IGNORE_FILES:
        lines = _lines(folder / name)
        if lines:
            yield IgnoreFile.of(folder.as_posix(), lines)


def ignore_files_above(root: Path) -> tuple[IgnoreFile, ...]:
    """What holds for a workspace folder from outside: the ignore files of its repository and user, and the defaults."""
    found: list[IgnoreFile] = []
    repository = next((folder for folder in (root, *root.parents) if (folder / REPOSITORY).exists()), None)
    if repository is not None:
        for folder in root.parents:
            if folder.is_relative_to(repository):
                found += ignore_files_in(folder)
        exclude = _lines(repository / REPOSITORY / "info" / "exclude")
        found += [IgnoreFile.of(repository.as_posix(), exclude)] if exclude else []
        everywhere = global_excludes(repository)
        lines = [] if everywhere is None else _lines(everywhere)
        found += [IgnoreFile.of(repository.as_posix(), lines)] if lines else []
    if is_ignored(root.as_posix() + "/", found):  # whoever opens such a folder means it
        found.clear()
    return (*found, IgnoreFile.of(root.as_posix(), DEFAULTS))


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_IGNORE_FILE_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []

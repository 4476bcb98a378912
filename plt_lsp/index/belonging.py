"""Which files of a workspace belong into its index, going by their names, places and sizes.

It looks at folders and never into files, but for the ignore files. It follows no symbolic links, so that nothing from
outside the workspace can come in.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from plt_lsp.context.secrets import is_secret_file
from plt_lsp.exclusions import is_excluded
from plt_lsp.index.ignoring import IgnoreFile, ignore_files_above, ignore_files_in, is_ignored
from plt_lsp.index.languages import language_of


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user has a say in.

    Attributes:
        excluded: globs, as `plt.excludedFiles` has them.
        max_file_bytes: larger files stay outside.
        max_files: of more files, those that are nested deepest stay outside.
    """

    excluded: tuple[str, ...] = ()
    max_file_bytes: int = 512_000
    max_files: int = 50_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that belongs into the index, as the file system describes it.

    Attributes:
        path: relative to the workspace folder, with `/`.
        mtime_ns: when it was last written.
        size: in bytes.
    """

    path: str
    mtime_ns: int
    size: int


class Belonging:
    """The rule for one workspace folder; what it has learned of folders holds until a new one is made."""

    def __init__(self, root: Path, rules: Rules) -> None:
        self.root = root
        self.rules = rules
        self._base = root.as_posix().rstrip("/")
        self._ignore_files: dict[str, tuple[IgnoreFile, ...]] = {}
        self._admitted: dict[str, bool] = {"": True}
        self._above = ignore_files_above(root)

    def walk(self, under: str = "") -> Iterator[SourceFile]:
        """Every file that belongs, those of a folder before those in its subfolders, and by name.

        Args:
            under: a folder, relative to the workspace folder; the whole of it where empty.
        """
        waiting = [under] if self.admits_folder(under) else []
        for folder in waiting:
            for entry in _entries(self.root / folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if self.admits_folder(path):
                        waiting.append(path)
                elif language_of(path) is not None and (found := self.file(path)) is not None:
                    yield found

    def file(self, path: str) -> SourceFile | None:
        """A file, or None where there is none at this path or where it does not belong.

        Args:
            path: relative to the workspace folder, with `/`.
        """
        if language_of(path) is None or not self.admits(path):
            return None
        try:
            found = (self.root / path).lstat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size > self.rules.max_file_bytes:
            return None
        return SourceFile(path, found.st_mtime_ns, found.st_size)

    def admits(self, path: str) -> bool:
        """Whether nothing keeps a path outside: no ignore file, no exclusion, no secret name, no link above it."""
        if is_secret_file(path) or is_excluded(path, self.rules.excluded):
            return False
        folder = _folder_of(path)
        return self.admits_folder(folder) and not is_ignored(f"{self._base}/{path}", self._files_for(folder))

    def admits_folder(self, path: str) -> bool:
        """Whether files in a folder may belong: neither it nor one above it is ignored, secret or a symbolic link."""
        known = self._admitted.get(path)
        if known is None:
            is_inside = not path.startswith("/") and ".." not in path.split("/")
            known = is_inside and self.admits_folder(_folder_of(path)) and self._admits_folder_itself(path)
            self._admitted[path] = known
        return known

    def forget(self, path: str) -> None:
        """Something has changed at a path: what was learned of a folder there, and of those in it, holds no more."""
        if path in self._admitted or path in self._ignore_files:
            for known in (self._admitted, self._ignore_files):
                for folder in [folder for folder in known if folder == path or folder.startswith(f"{path}/")]:
                    del known[folder]

    def _admits_folder_itself(self, path: str) -> bool:
        folder = self.root / path
        if folder.is_symlink() or not folder.is_dir():
            return False
        return not is_ignored(f"{self._base}/{path}/", self._files_for(_folder_of(path)))

    def _files_for(self, folder: str) -> tuple[IgnoreFile, ...]:
        """The ignore files that hold in a folder, the innermost first."""
        found = self._ignore_files.get(folder)
        if found is None:
            above = self._files_for(_folder_of(folder)) if folder else self._above
            found = (*ignore_files_in(self.root / folder), *above)
            self._ignore_files[folder] = found
        return found


def _folder_of(path: str) -> str:
    folder = PurePosixPath(path).parent.as_posix()
    return "" if folder == "." else folder


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, by name; nothing where it cannot be read. Names that are no text are left out."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if _is_text(entry.name)), key=lambda entry: entry.name)
    except OSError:
        return []


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

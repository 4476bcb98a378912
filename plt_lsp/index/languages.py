"""Which files are source code, and of which language, going by their names.

It does not open them. Data and prose, which define nothing that code could use, are of no language here.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

_SUFFIXES = {
    "c": (".c", ".h"),
    "cpp": (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"),
    "csharp": (".cs",),
    "go": (".go",),
    "java": (".java",),
    "javascript": (".cjs", ".js", ".mjs"),
    "javascriptreact": (".jsx",),
    "lua": (".lua",),
    "php": (".php",),
    "python": (".py", ".pyi"),
    "ruby": (".rb",),
    "rust": (".rs",),
    "shellscript": (".bash", ".sh"),
    "typescript": (".cts", ".mts", ".ts"),
    "typescriptreact": (".tsx",),
}
LANGUAGES: Mapping[str, str] = MappingProxyType({suffix: name for name, all_ in _SUFFIXES.items() for suffix in all_})


def language_of(path: str) -> str | None:
    """The language id of a source file's path, or None where it is no source file."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower())


# Files of these names stand for the folder that they are in.
_OF_THE_FOLDER = ("__init__", "index", "mod")


def module_of(path: str) -> str:
    """The path by which imports name a file: without suffix, and the folder's own where the file stands for it."""
    pure = PurePosixPath(path)
    name = pure.name.partition(".")[0]
    module = pure.parent if name in _OF_THE_FOLDER else pure.parent / name
    return "" if module == PurePosixPath() else module.as_posix()

"""Which file tests which, by the names that each language's test runners and conventions give to test files.

It finds a file's other half in the index and does not know what of it is shown.
"""

from collections.abc import Mapping

from plt_lsp.context.import_rules.files import Files, folder_of

_JAVASCRIPT = ("{}.test", "{}.spec")
_C = ("{}_test", "test_{}", "{}_unittest", "{}Test", "{}_tests")
# How a test file of each language is called, without its suffix, after the file that it tests.
TEST_NAMES: Mapping[str, tuple[str, ...]] = {
    "c": _C,
    "cpp": _C,
    "csharp": ("{}Tests", "{}Test"),
    "go": ("{}_test",),
    "java": ("{}Test", "{}Tests", "Test{}", "{}IT"),
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "lua": ("{}_spec", "test_{}"),
    "php": ("{}Test",),
    "python": ("test_{}", "{}_test"),
    "ruby": ("{}_spec", "{}_test", "test_{}"),
    "typescript": _JAVASCRIPT,
    "typescriptreact": _JAVASCRIPT,
}


def tested_by(path: str, language_id: str) -> str | None:
    """The name, without suffix, of the file that a test file tests; None where its name is not that of a test."""
    stem = _stem(path)
    for pattern in TEST_NAMES.get(language_id, ()):
        before, _, after = pattern.partition("{}")
        if stem.startswith(before) and stem.endswith(after) and len(stem) > len(before) + len(after):
            return stem[len(before) : len(stem) - len(after)]
    return None


def source_of(files: Files, path: str, language_id: str) -> str | None:
    """The file that a test file tests: of those of its name, the one that shares the most folders."""
    name = tested_by(path, language_id)
    return None if name is None else _nearest(files, path, name)


def test_of(files: Files, path: str, language_id: str) -> str | None:
    """The test file of a file."""
    if tested_by(path, language_id) is not None:
        return None
    names = [pattern.format(_stem(path)) for pattern in TEST_NAMES.get(language_id, ())]
    return next(filter(None, (_nearest(files, path, name) for name in names)), None)


def _nearest(files: Files, path: str, name: str) -> str | None:
    suffix = path.rpartition(".")[2]
    # The index calls a file by what stands before the first dot of its name.
    found = [
        other
        for other in files.of_module(name.partition(".")[0])
        if other != path and _stem(other) == name and other.rpartition(".")[2] == suffix
    ]
    return min(found, key=lambda other: (-_num_shared(other, path), len(other), other), default=None)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _num_shared(one: str, other: str) -> int:
    """How many names of folders two paths have in common, wherever they stand."""
    return len(set(folder_of(one).split("/")) & set(folder_of(other).split("/")))

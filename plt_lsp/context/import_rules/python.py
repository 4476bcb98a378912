"""Python's imports: modules and packages, absolute and relative, by the rules of its language reference, chapter 5.

Which folders it searches is not written down in a workspace: those that hold a package's outermost folder are.
"""

from collections.abc import Iterator

from plt_lsp.context.import_rules.files import Files, Target, ancestors, folder_of, joined
from plt_lsp.syntax.outline_types import Import, ImportedName

INIT = ("__init__.py", "__init__.pyi")


def targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """What an import statement brings."""
    found = _module(files, path, one.module)
    if not one.names and found is not None:
        yield Target(found, None, one.module)
    for name in one.names:
        yield from _named(files, path, one.module, found, name)


def _named(files: Files, path: str, module: str, found: str | None, name: ImportedName) -> Iterator[Target]:
    if name.name == "*":
        if found is not None:
            yield Target(found, None, name.alias)
        return
    if found is not None and (not _is_package(found) or _brings(files, found, name.name)):
        yield Target(found, name.name, name.local)
        return
    part = f"{module}{name.name}" if module.endswith(".") else f"{module}.{name.name}"
    submodule = _module(files, path, part)
    if submodule is not None:
        yield Target(submodule, None, name.local)


def _module(files: Files, path: str, module: str) -> str | None:
    """The file of a module, as it is written in an import of a file."""
    tail = module.lstrip(".")
    level = len(module) - len(tail)
    parts = tail.split(".") if tail else []
    if level:
        folder = folder_of(path)
        for _ in range(level - 1):
            folder = folder_of(folder)
        return _file(files, joined(folder, *parts))
    return next(filter(None, (_file(files, joined(root, *parts)) for root in _roots(files, path))), None) or _elsewhere(
        files, "/".join(parts)
    )


def _file(files: Files, module: str) -> str | None:
    beside = (f"{module}.py", f"{module}.pyi") if module else ()
    return files.first([joined(module, INIT[0]), *beside, joined(module, INIT[1])])


def _roots(files: Files, path: str) -> Iterator[str]:
    """The folders that a file's own imports may be searched in: around its outermost package, and up from there."""
    folder = folder_of(path)
    while folder and _is_in_package(files, folder):
        folder = folder_of(folder)
    yield from ancestors(folder)
    yield "src"


def _elsewhere(files: Files, module: str) -> str | None:
    """The only file of this module whose outermost package stands in a folder that is no package."""
    found = [
        path
        for path in files.of_module(module)
        if path.endswith((".py", ".pyi")) and not _is_in_package(files, _root_of(path, module))
    ]
    return found[0] if len({_root_of(path, module) for path in found}) == 1 else None


def _root_of(path: str, module: str) -> str:
    stem = folder_of(path) if path.endswith(INIT) else path.rpartition(".")[0]
    return stem.removesuffix(module).rstrip("/")


def _is_in_package(files: Files, folder: str) -> bool:
    return files.first(joined(folder, name) for name in INIT) is not None


def _is_package(path: str) -> bool:
    return path.endswith(INIT)


def _brings(files: Files, path: str, name: str) -> bool:
    """Whether a package's own file defines a name, or imports it."""
    outline = files.outline(path)
    if outline is None:
        return False
    is_defined = any(one.name == name and one.parent is None for one in outline.definitions)
    return is_defined or any(
        brought.local == name or (brought.name == "*" and brought.alias is None)
        for one in outline.imports
        for brought in one.names
    )

"""The imports of Java, C# and PHP, whose names say in which package or namespace a definition stands.

Java's and PHP's packages are folders (JLS 7, PSR-4), C#'s namespaces are not; no build's references are known.
"""

import re
from collections.abc import Iterator

from plt_lsp.context.import_rules.files import Files, Target, ancestors, folder_of, joined, relative_to
from plt_lsp.index.reader import IndexedDefinition
from plt_lsp.syntax.outline_types import DefinitionKind, Import, Outline

_NAMESPACE = re.compile(r"^\s*namespace\s+([\w.]+)\s*;", re.MULTILINE)
_PSR4 = re.compile(r"\"psr-4\"\s*:\s*\{([^}]*)\}")
_PREFIX = re.compile(r"\"((?:[A-Za-z_]\w*\\\\)*)\"\s*:\s*\[?\s*\"([^\"]*)\"")


def java_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """A type by its full name, a static member of one, or all of a package."""
    package = one.module.replace(".", "/")
    for name in one.names:
        if name.name == "*":
            found = _java_file(files, path, package)
            folder = next(
                (joined(root, package) for root in ancestors(folder_of(path)) if _has_java(files, root, package)), None
            )
            of_package = files.in_folder(folder) if folder is not None else ()
            yield from (Target(file) for file in ([found] if found else of_package) if file.endswith(".java"))
            continue
        of_type, of_member = _java_file(files, path, f"{package}/{name.name}"), _java_file(files, path, package)
        if of_type is not None or of_member is not None:
            yield Target(of_type or of_member or "", name.name, name.local)


def _has_java(files: Files, root: str, package: str) -> bool:
    return any(file.endswith(".java") for file in files.in_folder(joined(root, package)))


def _java_file(files: Files, path: str, module: str) -> str | None:
    """The file of a type; of several with this name and package, the one that shares the most folders."""
    found = [file for file in files.of_module(module) if file.endswith(".java")]
    return max(found, key=lambda file: (_num_shared(file, path), -len(file)), default=None)


def _num_shared(one: str, other: str) -> int:
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(one.count("/"), other.count("/")))


def is_in_folder(_: Files, path: str, __: Outline, found: IndexedDefinition) -> bool:
    """Whether a definition stands in the same folder, which is the same package, and at the top of its file."""
    return found.parent is None and folder_of(found.path) == folder_of(path)


def no_targets(_: Files, __: str, ___: Import) -> Iterator[Target]:
    """Nothing: what is imported is a namespace, whose definitions are visible by their names."""
    yield from ()


def is_in_namespace(files: Files, path: str, outline: Outline, found: IndexedDefinition) -> bool:
    """Whether a definition stands in a namespace that a file uses, or in the file's own (C# specification, 14)."""
    namespace = found.parent or _namespace_of(files, found.path)
    own = {one.name for one in outline.definitions if one.kind is DefinitionKind.MODULE} | {_namespace_of(files, path)}
    return bool(namespace) and (namespace in own or any(namespace == one.module for one in outline.imports))


def _namespace_of(files: Files, path: str) -> str:
    """The namespace that a file states for all of it; empty where it states none."""
    match = _NAMESPACE.search(files.text(path))
    return match[1] if match is not None else ""


def php_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """A class by its namespace, where a composer.json says where that begins, or a file that is required."""
    if one.module.endswith(".php"):
        found = files.first(filter(None, [relative_to(folder_of(path), one.module.lstrip("/"))]))
        if found is not None:
            yield Target(found)
        return
    for name in one.names or [None]:
        is_part = name is not None and name.name != "*"
        written = f"{one.module}\\{name.name}" if name is not None and is_part else one.module
        found = _php_file(files, path, written.strip("\\"))
        last = written.rpartition("\\")[2]
        if found is not None:
            yield Target(found, last, (name.local if is_part else name.alias) if name is not None else last)


def _php_file(files: Files, path: str, written: str) -> str | None:
    for folder in ancestors(folder_of(path)):
        for block in _PSR4.findall(files.text(joined(folder, "composer.json"))):
            for prefix, place in sorted(_PREFIX.findall(block), key=lambda found: -len(found[0])):
                namespace = prefix.replace("\\\\", "\\")
                if written.startswith(namespace):
                    below = written[len(namespace) :].replace("\\", "/")
                    found = files.first([joined(folder, place.strip("/"), f"{below}.php")])
                    if found is not None:
                        return found
    return None

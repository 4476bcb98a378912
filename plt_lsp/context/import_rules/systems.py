"""The imports of Go, Rust, C and C++: packages of a Go module, modules of a crate, and files that are included.

Search paths that only a build knows are not known here.
"""

import re
from collections.abc import Iterator, Sequence

from plt_lsp.context.import_rules.files import Files, Target, ancestors, folder_of, joined, relative_to
from plt_lsp.syntax.outline_types import Import

_GO_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)
_GO_VERSION = re.compile(r"v\d+")
_CRATE_NAME = re.compile(r"^\[package\][^\[]*?^\s*name\s*=\s*\"([^\"]+)\"", re.MULTILINE)
MAX_CRATES = 40


def go_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """The files of a package of the module that the importing file belongs to (Go modules reference, packages)."""
    for folder in ancestors(folder_of(path)):
        match = _GO_MODULE.search(files.text(joined(folder, "go.mod")))
        if match is None:
            continue
        module = match[1]
        if one.module != module and not one.module.startswith(f"{module}/"):
            return
        package = joined(folder, one.module[len(module) :].strip("/"))
        local = one.names[0].alias if one.names else _package_name(one.module)
        for file in files.in_folder(package):
            if file.endswith(".go") and not file.endswith("_test.go"):
                yield Target(file, None, local)
        return


def _package_name(module: str) -> str:
    *rest, last = module.split("/")
    return rest[-1] if rest and _GO_VERSION.fullmatch(last) else last


def rust_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """What `use` or `mod` brings (The Rust Reference, use declarations and modules)."""
    for name in one.names or [None]:
        words = one.module.split("::") if one.module else []
        if name is None:
            found, rest = _rust_module(files, path, words)
            if found is not None and not rest:
                yield Target(found, None, words[-1])
        elif name.name == "*":
            found, rest = _rust_module(files, path, words)
            if found is not None and len(rest) <= 1:
                yield Target(found, rest[0] if rest else None, name.alias)
        else:
            found, rest = _rust_module(files, path, [*words, name.name])
            if found is not None and not rest:
                yield Target(found, None, name.local)
            elif found is not None:
                yield Target(found, rest[-1], name.local)


def _rust_module(files: Files, path: str, words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The file of the innermost module that a path leads to, and what of the path is left behind it."""
    start = _rust_start(files, path, words)
    if start is None:
        return None, []
    file, folder, rest = start
    while rest:
        below = joined(folder, rest[0])
        found = files.first([f"{below}.rs", joined(below, "mod.rs")])
        if found is None:
            break
        file, folder, rest = found, below, rest[1:]
    return file, rest


def _rust_start(files: Files, path: str, words: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """The file that a path starts from, the folder of its modules, and what follows."""
    if not words:
        return None
    if words[0] not in ("crate", "self", "super"):
        return _other_crate(files, words)
    if words[0] == "crate":
        root = _crate_root(files, path)
        return None if root is None else (root, folder_of(root), list(words[1:]))
    file, rest = path, list(words)
    while rest and rest[0] in ("self", "super"):
        if rest[0] == "super":
            parent = _parent_module(files, file)
            if parent is None:
                return None
            file = parent
        rest = rest[1:]
    return file, _modules_of(file), rest


def _crate_root(files: Files, path: str) -> str | None:
    for folder in ancestors(folder_of(path)):
        found = files.first([joined(folder, "lib.rs"), joined(folder, "main.rs")])
        if found is not None:
            return found
    return None


def _is_root(path: str) -> bool:
    return path.rpartition("/")[2] in ("lib.rs", "main.rs", "mod.rs")


def _modules_of(path: str) -> str:
    """The folder of the modules inside of a file's own."""
    return folder_of(path) if _is_root(path) else path.removesuffix(".rs")


def _parent_module(files: Files, path: str) -> str | None:
    folder = folder_of(path) if not path.endswith("/mod.rs") else folder_of(folder_of(path))
    roots = [joined(folder, name) for name in ("mod.rs", "lib.rs", "main.rs")]
    return files.first([name for name in [f"{folder}.rs", *roots] if name != path])


def _other_crate(files: Files, words: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """A library crate of the workspace by the name in its Cargo.toml."""
    for root in files.of_module("src/lib")[:MAX_CRATES]:
        match = _CRATE_NAME.search(files.text(joined(folder_of(folder_of(root)), "Cargo.toml")))
        if root.endswith(".rs") and match is not None and match[1].replace("-", "_") == words[0]:
            return root, folder_of(root), list(words[1:])
    return None


def c_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """A file that is included: beside the including one, or below a folder that includes are usually taken from."""
    is_quoted, written = one.module.startswith('"'), one.module.strip('"<>')
    folders = list(ancestors(folder_of(path)))
    searched = [joined(folder, name) for folder in folders for name in ("", "include", "src")]
    beside = [folder_of(path)] if is_quoted else []
    candidates = (relative_to(folder, written) for folder in [*beside, *searched])
    found = files.first(candidate for candidate in candidates if candidate is not None and candidate != path)
    if found is not None:
        yield Target(found)

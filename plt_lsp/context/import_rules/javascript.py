"""JavaScript's and TypeScript's imports: relative paths, the aliases of a tsconfig.json, and what tsc and bundlers try.

Packages by name are not looked for.
"""

import re
from collections.abc import Iterator

from plt_lsp.context.import_rules.files import Files, Target, ancestors, folder_of, joined, relative_to
from plt_lsp.syntax.outline_types import Import

SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
CONFIGS = ("tsconfig.json", "jsconfig.json")
# What a module is called once it is compiled, and what it may be written in (TypeScript handbook, modules).
_WRITTEN_AS = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}

_BASE = re.compile(r"\"baseUrl\"\s*:\s*\"([^\"]*)\"")
_PATHS = re.compile(r"\"paths\"\s*:\s*\{([^}]*)\}")
_ALIAS = re.compile(r"\"([^\"]+)\"\s*:\s*\[\s*\"([^\"]+)\"")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


def targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """What an import, an export from elsewhere, or a call of `require` brings."""
    found = next(filter(None, (_file(files, base) for base in _bases(files, path, one.module))), None)
    if found is None:
        return
    if not one.names and _is_export(files, path, one):
        yield Target(found)
    for name in one.names:
        yield Target(found, None if name.name == "*" else name.name, name.local if name.name != "*" else name.alias)


def _bases(files: Files, path: str, module: str) -> Iterator[str]:
    """The paths, without what tsc adds, that a module's name may mean."""
    if module.startswith(("./", "../")) or module in (".", ".."):
        base = relative_to(folder_of(path), module)
        if base is not None:
            yield base
        return
    for folder in ancestors(folder_of(path)):
        config = _COMMENT.sub("", "".join(files.text(joined(folder, name)) for name in CONFIGS))
        if config:
            yield from _by_config(folder, config, module)
            return


def _by_config(folder: str, config: str, module: str) -> Iterator[str]:
    """What a configuration's `paths` and `baseUrl` make of a name (TypeScript, module resolution)."""
    written = _BASE.search(config)
    base = relative_to(folder, written[1] if written else ".")
    if base is None:
        return
    for block in _PATHS.findall(config):
        for alias, place in _ALIAS.findall(block):
            before, star, after = alias.partition("*")
            is_it = module.startswith(before) and module.endswith(after) if star else module == alias
            if is_it:
                middle = module[len(before) : len(module) - len(after)] if star else ""
                found = relative_to(base, place.replace("*", middle))
                yield from [found] if found is not None else []
    if written:
        yield joined(base, module)


def _file(files: Files, base: str) -> str | None:
    stem, dot, suffix = base.rpartition(".")
    written = [stem + other for other in _WRITTEN_AS.get(dot + suffix, ())]
    names = [base + other for other in SUFFIXES]
    return files.first([base, *written, *names, *(joined(base, f"index{other}") for other in SUFFIXES)])


def _is_export(files: Files, path: str, one: Import) -> bool:
    """Whether a statement without names is `export * from`, and not an import for its effects."""
    rows = files.text(path).split("\n")[one.rows.first : one.rows.last + 1]
    return bool(rows) and rows[0].lstrip().startswith("export")

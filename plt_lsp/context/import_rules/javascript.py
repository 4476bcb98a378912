"""JavaScript's and TypeScript's imports: relative paths, aliases, the workspace's packages, and what bundlers try.

Installed packages are not looked for.
"""

from collections.abc import Iterator

from plt_lsp.context.import_rules import npm, tsconfig
from plt_lsp.context.import_rules.files import Files, Target, folder_of, joined, relative_to
from plt_lsp.syntax.outline_types import Import

SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
# What a module is called once it is compiled, and what it may be written in (TypeScript handbook, modules).
_WRITTEN_AS = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


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
    yield from tsconfig.meanings(files, path, module)
    yield from npm.meanings(files, path, module)


def _file(files: Files, base: str) -> str | None:
    stem, dot, suffix = base.rpartition(".")
    written = [stem + other for other in _WRITTEN_AS.get(dot + suffix, ())]
    names = [base + other for other in SUFFIXES]
    return files.first([base, *written, *names, *(joined(base, f"index{other}") for other in SUFFIXES)])


def _is_export(files: Files, path: str, one: Import) -> bool:
    """Whether a statement without names is `export * from`, and not an import for its effects."""
    rows = files.text(path).split("\n")[one.rows.first : one.rows.last + 1]
    return bool(rows) and rows[0].lstrip().startswith("export")

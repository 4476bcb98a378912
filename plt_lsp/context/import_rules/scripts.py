"""The imports of Ruby, Lua and the shells: files that are run where they are required.

The folders that are searched are those that each language's projects keep their own files in.
"""

import re
from collections.abc import Iterator

from plt_lsp.context.import_rules.files import Files, Target, ancestors, folder_of, joined, relative_to
from plt_lsp.syntax.outline_types import Import

_HERE = re.compile(r"^\"?(?:\$\(dirname [^)]*\)|\$\{BASH_SOURCE(?:\[0\])?%/\*\})\"?/")


def ruby_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """A file that is required: relative, or below a `lib` folder."""
    written = one.module if one.module.endswith(".rb") else f"{one.module}.rb"
    if written.startswith("."):
        candidates = [relative_to(folder_of(path), written)]
    else:
        candidates = [joined(folder, name, written) for folder in ancestors(folder_of(path)) for name in ("lib", "")]
    found = files.first(filter(None, candidates))
    if found is not None:
        yield Target(found)


def lua_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """A module by its dotted name (package.path's usual patterns), under the name that it is assigned to."""
    written = one.module.replace(".", "/")
    folders = [joined(folder, name) for folder in ancestors(folder_of(path)) for name in ("", "lua", "src")]
    found = files.first(joined(folder, written + end) for folder in folders for end in (".lua", "/init.lua"))
    if found is not None:
        yield from (Target(found, None if name.name == "*" else name.name, name.local) for name in one.names)
        if not one.names:
            yield Target(found)


def shell_targets(files: Files, path: str, one: Import) -> Iterator[Target]:
    """A file that is sourced by a path without variables, or beside the sourcing one."""
    written = _HERE.sub("", one.module).strip("\"'")
    if "$" in written or written.startswith(("/", "~")):
        return
    found = files.first(filter(None, [relative_to(folder_of(path), written), relative_to("", written)]))
    if found is not None:
        yield Target(found)

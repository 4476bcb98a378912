"""Which files of a workspace a package's name means, where the package is one of the workspace's own.

Workspaces of npm, yarn and pnpm are known, `exports` as Node reads it (Node.js documentation, packages), and the
places where sources usually are. Packages that are installed are not looked for.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from plt_lsp.context.import_rules.files import Files, ancestors, folder_of, joined, relative_to, star_of

MANIFEST = "package.json"
PNPM = "pnpm-workspace.yaml"
# Where a package's sources are, whatever its manifest says of what they are compiled to.
SOURCES = ("src", "")
ENTRIES = ("source", "types", "module", "main")

_NAME = re.compile(r"((?:@[\w.-]+/)?[\w.-]+)(?:/(.+))?")
_LISTED = re.compile(r"^\s*-\s*[\"']?([^\"'#\s]+)", re.MULTILINE)
_ANY = re.compile(r"\*\*?")


def meanings(files: Files, path: str, module: str) -> Iterator[str]:
    """The paths, with a suffix or without one, that a module's name means in the workspace around a file."""
    parts = _NAME.fullmatch(module)
    if parts is None:
        return
    package, inner = parts[1], parts[2] or ""
    for root in ancestors(folder_of(path)):
        for pattern in _workspaces(files, root):
            folder = relative_to(root, _ANY.sub(package.rpartition("/")[2], pattern, count=1))
            manifest = {} if folder is None else _manifest(files, folder)
            if folder is not None and manifest.get("name") == package:
                yield from _places(folder, manifest, inner)
                return


def _places(folder: str, manifest: dict[str, Any], inner: str) -> Iterator[str]:
    """Where a package may have a module, by its manifest and by custom."""
    subpath = f"./{inner}" if inner else "."
    written = list(_exported(manifest.get("exports"), subpath))
    if not inner:
        written += [place for key in ENTRIES if isinstance(place := manifest.get(key), str)]
    for place in written:
        found = relative_to(folder, place)
        yield from [found] if found is not None else []
    for source in SOURCES:
        yield joined(folder, source, inner or "index")


def _exported(exports: object, subpath: str) -> Iterator[str]:
    """The places that `exports` has for a subpath, of all conditions."""
    is_by_subpath = isinstance(exports, dict) and any(key.startswith(".") for key in exports)
    for key, value in exports.items() if isinstance(exports, dict) and is_by_subpath else [(".", exports)]:
        middle = star_of(key, subpath)
        if middle is not None:
            yield from (place.replace("*", middle) for place in _strings(value))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def _workspaces(files: Files, folder: str) -> list[str]:
    """The patterns by which a folder names the packages of its workspace; none where it is no workspace's root."""
    found = _manifest(files, folder).get("workspaces")
    listed = found.get("packages") if isinstance(found, dict) else found
    patterns = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return [*patterns, *_LISTED.findall(files.text(joined(folder, PNPM)))]


def _manifest(files: Files, folder: str) -> dict[str, Any]:
    try:
        found = json.loads(files.text(joined(folder, MANIFEST)) or "{}")
    except (json.JSONDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

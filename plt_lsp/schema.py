"""Everything that repeats a definition, generated from it: schemas of settings and messages, VS Code, Lua, README.

`python -m plt_lsp.schema` writes the files again and says which changed; a test holds them fresh. It changes nothing
but those files, and knows nothing of how settings are read.
"""

import json
import sys
import types
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from plt_lsp.message_schema import message_schema
from plt_lsp.settings import SECTION, Scope, Spec, all_specs

ROOT = Path(__file__).parent.parent
SCHEMA_FILE = Path("schemas/settings.schema.json")
MESSAGES_FILE = Path("schemas/messages.schema.json")
VSCODE_FILE = Path("editors/vscode/package.json")
LUA_FILE = Path("editors/neovim/lua/plt/settings.lua")
README_FILE = Path("README.md")
VSCODE_TITLE = "Completion"
README_BEGIN, README_END = "<!-- settings: begin -->", "<!-- settings: end -->"

JSON_TYPES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
LUA_TYPES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
# The server asks for its settings once for the whole window, so a folder of several cannot have its own.
VSCODE_SCOPES = {Scope.USER: "machine", Scope.WORKSPACE: "window"}


def split_optional(kind: Any) -> tuple[tuple[Any, ...], bool]:  # noqa: ANN401 - a type hint is no class to be named
    """The types of a hint without None, and whether it had that."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = tuple(arg for arg in get_args(kind) if arg is not types.NoneType)
        return inner, len(inner) < len(get_args(kind))
    return (kind,), False


def plain(value: object) -> object:
    """A default as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def property_of(spec: Spec) -> dict[str, Any]:
    """The JSON schema of one setting, as draft 2020-12 and VS Code both read it."""
    kinds, is_optional = split_optional(spec.kind)
    schemas = [_kind_schema(kind) for kind in kinds]
    schema: dict[str, Any] = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if is_optional:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    limits = {"minimum": spec.about.minimum, "maximum": spec.about.maximum}
    schema |= {key: value for key, value in limits.items() if value is not None}
    return {**schema, "default": plain(spec.default), "description": describe(spec)}


def _kind_schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _kind_schema(get_args(kind)[0])}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [member.value for member in kind]}
    return {"type": JSON_TYPES[kind]}


def describe(spec: Spec) -> str:
    """A setting's words, with its unit and what null stands for."""
    parts = [spec.about.doc]
    if spec.about.unit is not None:
        parts.append(f"In {spec.about.unit}.")
    if spec.about.null_means is not None:
        parts.append(f"Null: {spec.about.null_means}.")
    return " ".join(parts)


def json_schema() -> str:
    """`schemas/settings.schema.json`: the object that stands under `plt` in initialization options."""
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Settings of the language server, under `{SECTION}`",
        "type": "object",
        "properties": {},
    }
    for spec in all_specs():
        *groups, name = spec.key.split(".")
        place = root["properties"]
        for group in groups:
            place = place.setdefault(group, {"type": "object", "properties": {}})["properties"]
        place[name] = {**property_of(spec), "x-scope": spec.about.scope.value}
    return json.dumps(root, indent=2) + "\n"


def vscode_package(current: str) -> str:
    """package.json with the server's settings put into its configuration group of that name."""
    package = json.loads(current)
    group = next(g for g in package["contributes"]["configuration"] if g["title"] == VSCODE_TITLE)
    group["properties"] = {
        f"{SECTION}.{spec.key}": {**property_of(spec), "scope": VSCODE_SCOPES[spec.about.scope]} for spec in all_specs()
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def lua_annotations() -> str:
    """Types for editors that read LuaCATS annotations; one class for each group of settings."""
    groups: dict[str, list[Spec]] = {}
    for spec in all_specs():
        groups.setdefault(spec.key.rpartition(".")[0], []).append(spec)
    lines = ["-- The server's settings as types for editors. Written by `python -m plt_lsp.schema`; do not edit.", ""]
    for group in sorted(groups, reverse=True):
        lines.append(f"---@class plt.Settings{_pascal(group)}")
        lines += [_lua_field(spec) for spec in groups[group]]
        if not group:
            lines += [f"---@field {name}? plt.Settings{_pascal(name)}" for name in sorted(groups) if name]
        lines.append("")
    return "\n".join([*lines, "return {}", ""])


def _lua_field(spec: Spec) -> str:
    kinds, is_optional = split_optional(spec.kind)
    shown = "|".join([*map(_lua_type, kinds), *(["vim.NIL"] if is_optional else [])])
    return f"---@field {spec.key.rpartition('.')[2]}? {shown} {describe(spec)} Default: {_shown_default(spec)}."


def _lua_type(kind: Any) -> str:  # noqa: ANN401 - as above
    if get_origin(kind) is tuple:
        return f"{_lua_type(get_args(kind)[0])}[]"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "|".join(f'"{member.value}"' for member in kind)
    return LUA_TYPES[kind]


def _pascal(group: str) -> str:
    return group[:1].upper() + group[1:]


def readme(current: str) -> str:
    """README.md with the table between its two marks written anew."""
    before, rest = current.split(README_BEGIN, 1)
    _, after = rest.split(README_END, 1)
    return f"{before}{README_BEGIN}\n{readme_table()}\n{README_END}{after}"


def readme_table() -> str:
    """The settings as a Markdown table."""
    rows = ["| setting | default | range | set by | what it does |", "|---|---|---|---|---|"]
    for spec in all_specs():
        cells = (f"`{SECTION}.{spec.key}`", f"`{_shown_default(spec)}`", _range(spec), spec.about.scope.value)
        rows.append(f"| {' | '.join(cells)} | {describe(spec)} |")
    return "\n".join(rows)


def _shown_default(spec: Spec) -> str:
    return json.dumps(plain(spec.default))


def _range(spec: Spec) -> str:
    kinds, _ = split_optional(spec.kind)
    found = [f"`{one.value}`" for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum) for one in kind]
    if spec.about.minimum is not None and spec.about.maximum is not None:
        found.append(f"{spec.about.minimum} to {spec.about.maximum}")
    return ", ".join(found)


def generated(root: Path = ROOT) -> Iterator[tuple[Path, str, str]]:
    """Each generated file: its path, its content now, and what it should be."""
    writers: dict[Path, Callable[[str], str]] = {
        SCHEMA_FILE: lambda _: json_schema(),
        MESSAGES_FILE: lambda _: message_schema(),
        VSCODE_FILE: vscode_package,
        LUA_FILE: lambda _: lua_annotations(),
        README_FILE: readme,
    }
    for path, write in writers.items():
        current = (root / path).read_text(encoding="utf-8") if (root / path).exists() else ""
        yield root / path, current, write(current)


def main() -> int:
    """Write what is stale."""
    for path, current, wanted in generated():
        if current != wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
            sys.stdout.write(f"wrote {path.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The imports of a file, read from its syntax tree.

It does not look for the modules; the names of the captures are told in `plt_lsp.syntax.outlines.tables`.
"""

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from plt_lsp.syntax.outline_query import Captures
from plt_lsp.syntax.outline_text import between
from plt_lsp.syntax.outline_types import Import, ImportedName, Rows
from plt_lsp.syntax.outlines.tables import Table
from plt_lsp.syntax.tree import SyntaxTree

MAX_IMPORTS = 5_000
MAX_MODULE_CHARS = 500

_RELATIVE_WORD = "require_relative"
_USE_TOKEN = re.compile(r"[{},]|(?:(?!\bas\b)[^{},\s])+|\bas\b")

_Key = tuple[int, str]


def imports_of(tree: SyntaxTree, table: Table, matches: Iterable[Captures]) -> tuple[Import, ...]:
    """What a text imports, one for each module of each statement, in order of appearance."""
    rows: dict[_Key, Rows] = {}
    names: dict[_Key, dict[ImportedName, int]] = {}
    for nodes in matches:
        if "import" not in nodes:
            continue
        if "word" in nodes and _text(tree, nodes["word"][0]) not in table.words:
            continue
        for place, module, name in _imported(tree, nodes):
            if module and len(module) <= MAX_MODULE_CHARS and "\n" not in module:
                rows.setdefault((place, module), _rows_of(nodes["import"][0]))
                names.setdefault((place, module), {}).update({name: _place_of_name(nodes)} if name else {})
    found = sorted(rows, key=lambda key: key[0])[:MAX_IMPORTS]
    return tuple(Import(key[1], tuple(sorted(names[key], key=names[key].__getitem__)), rows[key]) for key in found)


def use_tree(text: str) -> Iterator[tuple[str, ImportedName | None]]:
    """The modules and names of what stands behind Rust's word `use`: a path, or a tree of paths in braces."""
    prefixes, path, alias, is_alias = [""], "", None, False
    for token in [*_USE_TOKEN.findall(text), ","]:
        if token == "{":
            prefixes.append(path)
            path = ""
        elif token in (",", "}"):
            if path:
                yield _used(path, alias)
            if token == "}" and len(prefixes) > 1:
                prefixes.pop()
            path, alias, is_alias = "", None, False
        elif token == "as":
            is_alias = True
        elif is_alias:
            alias = token
        else:
            path = prefixes[-1] + token


def _used(path: str, alias: str | None) -> tuple[str, ImportedName | None]:
    module, _, name = path.removesuffix("::self").rpartition("::")
    if not module:
        return name, ImportedName("*", alias) if alias else None
    return module, ImportedName(name, alias)


def _imported(tree: SyntaxTree, nodes: Captures) -> Iterator[tuple[int, str, ImportedName | None]]:
    """The modules of one match, each with the place where it is named and the name that the match brings."""
    texts = {capture: _text(tree, found[0]) for capture, found in nodes.items() if capture != "import"}
    place = next(nodes[capture][0].start_byte for capture in ("module", "path", "own", "tree") if capture in nodes)
    if "tree" in texts:
        yield from ((place, *used) for used in use_tree(texts["tree"]))
    elif "own" in texts:
        yield place, f"self::{texts['own']}", None
    elif "path" in texts:
        yield place, texts["path"], None
    else:
        module = texts["module"].strip("\"'`")
        is_beside = texts.get("word") == _RELATIVE_WORD and not module.startswith(".")
        yield place, f"./{module}" if is_beside else module, _name(texts)


def _name(texts: dict[str, str]) -> ImportedName | None:
    if "name" in texts:
        return ImportedName(texts["name"].strip("\"'"), texts.get("alias"))
    if "default" in texts:
        return ImportedName("default", texts["default"])
    if "whole" in texts:
        return ImportedName("*", texts["whole"])
    return ImportedName("*") if "all" in texts else None


def _place_of_name(nodes: Captures) -> int:
    return next((nodes[capture][0].start_byte for capture in ("name", "default", "whole") if capture in nodes), 0)


def _text(tree: SyntaxTree, node: Node) -> str:
    return between(tree.lines, node.start_point, node.end_point)


def _rows_of(node: Node) -> Rows:
    start, end = node.start_point, node.end_point
    return Rows(start.row, max(start.row, end.row - (end.column == 0)))

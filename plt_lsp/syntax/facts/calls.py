"""What a call calls and where that comes from, as far as one file shows it for certain.

It does not know other files. A name that anything else in the file might stand for comes from nowhere.
"""

from collections import Counter

from tree_sitter import Node

from plt_lsp.syntax.facts.effects import BUILTINS, effect_of
from plt_lsp.syntax.facts.tables import NodeTable
from plt_lsp.syntax.facts.types import Call, Origin
from plt_lsp.syntax.outline_types import Definition, Outline

MAX_NAME_CHARS = 80


def dotted(call: Node, table: NodeTable) -> str:
    """What is called: names with dots; what is called on any other expression begins with a dot; else nothing."""
    field = table.calls[call.type]
    callee = call.child_by_field_name(field) if field else next(iter(call.named_children), None)
    if callee is None:
        return ""
    parts = _parts(callee, table)
    owner = call.child_by_field_name(table.object_field) if table.object_field else None
    if call.type == "scoped_call_expression":
        owner = call.child_by_field_name("scope")
    if owner is not None:
        parts = [*(_parts(owner, table) or [""]), *parts]
    name = ".".join(parts)
    if table.keeps_marks and owner is None and all(parts):
        name = "".join((callee.text or b"").decode("utf-8", "replace").split())
    return name if len(name) <= MAX_NAME_CHARS and "\n" not in name else ""


def _parts(node: Node, table: NodeTable) -> list[str]:
    """The names of a chain; the first is empty where the chain begins with something else; none where it is none."""
    if node.type in table.names:
        return [(node.text or b"").decode("utf-8", "replace")]
    if node.type not in table.chains or not node.named_children:
        return []
    children = [child for child in node.named_children if child.type not in ("comment", "type_arguments")]
    last = _parts(children[-1], table)
    if len(children) == 1 or not last:
        return last
    return [*(_parts(children[0], table) or [""]), *last]


class Caller:
    """Says of each call of one file where what it calls comes from.

    Args:
        language_id: of the file.
        table: of the language.
        outline: of the file.
        bindings: how often each name is bound in it, or None where that is not known.
        owner: the type whose method the code is, or None.
    """

    def __init__(
        self,
        language_id: str,
        table: NodeTable,
        outline: Outline,
        bindings: Counter[str] | None,
        owner: Definition | None,
    ) -> None:
        self._language_id = language_id
        self._table = table
        self._outline = outline
        self._bindings = bindings
        self._owner = owner
        self._imports = _imports_by_name(outline)
        self._is_open = any(name.name == "*" and not name.alias for one in outline.imports for name in one.names)

    def call(self, node: Node) -> Call | None:
        """The call, or None where what is called has no name."""
        name = dotted(node, self._table)
        if not name or name in self._table.raising_calls or name in self._table.keywords:
            return None
        row = node.start_point.row
        root, _, rest = name.partition(".")
        if root in self._table.selves and rest and "." not in rest:
            return self._own_method(name, rest, row)
        if self._bindings is None:
            return Call(name, row)
        times = self._bindings[root]
        # Go's imports name a path and no identifier, so that they are not counted.
        if root in self._imports and times == (0 if self._language_id == "go" else 1):
            return self._imported(name, root, rest, row)
        if times == 1 and not rest:
            return self._defined_here(name, row)
        if times == 0 and not self._is_open and root in BUILTINS.get(self._language_id, ()) and not rest:
            effect = effect_of(self._language_id, "", name)
            return Call(name, row, Origin.BUILTIN, effect=effect)
        return Call(name, row)

    def _imported(self, name: str, root: str, rest: str, row: int) -> Call:
        found = self._imports.get(root)
        if found is None:
            return Call(name, row)
        module, imported = found
        if self._language_id == "python" and imported is None and module != root and root == module.split(".")[0]:
            # `import a.b` binds `a`: what is called may be of `a.b`, or of `a` itself.
            inner = module.partition(".")[2]
            if not rest.startswith(f"{inner}."):
                return Call(name, row)
            rest = rest.removeprefix(f"{inner}.")
        path = ".".join(part for part in (imported if imported != "default" else None, rest) if part)
        effect = effect_of(self._language_id, module, path)
        target = imported if not rest else (path if imported is None and "." not in rest else None)
        return Call(name, row, Origin.IMPORTED, module=module, imported_name=target, effect=effect)

    def _own_method(self, name: str, method: str, row: int) -> Call:
        if self._owner is not None:
            i = self._outline.definitions.index(self._owner)
            rows = [
                self._outline.definitions[child].header.first
                for child in self._outline.children(i)
                if self._outline.definitions[child].name == method and self._outline.definitions[child].body is not None
            ]
            if len(rows) == 1:
                return Call(name, row, Origin.HERE, defined_at=rows[0], owner=self._owner.name)
        return Call(name, row)

    def _defined_here(self, name: str, row: int) -> Call:
        found = [one for one in self._outline.definitions if one.name == name and one.parent is None]
        if len(found) != 1:
            return Call(name, row)
        return Call(name, row, Origin.HERE, defined_at=found[0].header.first)


def _imports_by_name(outline: Outline) -> dict[str, tuple[str, str | None]]:
    """The module of each name that an import brings, and its name there; None where it is the module itself."""
    found: dict[str, tuple[str, str | None]] = {}
    for one in outline.imports:
        if not one.names:
            separator = "/" if outline.language_id == "go" else "."
            local = one.module.rpartition("/")[2] if separator == "/" else one.module.partition(".")[0]
            found.setdefault(local, (one.module, None))
        for name in one.names:
            is_module = name.name == "*" and name.alias is not None
            found[name.local] = (one.module, None if is_module else name.name)
    return found

"""How often each name is bound in a file: what tells whether a name can only mean the one thing that it seems to.

It counts more rather than less: a name of a field or keyword may be counted where it binds nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tree_sitter import Node

# Where identifiers are bound, by the type of node, with the fields to look into; no field is all of it.
_PYTHON = {
    "parameters": (),
    "lambda_parameters": (),
    "assignment": ("left",),
    "augmented_assignment": ("left",),
    "named_expression": ("name",),
    "for_statement": ("left",),
    "for_in_clause": ("left",),
    "as_pattern": ("alias",),
    "as_pattern_target": (),
    "case_pattern": (),
    "function_definition": ("name",),
    "class_definition": ("name",),
    "import_statement": (),
    "import_from_statement": ("name",),
    "delete_statement": (),
    "type_alias_statement": ("left",),
}
_JAVASCRIPT = {
    "formal_parameters": (),
    "arrow_function": ("parameter",),
    "variable_declarator": ("name",),
    "assignment_expression": ("left",),
    "augmented_assignment_expression": ("left",),
    "update_expression": (),
    "for_in_statement": ("left",),
    "catch_clause": ("parameter",),
    "function_declaration": ("name",),
    "function_expression": ("name",),
    "generator_function_declaration": ("name",),
    "class_declaration": ("name",),
    "abstract_class_declaration": ("name",),
    "class": ("name",),
    "enum_declaration": ("name",),
    "internal_module": ("name",),
    "import_clause": (),
    "import_require_clause": (),
    "import_alias": (),
}
_GO = {
    "short_var_declaration": ("left",),
    "assignment_statement": ("left",),
    "var_spec": ("name",),
    "const_spec": ("name",),
    "parameter_declaration": ("name",),
    "variadic_parameter_declaration": ("name",),
    "range_clause": ("left",),
    "receive_statement": ("left",),
    "type_switch_statement": ("alias",),
    "type_spec": ("name",),
    "function_declaration": ("name",),
}
_SCRIPTS = ("javascript", "javascriptreact", "typescript", "typescriptreact")
_TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"python": _PYTHON, "go": _GO, **dict.fromkeys(_SCRIPTS, _JAVASCRIPT)}
)
_IDENTIFIERS = ("identifier", "shorthand_property_identifier_pattern", "type_identifier")
# What stands in these is only used there: a default value, an annotation, the object of an assigned attribute.
_USES = (
    *("attribute", "subscript", "member_expression", "subscript_expression", "type", "type_annotation", "call"),
    *("selector_expression", "index_expression"),
)
_IMPORTED_AS = ("aliased_import", "import_specifier")


def bindings_in(language_id: str, root: Node) -> Counter[str] | None:
    """How often each name is bound; None for languages whose bindings are not known."""
    table = _TABLES.get(language_id)
    if table is None:
        return None
    spans = {span for node in _all(root) if node.type in table for span in _bound(node, table[node.type])}
    return Counter(name for _, name in spans)


def _bound(node: Node, fields: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for part in [found for name in fields for found in node.children_by_field_name(name)] if fields else [node]:
        for one in _binding_nodes(part):
            yield one.start_byte, (one.text or b"").decode("utf-8", "replace")


def _binding_nodes(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here.type in _IDENTIFIERS:
            yield here
        elif here.type in _IMPORTED_AS:
            alias = here.child_by_field_name("alias")
            waiting.append(alias or here.named_children[0])
        elif here.type == "dotted_name":
            waiting.append(here.named_children[0])  # `import a.b` binds `a`
        elif here.type not in _USES:
            default = None if here.type == "pair_pattern" else here.child_by_field_name("value")
            waiting += [child for child in here.named_children if child != default]


def _all(root: Node) -> Iterator[Node]:
    cursor = root.walk()
    while True:
        node = cursor.node
        assert node is not None
        yield node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return

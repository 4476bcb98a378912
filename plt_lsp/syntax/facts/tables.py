"""What the nodes of each language's grammar mean for facts, by their names.

It does not walk trees. A language without a table has no facts but those of its outline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NodeTable:
    """The node types of one language.

    Attributes:
        calls: with the field of what is called; nothing for the first child.
        object_field: the field of a call's object where the called name has a field of its own.
        chains: expressions that are names joined by dots and the like.
        keeps_marks: whether names are joined by other marks than dots, which are then shown.
        names: nodes that are one plain name.
        selves: what an object calls itself.
        raises: statements that raise an error.
        raising_calls: names whose call raises, in languages without such a statement.
        keywords: what is called like a function and is a part of the language.
        returns: statements that return.
        yields: expressions that make a function a generator.
        tries: blocks whose errors may be caught.
        catches: what catches them, with the nodes inside that name the errors.
        branches: what chooses between ways.
        loops: what repeats.
        functions: whatever has its own returns and raises.
        asynchronous: the words that make a function asynchronous.
    """

    calls: Mapping[str, str]
    object_field: str = ""
    chains: frozenset[str] = frozenset()
    keeps_marks: bool = False
    names: frozenset[str] = frozenset({"identifier"})
    selves: frozenset[str] = frozenset()
    raises: frozenset[str] = frozenset()
    raising_calls: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset({"return_statement"})
    yields: frozenset[str] = frozenset()
    tries: frozenset[str] = frozenset()
    catches: Mapping[str, frozenset[str]] = field(default_factory=dict)
    branches: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    asynchronous: frozenset[str] = frozenset({"async"})


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PYTHON = NodeTable(
    calls={"call": "function"},
    chains=_set("attribute"),
    selves=_set("self cls"),
    raises=_set("raise_statement"),
    yields=_set("yield"),
    tries=_set("try_statement"),
    catches={"except_clause": _set("identifier attribute")},
    branches=_set("if_statement elif_clause match_statement conditional_expression"),
    loops=_set(
        "for_statement while_statement list_comprehension set_comprehension dictionary_comprehension "
        "generator_expression"
    ),
    functions=_set("function_definition lambda class_definition"),
)
JAVASCRIPT = NodeTable(
    calls={"call_expression": "function", "new_expression": "constructor"},
    chains=_set("member_expression"),
    names=_set("identifier property_identifier private_property_identifier this super"),
    selves=_set("this"),
    raises=_set("throw_statement"),
    yields=_set("yield_expression"),
    tries=_set("try_statement"),
    catches={"catch_clause": frozenset()},
    branches=_set("if_statement switch_statement ternary_expression"),
    loops=_set("for_statement for_in_statement while_statement do_statement"),
    functions=_set(
        "function_declaration function_expression arrow_function method_definition generator_function "
        "generator_function_declaration class_body class_static_block"
    ),
)
GO = NodeTable(
    calls={"call_expression": "function"},
    chains=_set("selector_expression"),
    names=_set("identifier field_identifier"),
    raising_calls=_set("panic"),
    branches=_set("if_statement expression_switch_statement type_switch_statement select_statement"),
    loops=_set("for_statement"),
    functions=_set("function_declaration method_declaration func_literal"),
)
RUST = NodeTable(
    calls={"call_expression": "function"},
    keeps_marks=True,
    chains=_set("field_expression scoped_identifier"),
    names=_set("identifier field_identifier self crate super"),
    selves=_set("self"),
    returns=_set("return_expression"),
    branches=_set("if_expression match_expression"),
    loops=_set("for_expression while_expression loop_expression"),
    functions=_set("function_item closure_expression async_block"),
)
JAVA = NodeTable(
    calls={"method_invocation": "name", "object_creation_expression": "type"},
    object_field="object",
    chains=_set("field_access scoped_type_identifier"),
    names=_set("identifier type_identifier this super"),
    selves=_set("this"),
    raises=_set("throw_statement"),
    tries=_set("try_statement try_with_resources_statement"),
    catches={"catch_clause": _set("type_identifier scoped_type_identifier")},
    branches=_set("if_statement switch_expression ternary_expression"),
    loops=_set("for_statement enhanced_for_statement while_statement do_statement"),
    functions=_set("method_declaration constructor_declaration lambda_expression class_body"),
)
C = NodeTable(
    calls={"call_expression": "function"},
    chains=_set("field_expression"),
    names=_set("identifier field_identifier"),
    branches=_set("if_statement switch_statement conditional_expression"),
    loops=_set("for_statement while_statement do_statement"),
    functions=_set("function_definition"),
)
CPP = NodeTable(
    calls={"call_expression": "function", "new_expression": "type"},
    keeps_marks=True,
    chains=_set("field_expression qualified_identifier"),
    names=_set("identifier field_identifier namespace_identifier type_identifier this"),
    selves=_set("this"),
    raises=_set("throw_statement"),
    returns=_set("return_statement co_return_statement"),
    tries=_set("try_statement"),
    catches={"catch_clause": _set("type_identifier qualified_identifier")},
    branches=_set("if_statement switch_statement conditional_expression"),
    loops=_set("for_statement for_range_loop while_statement do_statement"),
    functions=_set("function_definition lambda_expression field_declaration_list"),
)
CSHARP = NodeTable(
    calls={"invocation_expression": "function", "object_creation_expression": "type"},
    chains=_set("member_access_expression qualified_name"),
    names=_set("identifier this base"),
    selves=_set("this"),
    raises=_set("throw_statement throw_expression"),
    yields=_set("yield_statement"),
    tries=_set("try_statement"),
    catches={"catch_declaration": frozenset()},
    branches=_set("if_statement switch_statement switch_expression conditional_expression"),
    loops=_set("for_statement foreach_statement while_statement do_statement"),
    functions=_set(
        "method_declaration constructor_declaration local_function_statement lambda_expression "
        "anonymous_method_expression declaration_list"
    ),
)
PHP = NodeTable(
    calls={
        "function_call_expression": "function",
        "member_call_expression": "name",
        "nullsafe_member_call_expression": "name",
        "scoped_call_expression": "name",
        "object_creation_expression": "",
    },
    object_field="object",
    keeps_marks=True,
    chains=_set("qualified_name"),
    names=_set("name"),
    raises=_set("throw_expression"),
    yields=_set("yield_expression"),
    tries=_set("try_statement"),
    catches={"catch_clause": _set("named_type")},
    branches=_set("if_statement else_if_clause switch_statement match_expression conditional_expression"),
    loops=_set("for_statement foreach_statement while_statement do_statement"),
    functions=_set("function_definition method_declaration anonymous_function arrow_function declaration_list"),
)
RUBY = NodeTable(
    calls={"call": "method"},
    object_field="receiver",
    keeps_marks=True,
    chains=_set("scope_resolution"),
    names=_set("identifier constant self"),
    selves=_set("self"),
    raising_calls=_set("raise"),
    returns=_set("return"),
    yields=frozenset(),
    tries=_set("begin"),
    catches={"exceptions": _set("constant scope_resolution")},
    branches=_set("if elsif unless if_modifier unless_modifier case case_match conditional"),
    loops=_set("for while until while_modifier until_modifier"),
    functions=_set("method singleton_method lambda class module"),
)
LUA = NodeTable(
    calls={"function_call": "name"},
    keeps_marks=True,
    chains=_set("dot_index_expression method_index_expression"),
    raising_calls=_set("error"),
    branches=_set("if_statement elseif_statement"),
    loops=_set("for_statement while_statement repeat_statement"),
    functions=_set("function_declaration function_definition"),
)
BASH = NodeTable(
    calls={"command": "name"},
    names=_set("command_name"),
    keywords=_set("return exit break continue shift local declare export readonly unset set eval exec trap : [ test"),
    returns=frozenset(),
    branches=_set("if_statement elif_clause case_statement ternary_expression"),
    loops=_set("for_statement c_style_for_statement while_statement"),
    functions=_set("function_definition"),
)

NODE_TABLES: Mapping[str, NodeTable] = MappingProxyType(
    {
        **dict.fromkeys(("bash", "sh", "shellscript"), BASH),
        "c": C,
        "cpp": CPP,
        **dict.fromkeys(("cs", "csharp"), CSHARP),
        "go": GO,
        "java": JAVA,
        **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), JAVASCRIPT),
        "lua": LUA,
        "php": PHP,
        "python": PYTHON,
        "ruby": RUBY,
        "rust": RUST,
    }
)

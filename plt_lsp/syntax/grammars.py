"""The grammars by the language ids of the protocol, each loaded when it is first asked for.

It does not parse, and it knows nothing about a language but the name of its grammar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType

from tree_sitter import Language


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a grammar is found.

    Attributes:
        module: of the wheel that carries it.
        function: of that module, which returns it.
    """

    module: str
    function: str = "language"


_JAVASCRIPT = Grammar("tree_sitter_javascript")
_TSX = Grammar("tree_sitter_typescript", "language_tsx")
_BASH = Grammar("tree_sitter_bash")
_C_SHARP = Grammar("tree_sitter_c_sharp")
_JSON = Grammar("tree_sitter_json")

# The ids of LSP 3.17's table, and those that editors without the table send in their place.
GRAMMARS: Mapping[str, Grammar] = MappingProxyType(
    {
        "bash": _BASH,
        "c": Grammar("tree_sitter_c"),
        "cpp": Grammar("tree_sitter_cpp"),
        "cs": _C_SHARP,
        "csharp": _C_SHARP,
        "css": Grammar("tree_sitter_css"),
        "go": Grammar("tree_sitter_go"),
        "html": Grammar("tree_sitter_html"),
        "java": Grammar("tree_sitter_java"),
        "javascript": _JAVASCRIPT,
        "javascriptreact": _JAVASCRIPT,
        "json": _JSON,
        "jsonc": _JSON,
        "lua": Grammar("tree_sitter_lua"),
        "markdown": Grammar("tree_sitter_markdown"),
        "php": Grammar("tree_sitter_php", "language_php"),
        "python": Grammar("tree_sitter_python"),
        "ruby": Grammar("tree_sitter_ruby"),
        "rust": Grammar("tree_sitter_rust"),
        "sh": _BASH,
        "shellscript": _BASH,
        "toml": Grammar("tree_sitter_toml"),
        "typescript": Grammar("tree_sitter_typescript", "language_typescript"),
        "typescriptreact": _TSX,
        "yaml": Grammar("tree_sitter_yaml"),
    }
)


def language_of(language_id: str) -> Language | None:
    """The grammar for a language id, or None where there is none; the first call for a grammar loads it."""
    grammar = GRAMMARS.get(language_id)
    return _load(grammar) if grammar else None


@cache
def _load(grammar: Grammar) -> Language:
    return Language(getattr(import_module(grammar.module), grammar.function)())

"""The tables by the language ids of the protocol, and what else the reader of an outline has to know of a language.

It does not know trees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from plt_lsp.syntax.outlines import scripts, systems


@dataclass(frozen=True, slots=True)
class Table:
    """How an outline is found in one language.

    Attributes:
        definitions: a query; its captures are a kind of definition, its `name`, and `body`, where its body begins.
            What stands around a definition and belongs to it is a `wrapper`, or `decorated` where that is not part of
            a signature, or a `group` where it may hold several, and belongs to those that begin on its row.
        imports: a query; its captures are `import` for the statement, `module`, `path` (a module with its marks),
            `name` and `alias`, and the local name of the module itself (`whole`) or of what it exports by default
            (`default`); `all` where everything is imported, `word` for what is called to import, `tree` for Rust's.
        words: that import, where a call does it.
        line_comment: what begins a comment that ends with its line.
        block_comment: what begins and ends another one, or nothing.
        doc_is_inside: whether documentation is the first string of the body, and not a comment above.
    """

    definitions: str
    imports: str
    words: frozenset[str] = frozenset()
    line_comment: str = "//"
    block_comment: tuple[str, str] | None = ("/*", "*/")
    doc_is_inside: bool = False


_REQUIRE = frozenset({"require"})
_JAVASCRIPT = Table(scripts.JAVASCRIPT + scripts.JAVASCRIPT_FIELDS, scripts.JAVASCRIPT_IMPORTS, _REQUIRE)
_TYPESCRIPT = Table(
    scripts.JAVASCRIPT + scripts.TYPESCRIPT, scripts.JAVASCRIPT_IMPORTS + scripts.TYPESCRIPT_IMPORTS, _REQUIRE
)
_CSHARP = Table(systems.CSHARP, systems.CSHARP_IMPORTS)
_BASH = Table(
    scripts.BASH, scripts.BASH_IMPORTS, words=frozenset({"source", "."}), line_comment="#", block_comment=None
)
_RUBY_WORDS = frozenset({"require", "require_relative", "load"})

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "bash": _BASH,
        "c": Table(systems.C, systems.C_IMPORTS),
        "cpp": Table(systems.CPP, systems.C_IMPORTS),
        "cs": _CSHARP,
        "csharp": _CSHARP,
        "go": Table(systems.GO, systems.GO_IMPORTS),
        "java": Table(systems.JAVA, systems.JAVA_IMPORTS),
        "javascript": _JAVASCRIPT,
        "javascriptreact": _JAVASCRIPT,
        "lua": Table(
            scripts.LUA,
            scripts.LUA_IMPORTS,
            _REQUIRE,
            line_comment="--",
            block_comment=("--[[", "]]"),
        ),
        "php": Table(scripts.PHP, scripts.PHP_IMPORTS),
        "python": Table(
            scripts.PYTHON, scripts.PYTHON_IMPORTS, line_comment="#", block_comment=None, doc_is_inside=True
        ),
        "ruby": Table(scripts.RUBY, scripts.RUBY_IMPORTS, _RUBY_WORDS, line_comment="#", block_comment=None),
        "rust": Table(systems.RUST, systems.RUST_IMPORTS),
        "sh": _BASH,
        "shellscript": _BASH,
        "typescript": _TYPESCRIPT,
        "typescriptreact": _TYPESCRIPT,
    }
)

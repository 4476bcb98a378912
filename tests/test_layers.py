"""The layers, read from the source: nothing points back, and the server never comes near a tensor."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "plt_kernels": ROOT / "kernels" / "plt_kernels",
    "plt_engine": ROOT / "engine" / "plt_engine",
    "plt_lsp": ROOT / "plt_lsp",
}
# What each package may import beside the standard library and itself.
ALLOWED = {
    "plt_kernels": {"torch", "triton"},
    "plt_engine": {
        *("plt_kernels", "torch", "safetensors", "tokenizers", "transformers", "gguf", "orjson", "cattrs", "numpy"),
        *("rich", "platformdirs", "jinja2"),
    },
    "plt_lsp": {"plt_engine", "pygls", "lsprotocol", "cattrs", "orjson", "rich", "platformdirs"},
}
# What a room inside a package may import beside that.
ALLOWED_IN = {
    "plt_engine.hub": {"huggingface_hub", "tqdm"},
    "plt_lsp.index": {"pathspec", "watchdog"},
    "plt_lsp.refactor": {"rope"},
    "plt_lsp.syntax": {"tree_sitter"},
    "plt_engine.training": {
        *("rensa", "tree_sitter", "tree_sitter_javascript", "tree_sitter_python", "tree_sitter_typescript"),
    },
}
PLAIN_ENGINE = {
    "types",
    "errors",
    "wire",
    "framing",
    "child_process",
    "pack",
    "pack_manifest",
    "peer",
    "json_object",
    "recipes",
    "verified_files",
    "family",
    "relatives",
    "config",
    "latency",
    "loop_policy",
}
HEAVY = {"torch", "triton", "safetensors", "tokenizers", "transformers", "gguf", "plt_kernels"}
PURE_ROOMS = ("context", "postprocess")
PURE_STDLIB = {
    "bisect",
    "collections",
    "dataclasses",
    "difflib",
    "enum",
    "functools",
    "itertools",
    "json",
    "math",
    "re",
    "typing",
}
SPEAKS_LSP = {"convert", "protocol", "server"}


def sources(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The line and full name of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def module_of(path: Path, package: str) -> str:
    parts = path.relative_to(PACKAGES[package]).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def violations(package: str, is_allowed) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(package)
        for line, name in imports(path)
        if not is_allowed(module_of(path, package), name)
    ]


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_its_layer_may(package):
    def is_allowed(module: str, name: str) -> bool:
        room = ALLOWED_IN.get(f"{package}.{top(module)}", set())
        return top(name) in sys.stdlib_module_names or top(name) in {package, *ALLOWED[package], *room}

    assert len(sources(package)) > 0
    assert violations(package, is_allowed) == []


def test_the_engine_knows_no_event_loop():
    assert violations("plt_engine", lambda _, name: top(name) != "asyncio") == []


def test_the_server_imports_plain_data_of_the_engine_only():
    def is_allowed(_: str, name: str) -> bool:
        return top(name) != "plt_engine" or name.split(".")[1] in PLAIN_ENGINE

    assert violations("plt_lsp", is_allowed) == []


def test_plain_data_of_the_engine_imports_nothing_heavy():
    def is_allowed(module: str, name: str) -> bool:
        is_plain_import = top(name) != "plt_engine" or name.split(".")[1] in PLAIN_ENGINE
        return module not in PLAIN_ENGINE or (top(name) not in HEAVY and is_plain_import)

    assert violations("plt_engine", is_allowed) == []


def test_pure_rooms_import_nothing_that_acts():
    def is_allowed(module: str, name: str) -> bool:
        if module.partition(".")[0] not in PURE_ROOMS or top(name) in PURE_STDLIB:
            return True
        acts = ("session", "engine", "server", "protocol", "convert", "client", "stdio", "features", "completer")
        is_own = top(name) == "plt_lsp" and not name.split(".")[1].startswith(acts)
        return is_own or name.startswith("plt_engine.types.")

    assert violations("plt_lsp", is_allowed) == []


def test_the_protocols_types_stay_at_the_servers_edge():
    def is_allowed(module: str, name: str) -> bool:
        return top(name) not in ("lsprotocol", "pygls") or module in SPEAKS_LSP or module.startswith("features.")

    assert violations("plt_lsp", is_allowed) == []


def loaded_by(*modules: str) -> set[str]:
    code = f"import sys, {', '.join(modules)}; print(' '.join(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {top(name) for name in result.stdout.split()}


def test_importing_any_module_of_the_server_loads_no_torch():
    modules = [f"plt_lsp.{module_of(path, 'plt_lsp')}".rstrip(".") for path in sources("plt_lsp")]
    assert "plt_lsp.server" in modules
    assert loaded_by(*modules) & HEAVY == set()


def test_the_engine_process_starts_without_torch():
    assert loaded_by("plt_engine", "plt_engine.host", "plt_engine.worker", "plt_engine.wire") & HEAVY == set()


def test_every_module_says_what_it_is_and_what_it_does_not_know():
    missing = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sources(package)
        if len((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split()) < 8
    ]
    assert missing == []

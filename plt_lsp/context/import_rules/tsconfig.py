"""What a tsconfig.json or jsconfig.json makes of a module's name (TypeScript handbook, module resolution).

It knows `baseUrl`, `paths`, `extends` and `references`, each as tsc reads it; configurations out of packages are not
looked for. It does not know which suffixes a file may have.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from plt_lsp.context.import_rules.files import Files, ancestors, folder_of, joined, relative_to, star_of

NAMES = ("tsconfig.json", "jsconfig.json")
MAX_DEPTH = 8
# In a place it stands for the folder of the configuration that extends others (TypeScript 5.5).
CONFIG_FOLDER = "${configDir}"

_BASE = re.compile(r"\"baseUrl\"\s*:\s*\"([^\"]*)\"")
_PATHS = re.compile(r"\"paths\"\s*:\s*\{((?:\$\{\w+\}|[^}])*)\}")
_ALIAS = re.compile(r"\"([^\"]+)\"\s*:\s*\[\s*\"([^\"]+)\"")
_EXTENDS = re.compile(r"\"extends\"\s*:\s*(\[[^\]]*\]|\"[^\"]*\")")
_REFERENCES = re.compile(r"\"references\"\s*:\s*\[([^\]]*)\]")
_PATH = re.compile(r"\"path\"\s*:\s*\"([^\"]*)\"")
_STRING = re.compile(r"\"([^\"]*)\"")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Options:
    """What counts of a configuration.

    Attributes:
        base: `baseUrl`, relative to the workspace; None where nobody sets it.
        aliases: `paths`, each name with its first place; None where nobody sets them.
        folder: of the configuration that sets them, which places are relative to where there is no base.
    """

    base: str | None = None
    aliases: tuple[tuple[str, str], ...] | None = None
    folder: str = ""

    def over(self, other: "_Options") -> "_Options":
        """These options, and another configuration's where this one sets none."""
        base = other.base if self.base is None else self.base
        return replace(other if self.aliases is None else self, base=base)

    def meanings(self, module: str, folder: str) -> Iterator[str]:
        """The paths, without a suffix, that a name may mean under a configuration in a folder."""
        for alias, place in self.aliases or ():
            middle = star_of(alias, module)
            if middle is not None:
                base = self.folder if self.base is None else self.base
                if place.startswith(CONFIG_FOLDER):
                    base, place = folder, f".{place.removeprefix(CONFIG_FOLDER)}"
                found = relative_to(base, place.replace("*", middle))
                yield from [found] if found is not None else []
        if self.base is not None:
            yield joined(self.base, module)


def meanings(files: Files, path: str, module: str) -> Iterator[str]:
    """The paths, without a suffix, that a file's nearest configuration lets a module's name mean.

    A configuration that only refers to others, as project templates have it, is as these are.
    """
    for folder in ancestors(folder_of(path)):
        for config in (joined(folder, name) for name in NAMES):
            if text := _text(files, config):
                options = _options(files, config, MAX_DEPTH)
                yield from options.meanings(module, folder)
                if options.aliases is None:
                    for other in _referred(folder, text):
                        yield from _options(files, other, MAX_DEPTH).meanings(module, folder_of(other))
                return


def _options(files: Files, config: str, depth: int) -> _Options:
    """A configuration's options over those that it extends, of which a later one is over an earlier one."""
    text, folder = _text(files, config), folder_of(config)
    base, paths, extends = _BASE.search(text), _PATHS.search(text), _EXTENDS.search(text)
    options = _Options(
        None if base is None else relative_to(folder, base[1]),
        None if paths is None else tuple(_ALIAS.findall(paths[1])),
        folder,
    )
    written = _STRING.findall(extends[1]) if extends is not None and depth else []
    for other in reversed(written):
        found = relative_to(folder, other) if other.startswith(".") else None
        if found is not None:
            found = found if found.endswith(".json") else f"{found}.json"
            options = options.over(_options(files, found, depth - 1))
    return options


def _referred(folder: str, text: str) -> Iterator[str]:
    """The configurations that one refers to: files, or folders of a tsconfig.json."""
    for block in _REFERENCES.findall(text):
        for written in _PATH.findall(block):
            found = relative_to(folder, written)
            if found is not None:
                yield found if found.endswith(".json") else joined(found, NAMES[0])


def _text(files: Files, config: str) -> str:
    return _COMMENT.sub("", files.text(config))

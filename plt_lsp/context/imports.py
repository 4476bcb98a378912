"""Where the names come from that a file uses but does not define, by the rules of its language.

It follows imports to definitions in files of the index, also through files that only pass them on. What an unlisted
language imports is not known.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from plt_lsp.context.import_rules import javascript, managed, python, scripts, systems
from plt_lsp.context.import_rules.files import Files, Target, folder_of
from plt_lsp.context.used_names import UsedNames
from plt_lsp.index.reader import IndexedDefinition
from plt_lsp.syntax.outline_types import Definition, DefinitionKind, Import, Outline

# In so many files a name is looked for, and so many imports and names are looked at.
MAX_PLACES = 24
MAX_IMPORTS = 60
MAX_NAMES = 40
MAX_OF_A_MODULE = 12
MAX_OF_A_NAME = 8
# How much a name counts that is imported and not used yet, which it is about to be, or whose module is asked for.
IMPORTED = 0.75
ASKED = 0.9

Targets = Callable[[Files, str, Import], Iterator[Target]]
IsVisible = Callable[[Files, str, Outline, IndexedDefinition], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """How a language finds what is defined elsewhere.

    Attributes:
        targets: what an import means.
        is_visible: whether a definition can be used without an import that names it; None where none can.
    """

    targets: Targets
    is_visible: IsVisible | None = None


_PYTHON, _JAVASCRIPT, _C = Rule(python.targets), Rule(javascript.targets), Rule(systems.c_targets)
_CSHARP, _SHELL = Rule(managed.no_targets, managed.is_in_namespace), Rule(scripts.shell_targets)
RULES: Mapping[str, Rule] = {
    "bash": _SHELL,
    "c": _C,
    "cpp": _C,
    "cs": _CSHARP,
    "csharp": _CSHARP,
    "go": Rule(systems.go_targets, managed.is_in_folder),
    "java": Rule(managed.java_targets, managed.is_in_folder),
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "lua": Rule(scripts.lua_targets),
    "php": Rule(managed.php_targets, managed.is_in_folder),
    "python": _PYTHON,
    "ruby": Rule(scripts.ruby_targets),
    "rust": Rule(systems.rust_targets),
    "sh": _SHELL,
    "shellscript": _SHELL,
    "typescript": _JAVASCRIPT,
    "typescriptreact": _JAVASCRIPT,
}


@dataclass(frozen=True, slots=True)
class Origin:
    """A definition in another file that a file uses.

    Attributes:
        path: of the other file.
        outline: of it.
        i: the definition's index in that.
        weight: how much it counts, in (0, 1].
        why: it is looked at.
    """

    path: str
    outline: Outline
    i: int
    weight: float
    why: str

    @property
    def definition(self) -> Definition:
        """What is defined."""
        return self.outline.definitions[self.i]


def origins(files: Files, path: str, outline: Outline, used: UsedNames) -> Iterator[Origin]:
    """The definitions that a file's imports bring and those that are visible to it anyway, some of them twice.

    Args:
        files: of the workspace.
        path: of the file.
        outline: of it.
        used: the names that it uses.
    """
    rule = RULES.get(outline.language_id)
    if rule is None:
        return
    known = {one.name for one in outline.definitions if one.parent is None}
    for one in _most_used(outline, used):
        known.update(name.local for name in one.names)
        for target in rule.targets(files, path, one):
            if target.path != path:
                yield from _of_target(files, target, used)
    if rule.is_visible is not None:
        yield from _visible(files, path, outline, used, rule.is_visible, known)


def find(files: Files, path: str, name: str) -> tuple[str, Outline, int] | None:
    """The file in which a name of a file is defined, its outline, and the definition's index; by its imports too."""
    waiting, seen = [(path, name)], {(path, name)}
    for place, called in waiting:
        outline = files.outline(place)
        if outline is None:
            continue
        i = defined(outline, called)
        if i is not None:
            return place, outline, i
        passed_on = [one for one in _passed_on(files, place, outline, called) if one not in seen]
        waiting += passed_on[: MAX_PLACES - len(waiting)]
        seen.update(passed_on)
    return None


def _passed_on(files: Files, path: str, outline: Outline, name: str) -> Iterator[tuple[str, str]]:
    """Where a file that does not define a name may have it from, and what it is called there."""
    likely = [
        one
        for one in outline.imports
        if not one.names or any(brought.local == name or brought.name == "*" for brought in one.names)
    ]
    for target in _targets(files, path, outline.language_id, likely):
        if target.name is not None and target.local == name:
            yield target.path, target.name
        elif target.name is None and target.local is None:
            yield target.path, name


def _targets(files: Files, path: str, language_id: str, imports: Sequence[Import]) -> Iterator[Target]:
    """What the first imports of a file bring; nothing in a language without a rule."""
    rule = RULES.get(language_id)
    if rule is not None:
        for one in imports[:MAX_IMPORTS]:
            yield from rule.targets(files, path, one)


def defined(outline: Outline, name: str) -> int | None:
    """The index of what a file defines under a name for others to use."""
    for i, one in enumerate(outline.definitions):
        if one.kind in (DefinitionKind.IMPL, DefinitionKind.MODULE) or not is_outermost(outline, one):
            continue
        if name in (one.name, _last(one.name)) or (name == "default" and one.signature.startswith("export default")):
            return i
    return None


def is_outermost(outline: Outline, one: Definition) -> bool:
    """Whether a definition stands in nothing but namespaces."""
    while one.parent is not None:
        one = outline.definitions[one.parent]
        if one.kind is not DefinitionKind.MODULE:
            return False
    return True


def _most_used(outline: Outline, used: UsedNames) -> list[Import]:
    """The imports that bring the names nearest to the cursor."""

    def weight(one: Import) -> float:
        locals_ = [name.local for name in one.names if name.name != "*" or name.alias] or [_last(one.module)]
        return max(used.weights.get(local, 0.0) for local in locals_)

    return sorted(outline.imports, key=weight, reverse=True)[:MAX_IMPORTS]


def _last(module: str) -> str:
    return module.replace("::", ".").replace("/", ".").strip('."<>').rpartition(".")[2]


def _of_target(files: Files, target: Target, used: UsedNames) -> Iterator[Origin]:
    if target.name is not None:
        found = find(files, target.path, target.name)
        local = target.local or target.name
        if found is None and target.name == "default":
            found = find(files, target.path, local)
        if found is not None:
            weight = used.weights.get(local)
            yield Origin(*found, weight or IMPORTED, f"{local} is imported" if weight is None else f"{local} is used")
    elif target.local is None:
        yield from _of_all(files, target.path, used)
    else:
        yield from _of_module(files, target, used)


def _of_all(files: Files, path: str, used: UsedNames) -> Iterator[Origin]:
    """What is used of a file whose names are all there, and of those whose names all are there with it."""
    waiting = [path]
    for place in waiting:
        outline = files.outline(place)
        if outline is None:
            continue
        for i, one in enumerate(outline.definitions):
            name = _last(one.name)
            if name in used.weights and is_outermost(outline, one) and one.kind is not DefinitionKind.MODULE:
                yield Origin(place, outline, i, used.weights[name], f"{name} is used")
        for target in _targets(files, place, outline.language_id, outline.imports):
            is_all = target.name is None and target.local is None
            if is_all and target.path not in waiting and len(waiting) < MAX_PLACES:
                waiting.append(target.path)


def _of_module(files: Files, target: Target, used: UsedNames) -> Iterator[Origin]:
    """What is used of a module through its name; of one that the cursor stands behind, whatever there is."""
    local = (target.local or "").replace("::", ".")
    weight = used.weights.get(local.partition(".")[0], IMPORTED)
    for name in sorted(used.members.get(local, ())):
        found = find(files, target.path, name)
        if found is not None:
            yield Origin(*found, weight, f"{local}.{name} is used")
    outline = files.outline(target.path)
    if used.asked == local and outline is not None:
        shown = [i for i in outline.children(None) if not outline.definitions[i].name.startswith("_")]
        for i in shown[:MAX_OF_A_MODULE]:
            yield Origin(target.path, outline, i, ASKED, f"the cursor is behind {local}")


def _visible(
    files: Files, path: str, outline: Outline, used: UsedNames, is_visible: IsVisible, known: set[str]
) -> Iterator[Origin]:
    """What other files define under names that are visible without being imported."""
    names = [name for name in sorted(used.weights, key=lambda name: -used.weights[name]) if name not in known]
    for name in names[:MAX_NAMES]:
        for found in files.named(name, folder_of(path))[:MAX_OF_A_NAME]:
            if found.path == path or not is_visible(files, path, outline, found):
                continue
            other = files.outline(found.path)
            if other is not None and found.definition in other.definitions:
                i = other.definitions.index(found.definition)
                yield Origin(found.path, other, i, used.weights[name], f"{name} is used")

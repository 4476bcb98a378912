"""Organise imports: the first run of imports of a file in sections and in order, as common linters order them.

It removes nothing but what stands there twice: an import that is not used here may have effects, or be used by others.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from plt_lsp.refactor.exact.checks import check, compiled
from plt_lsp.refactor.exact.selecting import check_own_lines
from plt_lsp.refactor.exact.source import Source, Splice
from plt_lsp.refactor.proposal import RefusedError

MAX_LINE_CHARS = 88
_VERTICAL = re.compile(r"from [\w.]+ import \(\n(?:(?P<indent>[ \t]+)\w+(?: as \w+)?,?\n)+\)\Z")
_SWITCH = re.compile(r"isort:|fmt:|ruff:")

Statement = ast.Import | ast.ImportFrom


@dataclass(frozen=True, slots=True)
class Entry:
    """An import as it will stand.

    Attributes:
        module: with the dots of a relative one, or empty for a plain import.
        names: as written, with `as`.
        above: comments on lines above it.
        text: as it is written, where its layout must stay, or empty.
        behind: the comment behind it.
        indent: of each name where they stand on lines of their own, or empty.
    """

    module: str
    names: tuple[str, ...]
    above: tuple[str, ...] = ()
    text: str = ""
    behind: str = ""
    indent: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it may be put together with others."""
        return not (self.above or self.text or self.behind)


def import_run(tree: ast.Module) -> list[Statement]:
    """The first imports of a file that follow each other."""
    found: list[Statement] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif found:
            break
    return found


def organised(source: Source, first_party: frozenset[str]) -> list[Splice]:
    """The change that puts the imports in order; `first_party` names the project's own packages.

    Raises:
        RefusedError: where there are none, they are in order, or their order matters.
    """
    run = import_run(source.tree)
    if not run:
        raise RefusedError("There are no imports at the top of the file.")
    _check_order_free(run)
    entries = list(_entries(source, run))
    start = source.line_start(source.row(source.start(run[0])))
    last = source.row(source.end(run[-1]))
    end = source.line_start(last) + len(source.lines[last])
    text = _written(_merged(entries), first_party)
    if text == source.text[start:end]:
        raise RefusedError("The imports are in order already.")
    splices = [Splice(start, end, text)]
    _check_result(source, splices, run)
    return splices


def _check_order_free(run: Sequence[Statement]) -> None:
    bound: dict[str, str] = {}
    for node in run:
        for alias in node.names:
            if alias.name == "*":
                raise RefusedError("An import of `*` may replace names that others bring, so that the order matters.")
            name = alias.asname or alias.name.partition(".")[0]
            target = _target(node, alias)
            if bound.setdefault(name, target) != target:
                raise RefusedError(f"`{name}` is imported twice from different places, so that the order matters.")


def _target(node: Statement, alias: ast.alias) -> str:
    if isinstance(node, ast.ImportFrom):
        return f"{'.' * node.level}{node.module or ''}:{alias.name}"
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _entries(source: Source, run: Sequence[Statement]) -> Iterator[Entry]:
    previous = source.row(source.start(run[0])) - 1
    for node in run:
        check_own_lines(source, node, node)
        first, last = source.row(source.start(node)), source.row(source.end(node))
        above = _comments_above(source, previous + 1, first)
        behind = _behind(source, node, last)
        yield from _entries_of(source, node, above, behind)
        previous = last


def _behind(source: Source, node: Statement, row: int) -> str:
    end = source.line_start(row) + len(source.lines[row])
    return source.text[source.end(node) : end].strip()


def _comments_above(source: Source, first: int, last: int) -> tuple[str, ...]:
    lines = [line.strip() for line in source.lines[first:last]]
    comments = [line for line in lines if line]
    if any(_SWITCH.search(line) for line in comments):
        raise RefusedError("A comment between the imports says how they are to be ordered.")
    if comments and lines[-len(comments) :] != comments:
        raise RefusedError("A comment stands between the imports by itself; it would be unclear where it belongs.")
    return tuple(comments)


def _entries_of(source: Source, node: Statement, above: tuple[str, ...], behind: str) -> Iterator[Entry]:
    if _SWITCH.search(behind):
        raise RefusedError("A comment between the imports says how they are to be ordered.")
    names = tuple(f"{one.name} as {one.asname}" if one.asname else one.name for one in node.names)
    text = source.segment(node)
    if isinstance(node, ast.Import):
        if len(names) > 1 and (above or behind or "\n" in text):
            raise RefusedError("An import of several modules has a comment or several lines.")
        yield from (Entry("", (name,), above, "", behind) for name in names)
        return
    module = "." * node.level + (node.module or "")
    match = _VERTICAL.match(text)
    is_simple = text == f"from {module} import {', '.join(names)}"
    indent = match["indent"] if match else ""
    yield Entry(module, names, above, "" if is_simple or match else text, behind, indent)


def _merged(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, those of one module together and none twice."""
    found: dict[tuple[str, tuple[str, ...]] | str, Entry] = {}
    for i, entry in enumerate(entries):
        is_renamed = any(" as " in name for name in entry.names)
        names = tuple(sorted(set(entry.names), key=_member_key)) if not entry.text else entry.names
        entry = replace(entry, names=names)
        if not entry.is_plain:
            found[str(i), entry.names] = entry
        elif not entry.module or is_renamed:
            found.setdefault((entry.module, entry.names), entry)
        elif entry.module in found:
            other = found[entry.module]
            both = tuple(sorted({*other.names, *entry.names}, key=_member_key))
            found[entry.module] = replace(other, names=both, indent=other.indent or entry.indent)
        else:
            found[entry.module] = entry
    return list(found.values())


def _written(entries: Sequence[Entry], first_party: frozenset[str]) -> str:
    ordered = sorted(entries, key=lambda entry: (_section(entry, first_party), _key(entry)))
    sections = groupby(ordered, key=lambda entry: _section(entry, first_party))
    return "\n\n".join("\n".join(_text(entry) for entry in section) for _, section in sections)


def _text(entry: Entry) -> str:
    text = entry.text or _layout(entry)
    behind = f"  {entry.behind}" if entry.behind else ""
    return "\n".join([*entry.above, text + behind])


def _layout(entry: Entry) -> str:
    if not entry.module:
        return f"import {entry.names[0]}"
    line = f"from {entry.module} import {', '.join(entry.names)}"
    if entry.indent or (len(line) > MAX_LINE_CHARS and entry.is_plain and len(entry.names) > 1):
        indent = entry.indent or "    "
        return f"from {entry.module} import (\n" + "".join(f"{indent}{name},\n" for name in entry.names) + ")"
    return line


def _section(entry: Entry, first_party: frozenset[str]) -> int:
    module = entry.module or entry.names[0].partition(" ")[0]
    top = module.partition(".")[0]
    if module == "__future__":
        return 0
    if module.startswith("."):
        return 4
    if top in first_party:
        return 3
    return 1 if top in sys.stdlib_module_names else 2


def _key(entry: Entry) -> tuple[object, ...]:
    """Plain imports first, then by module; of relative ones the furthest first; a renamed one behind the others."""
    module = entry.module or entry.names[0]
    dots = len(module) - len(module.lstrip("."))
    return bool(entry.module), -dots, _natural(module.lower()), _natural(module), [_member_key(n) for n in entry.names]


def _member_key(name: str) -> tuple[object, ...]:
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, _natural(name.lower()), _natural(name)


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"(\d+)", text)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def _check_result(source: Source, splices: Sequence[Splice], run: Sequence[Statement]) -> None:
    """The same things are imported, and nothing else has changed, no comment either."""
    text = source.spliced(splices)
    tree = compiled(text)
    new_run = import_run(tree)
    check(_imported(new_run) == _imported(run))
    rest = [ast.dump(node) for node in source.tree.body if node not in run]
    check(rest == [ast.dump(node) for node in tree.body if node not in new_run])
    new = Source([f"{line}\n" for line in text.split("\n")])
    comments = Counter(token.string for token in source.comments_in(0, len(source.text)))
    check(comments == Counter(token.string for token in new.comments_in(0, len(new.text))))


def _imported(run: Sequence[Statement]) -> set[tuple[str, str, str]]:
    return {
        ("." * getattr(node, "level", 0) + (getattr(node, "module", "") or ""), alias.name, alias.asname or "")
        for node in run
        for alias in node.names
    }

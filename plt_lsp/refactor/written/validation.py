"""What every proposal must pass before it is shown: pure functions of a text before and after.

They do not know a model. Each check returns None or what is wrong, as a sentence for the user; what holds for one kind
of refactoring alone is in the modules of the kinds and in `python_checks`.
"""

import re
from collections import Counter
from collections.abc import Sequence

from plt_lsp.context.secrets import REDACTED, find_secrets
from plt_lsp.explain.untrusted import visible
from plt_lsp.refactor.written.change import Change, Check, Compared, Side, compared, line_ends
from plt_lsp.refactor.written.name_checks import keeps_bound_names
from plt_lsp.refactor.written.python_checks import compiles
from plt_lsp.syntax.facts.reading import facts_in
from plt_lsp.syntax.faults import faults
from plt_lsp.syntax.outline_types import Definition
from plt_lsp.syntax.surroundings import surroundings

NOTHING = "The model wrote nothing."
UNCHANGED = "The model changed nothing."
LEAVES_RANGE = "It would change text outside of what was asked for."
CHANGES_AROUND = "It would change what the code around it means."
BREAKS_SYNTAX = "It would not be valid {language}."

_CONTROL = re.compile(
    r"<\|[^|\n<>]{1,40}\|>|</?(?:fim_\w+|file_sep|repo_name|filename|endoftext|PRE|SUF|MID|EOT|s)>|<\[fim-\w+\]>"
    r"|\[/?(?:PREFIX|SUFFIX|MIDDLE|INST)\]"
)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_REDACTED = re.compile(re.escape(REDACTED), re.IGNORECASE)
_ADDRESS = re.compile(
    r"\b\w[\w+.-]*://[^\s\"'`)>\]]*|\b(?:data|javascript|vbscript|command):[^\s\"'`)>\]]+", re.IGNORECASE
)
_LANGUAGES = {
    **dict.fromkeys(("javascript", "javascriptreact"), "JavaScript"),
    **dict.fromkeys(("typescript", "typescriptreact"), "TypeScript"),
    **dict.fromkeys(("cs", "csharp"), "C#"),
    **dict.fromkeys(("bash", "sh", "shellscript"), "shell script"),
    "cpp": "C++",
    "php": "PHP",
}
_EVALUATORS = frozenset({"eval", "exec", "compile", "__import__", "Function", "importlib.import_module"})


def fault_of(change: Change, checks: Sequence[Check] = ()) -> str | None:
    """The first thing that is wrong with a change, as a sentence, or None where it may be shown.

    Args:
        change: the text before and after.
        checks: of the kind of refactoring, which follow those that all kinds share.
    """
    for look in TEXT_CHECKS:
        if (fault := look(change)) is not None:
            return fault
    both = compared(change)
    if both is None:
        return "It cannot be checked, since the file has no syntax tree."
    for check in (*TREE_CHECKS, *checks):
        if (fault := check(both)) is not None:
            return fault
    return None


def stays_in_range(change: Change) -> str | None:
    """Whether the text outside of the stretch is the same."""
    rest = change.old[change.end :]
    is_long_enough = len(change.new) >= change.start + len(rest)
    is_same = change.new[: change.start] == change.old[: change.start] and change.new.endswith(rest)
    return None if is_long_enough and is_same else LEAVES_RANGE


def says_something(change: Change) -> str | None:
    """Whether there is anything, and anything new."""
    if not change.inserted.strip():
        return NOTHING if change.replaced.strip() or not change.inserted else UNCHANGED
    return UNCHANGED if _words(change.inserted) == _words(change.replaced) else None


def is_visible(change: Change) -> str | None:
    """Whether no character is added that shows nothing, or changes how others are shown."""
    added = Counter(change.inserted) - Counter(change.replaced)
    hidden = sorted(char for char in added if char not in "\r\n\t" and visible(char) != char)
    return f"It holds a character that cannot be seen (U+{ord(hidden[0]):04X})." if hidden else None


def is_free_of_marks(change: Change) -> str | None:
    """Whether nothing is added that belongs to a model's way of talking."""
    if change.added(_CONTROL):
        return "It holds a mark that controls a model."
    return "It holds a mark of Markdown around code." if change.added(_FENCE) else None


def is_free_of_secrets(change: Change) -> str | None:
    """Whether no secret is added, nor the word that stood for one."""
    for secret in find_secrets(change.inserted):
        if change.inserted[secret.start : secret.end] not in change.replaced:
            return "It holds what looks like a password or a key."
    if change.hides_secrets and change.added(_REDACTED):
        return "It holds a word that stands for a secret which the model was not shown."
    return None


def is_free_of_addresses(change: Change) -> str | None:
    """Whether no address is added that an editor could open or load, be it one of the file's own."""
    return "It holds an address that the code did not." if change.added(_ADDRESS) else None


def has_files_line_ends(change: Change) -> str | None:
    """Whether its lines end as those of the file do."""
    known = line_ends(change.old)
    return "Its lines end otherwise than those of the file." if known and line_ends(change.inserted) - known else None


def has_files_indentation(change: Change) -> str | None:
    """Whether it is indented with what the file is indented with."""
    known = _blanks(change.old)
    if known and _blanks(change.inserted) - known:
        return f"It is indented with {'spaces' if known == {chr(9)} else 'tabs'}, and the file is not."
    return None


TEXT_CHECKS = (
    stays_in_range,
    says_something,
    is_visible,
    is_free_of_marks,
    is_free_of_secrets,
    is_free_of_addresses,
    has_files_line_ends,
    has_files_indentation,
)


def parses(both: Compared) -> str | None:
    """Whether there are no more syntax errors than before."""
    num_before, num_after = len(faults(both.before.tree)), len(faults(both.after.tree))
    return (
        BREAKS_SYNTAX.format(language=_LANGUAGES.get(both.change.language_id, both.change.language_id.capitalize()))
        if num_after > num_before
        else None
    )


def leaves_the_rest(both: Compared) -> str | None:
    """Whether the tree around the stretch is the same, and what is in it stands where it stood.

    Where the change mends a syntax error, the tree before it is no measure.
    Where nothing stood in the stretch, the kinds that put something there compare all of the code themselves.
    """
    if both.change.start == both.change.end or len(faults(both.after.tree)) < len(faults(both.before.tree)):
        return None
    before, after = (surroundings(side.tree, *side.span) for side in (both.before, both.after))
    if before.outside != after.outside:
        return CHANGES_AROUND
    depths = {depth for depth, _ in before.inside}
    return CHANGES_AROUND if depths and not {depth for depth, _ in after.inside} <= depths else None


def keeps_definitions(both: Compared) -> str | None:
    """Whether everything that was defined is still defined."""
    lost = _definitions(both.before) - _definitions(both.after)
    return f"It would no longer define `{next(iter(lost))}`." if lost else None


def keeps_names_used_behind(both: Compared) -> str | None:
    """Whether names that are used behind the stretch still occur in it; of Python more is known."""
    if both.change.language_id == "python":
        return None
    row = both.before.cursors[0].line
    around = both.before.outline.enclosing(row)
    last = both.before.outline.definitions[around[-1]].last_row if around else len(both.before.tree.lines)
    end = both.before.span[1]
    lines = both.before.tree.lines
    limit = sum(len(line.encode("utf-8", "replace")) for line in lines[: last + 1])
    behind = {leaf.text for leaf in both.before.all_leaves if is_name(leaf.kind) and end <= leaf.start < limit}
    lost = (_names(both.before) & behind) - _names(both.after)
    return f"It would lose `{min(lost)}`, which is used behind it." if lost else None


def adds_no_effects(both: Compared) -> str | None:
    """Whether nothing is called that reaches files, the network or other processes, or runs a text as code."""
    added = sorted(effects(both.after) - effects(both.before))
    return f"It would call `{added[0]}`, which the code did not." if added else None


TREE_CHECKS: tuple[Check, ...] = (
    parses,
    compiles,
    leaves_the_rest,
    keeps_definitions,
    keeps_bound_names,
    keeps_names_used_behind,
)


def adds_no_definitions(both: Compared) -> str | None:
    """Whether nothing else is defined than before, and one definition stays one."""
    added = _definitions(both.after) - _definitions(both.before)
    if added:
        return f"It would also define `{next(iter(added))}`."
    before, after = (surroundings(side.tree, *side.span).inside for side in (both.before, both.after))
    is_one = len(before) == 1 and _definitions_inside(both.before)
    return "It would add code beside the definition." if is_one and len(after) != 1 else None


def keeps_comments(both: Compared) -> str | None:
    """Whether every comment is still there."""
    before, after = (
        Counter(leaf.text for leaf in side.leaves if leaf.is_comment) for side in (both.before, both.after)
    )
    return "It would lose a comment." if before - after else None


def changes_comments_only(both: Compared) -> str | None:
    """Whether a program would not see the difference."""
    before, after = (
        [leaf.text for leaf in side.all_leaves if not leaf.is_comment] for side in (both.before, both.after)
    )
    return None if before == after else "It would change code beside the comment."


def is_simpler(both: Compared) -> str | None:
    """Whether there is less of it than before."""
    return None if len(both.after.tokens) < len(both.before.tokens) else "It is no simpler than what is there."


def uses_known_names(both: Compared) -> str | None:
    """Whether every name in it occurs in the file already; of Python more is known."""
    if both.change.language_id == "python":
        return None
    known = {leaf.text for leaf in both.before.all_leaves if is_name(leaf.kind)}
    added = sorted(_names(both.after) - known)
    return f"It uses `{added[0]}`, which the file does not know." if added else None


def is_name(kind: str) -> bool:
    """Whether a leaf of this kind is a name, in any of the grammars."""
    return "identifier" in kind or kind in ("name", "variable_name", "constant")


def _definitions(side: Side) -> Counter[str]:
    return Counter(one.name for one in side.outline.definitions)


def _definitions_inside(side: Side) -> list[Definition]:
    first, last = (cursor.line for cursor in side.cursors)
    return [one for one in side.outline.definitions if one.rows.first == first and one.rows.last == last]


def _names(side: Side) -> set[str]:
    return {leaf.text for leaf in side.leaves if is_name(leaf.kind)}


def effects(side: Side) -> set[str]:
    """What the stretch calls that reaches files, the network or other processes, or runs a text as code."""
    calls = facts_in(side.tree, side.outline, *side.cursors).calls
    return {call.name for call in calls if call.effect is not None or call.name in _EVALUATORS}


def _words(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _blanks(text: str) -> set[str]:
    """What the lines of a text are indented with."""
    heads = (line[: len(line) - len(line.lstrip(" \t"))] for line in text.splitlines() if line.strip())
    return {char for head in heads for char in head}

"""Which files nothing is suggested in: globs over their paths, as a pure rule.

A pattern without a slash is matched with the file's name, in whatever folder; one with a slash with the path below the
workspace folder. It does not know where the patterns come from.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath

_TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^]]*\]|.", re.DOTALL)


def is_excluded(path: str | None, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches; a document without a path is never excluded.

    Args:
        path: relative to the workspace folder, with `/`, or a file name.
        patterns: globs: `*` and `?` stay within a folder's name, `**` goes through folders, `[a-z]` is one of a set.
    """
    if path is None:
        return False
    of_paths, of_names = _compiled(tuple(patterns))
    name = PurePosixPath(path).name
    return bool((of_names and of_names.fullmatch(name)) or (of_paths and of_paths.fullmatch(path)))


@lru_cache(maxsize=16)
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """One pattern for those that are matched with paths, and one for those that are matched with names."""
    kinds = [pattern for pattern in patterns if "/" in pattern], [pattern for pattern in patterns if "/" not in pattern]
    of_paths, of_names = ("|".join(f"(?:{_regex(pattern.lstrip('/')).pattern})" for pattern in kind) for kind in kinds)
    flags = re.IGNORECASE | re.DOTALL
    return re.compile(of_paths, flags) if of_paths else None, re.compile(of_names, flags) if of_names else None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    translated = "".join(_translated(token) for token in _TOKENS.findall(pattern))
    try:
        return re.compile(translated, re.IGNORECASE | re.DOTALL)
    except re.error:  # a set such as [z-a] is no set, so that the pattern can only mean itself
        return re.compile(re.escape(pattern), re.IGNORECASE)


def _translated(token: str) -> str:
    if token == "**/":
        return "(?:.*/)?"
    if token == "**":
        return ".*"
    if token == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if len(token) > 2 and token.startswith("["):
        is_negated = token[1] == "!" and len(token) > 3
        inner = re.escape(token[2:-1] if is_negated else token[1:-1]).replace(r"\-", "-")
        return f"[^{inner}]" if is_negated else f"[{inner}]"
    return re.escape(token)

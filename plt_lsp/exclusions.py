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
    name = PurePosixPath(path).name
    return any(_regex(pattern.lstrip("/")).fullmatch(path if "/" in pattern else name) for pattern in patterns)


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

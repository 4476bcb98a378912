"""Which file of patterns git honours in all of a user's repositories, as git's configuration files say (git-config(1)).

Only `core.excludesFile` is looked for, and files that a configuration includes are not read. It does not know patterns.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

MAX_CONFIG_BYTES = 1_000_000

_SECTION = re.compile(r"\s*\[\s*([\w.-]+)\s*(\"[^\"]*\")?\s*\]")
_EXCLUDES = re.compile(
    r"\s*excludesfile\s*=\s*(?:\"(?P<quoted>(?:\\.|[^\"\\])*)\"|(?P<bare>[^#;\r\n]*))", re.IGNORECASE
)


def global_excludes(repository: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file of patterns that holds in every repository of the user's; it need not exist.

    Args:
        repository: the folder that has `.git`.
        environment: where HOME and git's own variables are looked up.
    """
    home = environment.get("HOME") or environment.get("USERPROFILE")
    found = None
    for config in _configs(repository, home, environment):
        for value in _values(config):
            found = value
    if found is not None:
        return _expanded(found, home)
    folder = _git_folder(home, environment)
    return None if folder is None else folder / "ignore"


def _configs(repository: Path, home: str | None, environment: Mapping[str, str]) -> Iterator[Path]:
    """The configuration files, of which the last one that says something holds."""
    if environment.get("GIT_CONFIG_NOSYSTEM", "") in ("", "0", "false"):
        yield Path(environment.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig")
    chosen = environment.get("GIT_CONFIG_GLOBAL")
    folder = _git_folder(home, environment)
    if chosen is not None:
        yield Path(chosen)
    else:
        yield from [folder / "config"] if folder is not None else []
        yield from [Path(home) / ".gitconfig"] if home else []
    yield repository / ".git" / "config"


def _git_folder(home: str | None, environment: Mapping[str, str]) -> Path | None:
    chosen = environment.get("XDG_CONFIG_HOME")
    if chosen:
        return Path(chosen) / "git"
    return Path(home) / ".config" / "git" if home else None


def _values(config: Path) -> Iterator[str]:
    """What a configuration file says of it, in order; one that cannot be read says nothing."""
    try:
        with config.open("rb") as stream:
            text = stream.read(MAX_CONFIG_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    is_core = False
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section is not None:
            is_core = section[1].lower() == "core" and section[2] is None
            line = line[section.end() :]
        match = _EXCLUDES.match(line) if is_core else None
        if match is not None:
            quoted = match["quoted"]
            yield re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["bare"].strip()


def _expanded(value: str, home: str | None) -> Path | None:
    """The path that a value means, or None where it means none; relative ones depend on where git is called."""
    if value.startswith("~/"):
        return Path(home) / value[2:] if home else None
    return Path(value) if os.path.isabs(value) else None

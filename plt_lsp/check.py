"""One thing that the doctor looked at, as plain data.

It does not know how anything is looked at or shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """What a check came to; a note is neither good nor bad."""

    OK = "ok"
    FAILED = "failed"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what it is, what it came to, one line for people, and the figures for scripts."""

    section: str
    name: str
    state: State
    detail: str
    figures: Mapping[str, object] = field(default_factory=dict)

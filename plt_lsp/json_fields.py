"""Fields of JSON that a client may have filled with anything: the arguments of commands, the data of code actions.

It does not know which command or action they belong to.
"""

from plt_lsp.positions import Position


def field_of(value: object, name: str) -> object:
    """A field of a JSON object, which pygls hands over as an object with attributes or as a mapping."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def position_of(value: object) -> Position | None:
    """A Position of the protocol, or None where it is none."""
    line, character = _count(field_of(value, "line")), _count(field_of(value, "character"))
    return None if line is None or character is None else Position(line, character)


def range_of(value: object) -> tuple[Position, Position] | None:
    """A Range of the protocol, the earlier place first, or None where it is none."""
    start, end = (position_of(field_of(value, name)) for name in ("start", "end"))
    if start is None or end is None:
        return None
    return min(start, end), max(start, end)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

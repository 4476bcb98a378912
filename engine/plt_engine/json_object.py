"""Typed, total access to a JSON object from a file: every fault is one message with file, key, value and remedy.

It does not know which keys any file has.
"""

from enum import StrEnum
from typing import Any, TypeVar

import orjson

from plt_engine.errors import PackFormatError

Figure = str | int | float
Choice = TypeVar("Choice", bound=StrEnum)


class JsonObject:
    """One JSON object; `where` is its file and `path` the place inside it, both for messages.

    Every reader raises PackFormatError where the value is missing or of the wrong kind.
    """

    def __init__(self, raw: object, where: str, path: str = "") -> None:
        self._where, self._path = where, path
        if not isinstance(raw, dict):
            place = path.rstrip(".") or "the document"
            raise PackFormatError(f"{where}: {place} is {_shown(raw)}; it must be a JSON object.")
        self._raw: dict[str, Any] = raw
        self._read: set[str] = set()

    def fault(self, key: str, value: object, remedy: str) -> PackFormatError:
        """The error that says what is wrong with the value under a key, and what to do about it."""
        return PackFormatError(f"{self._where}: {self._path}{key} is {_shown(value)}; {remedy}.")

    def names(self) -> list[str]:
        """The keys, in the file's order."""
        return list(self._raw)

    def has(self, key: str) -> bool:
        """Whether the key is there with a value other than null; it counts as read."""
        self._read.add(key)
        return self._raw.get(key) is not None

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value = self._value(key)
        if not isinstance(value, str) or not value:
            raise self.fault(key, value, "it must be a text that is not empty")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or None where the key is absent or null."""
        return self.text(key) if self.has(key) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts that are not empty."""
        values = self._list(key)
        if not all(isinstance(value, str) and value for value in values):
            raise self.fault(key, values, "it must be a list of texts that are not empty")
        return tuple(values)

    def integer(self, key: str) -> int:
        """A whole number."""
        value = self._value(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(key, value, "it must be a whole number")
        return value

    def integers(self, key: str) -> list[int]:
        """A list of whole numbers."""
        values = self._list(key)
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise self.fault(key, values, "it must be a list of whole numbers")
        return values

    def number(self, key: str) -> float:
        """A number."""
        value = self._value(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.fault(key, value, "it must be a number")
        return float(value)

    def choice(self, key: str, choices: type[Choice]) -> Choice:
        """One of an enumeration's texts."""
        value = self._value(key)
        for choice in choices:
            if value == choice.value:
                return choice
        raise self.fault(key, value, f"it must be one of {', '.join(choices)}")

    def sha256(self, key: str) -> str:
        """A sha256 in lower-case hexadecimal."""
        value = self.text(key)
        if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
            raise self.fault(key, value, "it must be a sha256: 64 lower-case hexadecimal digits")
        return value

    def figures(self, key: str) -> dict[str, Figure]:
        """An object of numbers and texts."""
        values = self.child(key)._raw
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise self.fault(f"{key}.{name}", value, "a figure is a number or a text")
        return values

    def child(self, key: str) -> "JsonObject":
        """The object under a key."""
        return JsonObject(self._value(key), self._where, f"{self._path}{key}.")

    def optional_child(self, key: str) -> "JsonObject | None":
        """The object under a key, or None where the key is absent or null."""
        return self.child(key) if self.has(key) else None

    def children(self, key: str) -> "list[JsonObject]":
        """The list of objects under a key."""
        return [JsonObject(item, self._where, f"{self._path}{key}[{i}].") for i, item in enumerate(self._list(key))]

    def refuse_the_rest(self) -> None:
        """Raise for a key that nobody has read: it is misspelt, or of a later version."""
        for key in sorted(self._raw.keys() - self._read):
            raise self.fault(key, self._raw[key], "no such key is known; correct its spelling or take it out")

    def _list(self, key: str) -> list[Any]:
        value = self._value(key)
        if not isinstance(value, list):
            raise self.fault(key, value, "it must be a list")
        return value

    def _value(self, key: str) -> object:
        self._read.add(key)
        if key not in self._raw:
            raise PackFormatError(f"{self._where}: {self._path}{key} is missing; add it, or make the file anew.")
        value: object = self._raw[key]
        return value


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."

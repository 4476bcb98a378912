"""Typing through a suggestion in editors that close brackets and quotes of themselves: the rules, and over stdio."""

import pytest

from plt_lsp.auto_closing import before_closer, closers_due
from tests.lsp.scripted_engine import write_script
from tests.lsp.test_server import URI, generations
from tests.lsp.test_type_through import typist


@pytest.mark.parametrize(
    ("typed", "due"),
    [
        ("", ""),
        ("f(", ")"),
        ("f(x)", ""),
        ("f([", "])"),
        ('x["', '"]'),
        ('x["a', '"]'),
        ('x["a"', "]"),
        ("f('(", "')"),
        ("f(]", ")"),
        (")", ""),
    ],
)
def test_what_is_due(typed, due):
    assert closers_due(typed) == due


@pytest.mark.parametrize(
    ("rest", "typed", "closed", "expected"),
    [
        ("x) + 1", "f(", ")", "x"),
        ("g(x), y) + 1", "f(", ")", "g(x), y"),
        ("')') + 1", "f(", ")", "')'"),
        ('key"]', 'x["', '"]', "key"),
        ("\n    a,\n)\ny", "f(", ")", "\n    a,\n"),
        (") + 1", "f(x", ")", ""),
        ("x, y", "f(", ")", "x, y"),
        ("x) + 1", "f(", "", "x) + 1"),
    ],
)
def test_the_rest_ends_before_the_closer_that_is_there(rest, typed, closed, expected):
    assert before_closer(rest, typed, closed) == expected


class Closing:
    """An editor that closes brackets: the closer comes with the opener, and typing the closer overtypes it."""

    def __init__(self, hand) -> None:
        self.hand = hand

    def replace(self, start: int, end: int, text: str) -> None:
        line = self.hand.text.count("\n")
        self.hand._version += 1
        places = ({"line": line, "character": column} for column in (start, end))
        where = dict(zip(("start", "end"), places, strict=True))
        self.hand.client.change(URI, self.hand._version, {"range": where, "text": text})

    async def suggestion(self, column: int) -> str | None:
        line = self.hand.text.count("\n")
        answer = await self.hand.client.inline_completion(URI, line, column, is_automatic=True)
        return answer["items"][0]["insertText"] if answer["items"] else None


async def test_a_bracket_that_the_editor_closes_is_typed_through(start, pack):
    write_script(pack, text="f(x, y) + 1\n")
    hand = await typist(start, pack)
    assert await hand.suggestion() == "f(x, y) + 1"
    editor = Closing(hand)
    editor.replace(4, 4, "f")
    editor.replace(5, 5, "()")
    assert await editor.suggestion(6) == "    f(x, y"
    editor.replace(6, 6, "x, y")
    assert await editor.suggestion(10) is None
    editor.replace(10, 11, ")")
    assert await editor.suggestion(11) == "    f(x, y) + 1"
    assert len(generations(pack)) == 1

"""Where a text is cut for fill-in-the-middle: places at which users stop typing and ask for the rest.

It works on one text and its language by a seeded generator; it knows no tokens and no prompt format.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import tree_sitter
import tree_sitter_javascript
import tree_sitter_python
import tree_sitter_typescript

NODE_BLOCKS = frozenset(("block", "statement_block", "class_body", "object_type", "switch_body"))
NODE_ARGUMENTS = frozenset(("argument_list", "arguments", "parameters", "formal_parameters"))
CURSOR_PLACES = re.compile(r"(?<=[.(=\[{,])|(?<=[=,:>] )|(?<=\w)(?=\w)|(?<= )(?=\w)")
MAX_MIDDLE_CHARS = 600
MAX_RANDOM_CHARS = 200
MAX_LINES = 8


@dataclass(frozen=True, slots=True)
class Span:
    """The middle of a text, in characters: text[start:end]."""

    start: int
    end: int


def choose_span(text: str, language: str, rng: Random) -> Span:
    """A middle of the text, not empty where the text is not blank.

    A kind of cut is drawn by its weight; where the text offers no place for it, the rest of a line is taken, and in a
    text without any such place a stretch of characters.
    """
    kind = rng.choices(tuple(CUTS), tuple(weight for _, weight in CUTS.values()))[0]
    for cut in (CUTS[kind][0], rest_of_line, random_characters):
        span = cut(text, language, rng)
        if span is not None:
            return span
    return Span(0, len(text))


def rest_of_line(text: str, language: str, rng: Random) -> Span | None:
    """From a place inside a line, or from its first character, to its end."""
    lines = _filled_lines(text)
    if not lines:
        return None
    start, end = rng.choice(lines)
    line = text[start:end]
    first = start + len(line) - len(line.lstrip())
    places = [start + found.start() for found in CURSOR_PLACES.finditer(line) if first < start + found.start() < end]
    if not places or rng.random() < 0.2:
        return Span(first, end)
    return Span(rng.choice(places), end)


def whole_lines(text: str, language: str, rng: Random) -> Span | None:
    """One to MAX_LINES neighbouring lines; half of the time their first indentation is typed already."""
    lines = _filled_lines(text)
    if not lines:
        return None
    i = rng.randrange(len(lines))
    start, end = lines[i][0], lines[min(len(lines) - 1, i + rng.randrange(MAX_LINES))][1]
    if rng.random() < 0.5:
        start += len(text[start:end]) - len(text[start:end].lstrip(" \t"))
    return Span(start, min(end, start + MAX_MIDDLE_CHARS))


def block_body(text: str, language: str, rng: Random) -> Span | None:
    """The body of a function, class or statement, by the syntax tree."""
    return _node_span(text, language, rng, NODE_BLOCKS)


def call_arguments(text: str, language: str, rng: Random) -> Span | None:
    """What stands between the brackets of a call or a definition; half of the time from a place inside it."""
    span = _node_span(text, language, rng, NODE_ARGUMENTS)
    if span is None or rng.random() < 0.5:
        return span
    return Span(rng.randrange(span.start, span.end), span.end)


def random_characters(text: str, language: str, rng: Random) -> Span | None:
    """Any stretch of up to MAX_RANDOM_CHARS characters."""
    if not text:
        return None
    start = rng.randrange(len(text))
    return Span(start, min(len(text), start + rng.randint(1, MAX_RANDOM_CHARS)))


Cut = Callable[[str, str, Random], Span | None]
CUTS: dict[str, tuple[Cut, float]] = {
    "rest_of_line": (rest_of_line, 0.4),
    "whole_lines": (whole_lines, 0.2),
    "block_body": (block_body, 0.15),
    "call_arguments": (call_arguments, 0.12),
    "random_characters": (random_characters, 0.13),
}


def _filled_lines(text: str) -> list[tuple[int, int]]:
    """Start and end, without the line end, of every line that is not blank."""
    return [(found.start(), found.end()) for found in re.finditer(r"[^\n]*\S[^\n]*", text)]


def _node_span(text: str, language: str, rng: Random, kinds: frozenset[str]) -> Span | None:
    parser = parser_for(language)
    if parser is None:
        return None
    data = text.encode()
    spans = [
        (node.start_byte, node.end_byte)
        for node in walk(parser.parse(data).root_node)
        if node.type in kinds and 2 < node.end_byte - node.start_byte <= MAX_MIDDLE_CHARS
    ]
    if not spans:
        return None
    start, end = rng.choice(spans)
    if data[start : start + 1] in (b"(", b"{"):
        start, end = start + 1, end - 1
    return Span(len(data[:start].decode()), len(data[:end].decode()))


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """A node and all below it."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(current.children)


def parser_for(language: str) -> tree_sitter.Parser | None:
    """The parser of a language, or None for plain text."""
    grammar = _grammar(language)
    return None if grammar is None else tree_sitter.Parser(grammar)


@cache
def _grammar(language: str) -> tree_sitter.Language | None:
    if language == "python":
        return tree_sitter.Language(tree_sitter_python.language())
    if language == "typescript":
        return tree_sitter.Language(tree_sitter_typescript.language_tsx())
    if language == "javascript":
        return tree_sitter.Language(tree_sitter_javascript.language())
    return None

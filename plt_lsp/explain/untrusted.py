"""Text that nobody vouches for, made into Markdown that can only be read: what a model wrote, or what code is called.

Whatever could be markup, an address or a command is shown as code, and what cannot be seen is named. It does not know
where a text comes from.
"""

import re
import unicodedata
from collections.abc import Iterator

MAX_CHARS = 20_000
# Beside the characters of the categories below, these show nothing, or change how others are shown.
_INVISIBLE = frozenset(
    {
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2028, 0x2029, 0x2800, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    }
)
_HIDDEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})[^`]*$")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_LIST_MARK = re.compile(r"(\s*)(?:[-*+]|(\d{1,9}[.)]))\s+")
_HEADING = re.compile(r"\s*#{1,6}\s+")
_STRONG = re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![\w*])")
# Emphasis, links, tables, mathematics, HTML and entities; addresses, and what an editor would make one of.
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~$#!{}]|:\S|//|@|\w\.\w|^[=+-]{2,}$|^=$")
_ABBREVIATIONS = ("e.g.", "i.e.")
_ADDRESS = re.compile(r"(?<=:)(?=//)")


def visible(text: str) -> str:
    """The text with every character that cannot be seen replaced by its name; line feeds and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def safe_markdown(text: str) -> str:
    """Markdown that shows a text with its paragraphs, lists and code, and does nothing else; cut where it is very long.

    The safe form of a text's beginning is not always the beginning of its safe form, so a growing text is made anew.
    """
    lines = visible(text[:MAX_CHARS]).split("\n")
    return "\n".join(_blocks(lines)).strip("\n")


def code_span(text: str) -> str:
    """One line of Markdown that shows a text as code."""
    content = _ADDRESS.sub(" ", visible(" ".join(text.split())))
    if not content:
        return ""
    runs = {len(run) for run in re.findall(r"`+", content)}
    mark = "`" * next(length for length in range(1, len(runs) + 2) if length not in runs)
    pad = " " if content[0] == "`" or content[-1] == "`" else ""
    return f"{mark}{pad}{content}{pad}{mark}"


def _shown(char: str) -> str:
    if char in "\n\t":
        return char
    if unicodedata.category(char) in _HIDDEN_KINDS or ord(char) in _INVISIBLE:
        return f"⟨U+{ord(char):04X}⟩"
    return " " if unicodedata.category(char) == "Zs" else char


def _blocks(lines: list[str]) -> Iterator[str]:
    """The lines, those of code blocks between fences of our own."""
    block: list[str] | None = None
    for line in lines:
        if _FENCE.match(line) and (block is not None or line.strip()):
            if block is None:
                block = []
            else:
                yield from _code_block(block)
                block = None
        elif block is not None:
            block.append(line)
        else:
            yield _paragraph_line(line)
    if block is not None:
        yield from _code_block(block)


def _code_block(lines: list[str]) -> Iterator[str]:
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield fence
    yield from (_ADDRESS.sub(" ", line) for line in lines)
    yield fence


def _paragraph_line(line: str) -> str:
    line = _HEADING.sub("", line, count=1)
    mark = _LIST_MARK.match(line)
    if mark is None:
        return _inline(line.strip())
    return f"{' ' * min(len(mark[1]), 8)}{mark[2] or '-'} {_inline(line[mark.end() :].strip())}"


def _inline(line: str) -> str:
    """A line's words; those that could mean anything to a reader of Markdown, as code."""
    parts: list[str] = []
    end = 0
    for span in _SPAN.finditer(line):
        parts += [*_words(line[end : span.start()]), code_span(span[2])]
        end = span.end()
    parts += _words(line[end:])
    return " ".join(part for part in parts if part)


def _words(text: str) -> list[str]:
    return [_word(word) for word in _STRONG.sub(r"\2", text).split()]


def _word(word: str) -> str:
    if word.strip("(),;:") in _ABBREVIATIONS:
        return word
    if not _MARKUP.search(word) and not (len(word) > 1 and word[0] in "-+="):
        return word
    core = word.strip(",;()\"'")
    before, _, after = word.partition(core) if core else ("", "", "")
    ending = core[-1:] if core[-1:] in ".:?" and len(core) > 1 else ""
    core = core.removesuffix(ending)
    plain_core = bool(core) and not _MARKUP.search(core)
    if plain_core and not _MARKUP.search(before + ending + after):
        return word
    return f"{before}{code_span(core)}{ending}{after}" if core else code_span(word)

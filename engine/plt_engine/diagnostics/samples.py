"""Text as samples of equal length: from a folder, from one file, or from the text that comes with the package.

It knows files and tokens; what a model makes of them is not its business.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from plt_engine.errors import RequestError
from plt_engine.tokenizer import Tokenizer

MAX_FILE_BYTES = 200_000
MIN_SAMPLES, MIN_TOKENS = 2, 8
END_OF_TEXT = "<|endoftext|>"
BUILT_IN_SUFFIX = ".txt"
SKIPPED_FOLDERS = frozenset(("node_modules", "__pycache__", "site-packages"))


@dataclass(frozen=True, slots=True)
class Sample:
    """S + 1 ids, the first of them only context, and where their text begins: a file's name and a line, from 1."""

    ids: tuple[int, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text, and what it is called."""

    path: Path
    name: str


def built_in_files() -> list[TextFile]:
    """The text that comes with the package: old sources of this project, so that figures stay comparable."""
    folder = Path(__file__).parent / "sample"
    paths = sorted(folder.glob(f"*{BUILT_IN_SUFFIX}"))
    return [TextFile(path, path.name.removesuffix(BUILT_IN_SUFFIX)) for path in paths]


def files_of(place: Path) -> list[TextFile]:
    """The files below a folder, or the one file; hidden ones, links and installed packages are left out.

    Raises:
        RequestError: there is no such place, or no file in it.
    """
    if place.is_file():
        return [TextFile(place, place.name)]
    if not place.is_dir():
        raise RequestError(f"--text is {place}, which is neither a folder nor a file; give one with source text.")
    found = [TextFile(path, path.relative_to(place).as_posix()) for path in sorted(place.rglob("*"))]
    found = [file for file in found if _is_wanted(file)]
    if not found:
        raise RequestError(f"--text is {place}, where there is no file that counts; give a folder with source text.")
    return found


def _is_wanted(file: TextFile) -> bool:
    parts = Path(file.name).parts
    if any(part.startswith(".") or part in SKIPPED_FOLDERS for part in parts):
        return False
    return file.path.is_file() and not file.path.is_symlink() and 0 < file.path.stat().st_size <= MAX_FILE_BYTES


def draw_samples(
    files: Iterable[TextFile], tokenizer: Tokenizer, num_samples: int, num_tokens: int, seed: int
) -> list[Sample]:
    """Draw samples that do not overlap, from as many files as can be, in an order that is the seed's.

    Args:
        files: read one after the other until there are enough samples; what is not UTF-8 text is left out.
        tokenizer: the model's.
        num_samples: the most samples.
        num_tokens: S, from MIN_TOKENS.
        seed: of the order of the files, and of the samples of each.

    Raises:
        RequestError: the text gives fewer than MIN_SAMPLES, or a file cannot be read.
    """
    shuffled = list(files)
    Random(seed).shuffle(shuffled)
    rounds = deque(_pieces_in_turn(file, tokenizer, num_tokens, seed) for file in shuffled)
    found: list[Sample] = []
    while rounds and len(found) < num_samples:
        pieces = rounds.popleft()
        piece = next(pieces, None)
        if piece is not None:
            found.append(piece)
            rounds.append(pieces)
    if len(found) < MIN_SAMPLES:
        raise RequestError(
            f"The text gives {len(found)} samples of {num_tokens} tokens, and an interval needs {MIN_SAMPLES} or more; "
            "give more text with --text, or shorter samples with --tokens."
        )
    return found


def _pieces_in_turn(file: TextFile, tokenizer: Tokenizer, num_tokens: int, seed: int) -> Iterator[Sample]:
    pieces = list(_pieces(file, tokenizer, num_tokens))
    Random(f"{seed}:{file.name}").shuffle(pieces)
    yield from pieces


def _pieces(file: TextFile, tokenizer: Tokenizer, num_tokens: int) -> Iterator[Sample]:
    """Consecutive pieces of a file, each behind the token that a text begins with, or behind its own first token."""
    opening = opening_ids(tokenizer)[-1:]
    ids = tokenizer.encode(_text(file.path))
    step, line = num_tokens + 1 - len(opening), 1
    for start in range(0, len(ids) - step + 1, step):
        piece = ids[start : start + step]
        yield Sample((*opening, *piece), file.name, line)
        line += b"".join(map(tokenizer.token_bytes, piece)).count(b"\n")


def opening_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The tokens that a text begins with: the tokenizer's own, or the one that ended the text before, or none."""
    end = tokenizer.special_id(END_OF_TEXT)
    return tokenizer.opening_ids or (() if end is None else (end,))


def _text(path: Path) -> str:
    """The file's text; nothing where it is no text."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RequestError(
            f"{path} cannot be read: {error.strerror}. Make it readable, or give other text with --text."
        ) from None
    try:
        return "" if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return ""

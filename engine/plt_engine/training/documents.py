"""Training documents: files as token ids, plain or as fill-in-the-middle prompts in the server's own format.

Every choice is drawn from a seeded generator; it does not know where files come from or how windows are packed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random

from plt_engine.fim import render
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.cuts import choose_span
from plt_engine.training.sources import SourceFile
from plt_engine.training.vocabulary import END_OF_TEXT, FIM
from plt_engine.types import FileChunk, Prompt

CHARS_PER_TOKEN = 3.0
SHARE_WITH_CHUNKS = 0.25
SHARE_JOINED = 0.5
SHARE_WITHOUT_SUFFIX = 0.08
MIN_PIECE_TOKENS = 48


@dataclass(frozen=True, slots=True)
class FimFormatter:
    """Turns files into fill-in-the-middle documents of at most `max_tokens` ids."""

    tokenizer: Tokenizer
    max_tokens: int

    def documents(self, file: SourceFile, neighbours: Sequence[SourceFile], rng: Random) -> Iterator[list[int]]:
        """One document for each piece of the file; some carry pieces of neighbouring files before them."""
        for piece in pieces(file.text, self.max_tokens, rng):
            chunks = _chunks(neighbours, rng) if neighbours and rng.random() < SHARE_WITH_CHUNKS else ()
            yield self.document(file, piece, chunks, rng)

    def document(self, file: SourceFile, piece: str, chunks: tuple[FileChunk, ...], rng: Random) -> list[int]:
        """A prompt as `fim.render` makes it, then the middle and the end token.

        Half of the time prefix and middle are tokenised as one text, as when the engine heals the token at the cursor;
        otherwise apart, as when it does not.
        """
        span = choose_span(piece, file.language, rng)
        prefix, middle, suffix = piece[: span.start], piece[span.start : span.end], piece[span.end :]
        if rng.random() < SHARE_WITHOUT_SUFFIX:
            suffix = ""
        if rng.random() < SHARE_JOINED:
            prefix, answer = prefix + middle, []
        else:
            answer = self.tokenizer.encode(middle)
        answer = [*answer, end_id(self.tokenizer)]
        prompt = Prompt(prefix, suffix, file.path, chunks, repository_name(file.package))
        room = max(self.max_tokens - len(answer), self.max_tokens // 4)
        return [*render(prompt, FIM, self.tokenizer, room), *answer][: self.max_tokens]


def plain_document(file: SourceFile, tokenizer: Tokenizer) -> list[int]:
    """The whole file, then the end token."""
    return [*tokenizer.encode(file.text), end_id(tokenizer)]


def pieces(text: str, max_tokens: int, rng: Random) -> Iterator[str]:
    """The text in consecutive pieces of whole lines, their lengths drawn so that most fit into `max_tokens`."""
    lines = text.splitlines(keepends=True)
    taken: list[str] = []
    size, wanted = 0, _piece_chars(max_tokens, rng)
    for line in lines:
        taken.append(line)
        size += len(line)
        if size >= wanted:
            yield "".join(taken)
            taken, size, wanted = [], 0, _piece_chars(max_tokens, rng)
    if size >= MIN_PIECE_TOKENS * CHARS_PER_TOKEN:
        yield "".join(taken)


def _piece_chars(max_tokens: int, rng: Random) -> int:
    return int(CHARS_PER_TOKEN * rng.randint(MIN_PIECE_TOKENS, int(0.85 * max_tokens)))


def _chunks(neighbours: Sequence[SourceFile], rng: Random) -> tuple[FileChunk, ...]:
    """One or two pieces of other files of the same package, each of up to 24 lines."""
    chosen = rng.sample(neighbours, min(len(neighbours), rng.randint(1, 2)))
    return tuple(FileChunk(file.path, _lines_of(file.text, rng)) for file in chosen)


def _lines_of(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    start = rng.randrange(len(lines))
    return "".join(lines[start : start + rng.randint(4, 24)])[:800]


def repository_name(package: str) -> str:
    """What a workspace of this package would be called: an npm scope is not part of it."""
    return PurePosixPath(package).name


def end_id(tokenizer: Tokenizer) -> int:
    """The id of the token that ends a text.

    Raises:
        ValueError: the tokenizer has none.
    """
    found = tokenizer.special_id(END_OF_TEXT)
    if found is None:
        raise ValueError(f"The tokenizer has no control token {END_OF_TEXT}.")
    return found

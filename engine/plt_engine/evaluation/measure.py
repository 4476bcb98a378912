"""Running one pack at one loop count over the cases: bits per byte, completions and infillings, one number a case.

It does not know which figures come of them, nor how arms compare.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from plt_engine.engine import Engine
from plt_engine.evaluation.cases import Hole, Piece
from plt_engine.evaluation.metrics import edit_similarity, kept_share
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, logits
from plt_engine.pack import TOKENIZER_FILE
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.cuts import parser_for
from plt_engine.training.documents import end_id
from plt_engine.training.replay import Exchange, chat_ids
from plt_engine.types import GenerationOutput, GenerationRequest, Prompt, StopSpec, StopUnit, indent_columns

LINE_TOKENS, BLOCK_TOKENS = 48, 128
Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class PieceScore:
    """A piece's cost in bits, at each exit from the first loop's on, and its length in UTF-8 bytes."""

    piece: Piece
    bits: tuple[float, ...]
    num_bytes: int


@dataclass(frozen=True, slots=True)
class HoleScore:
    """What was generated at a hole; `parses` is None where it is not asked, or the file itself does not parse."""

    hole: Hole
    found: str
    exact: float
    similarity: float
    kept: float
    parses: float | None = None


@dataclass(frozen=True, slots=True)
class ReplayScore:
    """An answer's cost in bits, its end token's with it, and its length in UTF-8 bytes."""

    bits: float
    num_bytes: int


@torch.inference_mode()
def score_pieces(folder: Path, pieces: Sequence[Piece], loops: int, advance: Advance) -> Iterator[PieceScore]:
    """Bits of every piece at exits 1..loops, each piece after the end token alone, by the full forward pass in float32.

    So the figure is the model's own, whichever dtype the engine chooses on a machine.
    """
    weights = load_weights(folder)
    tokenizer = Tokenizer.from_file(folder / TOKENIZER_FILE)
    for piece in pieces:
        ids = torch.tensor([end_id(tokenizer), *tokenizer.encode(piece.text)])
        states = full_forward(weights, ids[None, :-1], loops)
        nats = (F.cross_entropy(logits(weights, state[0]), ids[1:], reduction="sum") for state in states)
        yield PieceScore(piece, tuple(n.item() / math.log(2) for n in nats), len(piece.text.encode()))
        advance()


@torch.inference_mode()
def score_replay(folder: Path, exchanges: Sequence[Exchange], loops: int, advance: Advance) -> Iterator[ReplayScore]:
    """Bits of every held-out answer of the untouched base at the last exit, after its question, in float32."""
    weights = load_weights(folder)
    tokenizer = Tokenizer.from_file(folder / TOKENIZER_FILE)
    for exchange in exchanges:
        num_asked = len(chat_ids(exchange.question, None, tokenizer))
        ids = torch.tensor(chat_ids(exchange.question, exchange.answer, tokenizer))
        state = full_forward(weights, ids[None, :-1], loops)[-1][0, num_asked - 1 :]
        nats = F.cross_entropy(logits(weights, state), ids[num_asked:], reduction="sum")
        yield ReplayScore(nats.item() / math.log(2), len(exchange.answer.encode()))
        advance()


def complete_lines(
    engine: Engine, holes: Sequence[Hole], loops: int, with_suffix: bool, advance: Advance
) -> Iterator[HoleScore]:
    """The rest of the line at every cursor."""
    for i, hole in enumerate(holes):
        found = complete_line(engine, _prompt(hole, with_suffix), loops, f"line-{i}").text.rstrip()
        yield _score(hole, found)
        advance()


def fill_blocks(engine: Engine, holes: Sequence[Hole], loops: int, advance: Advance) -> Iterator[HoleScore]:
    """The statements of every block, from their first indented line on."""
    for i, hole in enumerate(holes):
        indent = indent_columns(hole.prefix[hole.prefix.rfind("\n") + 1 :])
        stop = StopSpec(max_tokens=BLOCK_TOKENS, unit=StopUnit.BLOCK, indent_columns=indent)
        found = _generate(engine, _prompt(hole, with_suffix=True), loops, stop, f"block-{i}").text.rstrip()
        yield _score(hole, found, _parses(hole, found))
        advance()


def complete_line(engine: Engine, prompt: Prompt, loops: int, request_id: str) -> GenerationOutput:
    """The rest of the line behind a prompt."""
    return _generate(engine, prompt, loops, StopSpec(max_tokens=LINE_TOKENS, unit=StopUnit.LINE), request_id)


def _prompt(hole: Hole, with_suffix: bool) -> Prompt:
    return Prompt(hole.prefix, hole.suffix if with_suffix else "", hole.file.path)


def _generate(engine: Engine, prompt: Prompt, loops: int, stop: StopSpec, request_id: str) -> GenerationOutput:
    request = GenerationRequest(request_id, request_id, prompt, stop=stop, loops=loops)
    outputs = [item for item in engine.generate(request) if isinstance(item, GenerationOutput)]
    engine.close_session(request_id)
    return outputs[-1]


def _score(hole: Hole, found: str, parses: float | None = None) -> HoleScore:
    wanted = hole.expected
    return HoleScore(
        hole, found, float(found == wanted), edit_similarity(found, wanted), kept_share(found, wanted), parses
    )


def _parses(hole: Hole, found: str) -> float | None:
    """Whether the file parses with the generated text; None where it does not with its own."""
    parser = parser_for(hole.file.language)
    if parser is None or parser.parse(hole.file.text.encode()).root_node.has_error:
        return None
    return float(not parser.parse(hole.filled_with(found).encode()).root_node.has_error)

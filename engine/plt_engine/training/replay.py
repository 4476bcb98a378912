"""Replay: the untouched base's own answers to questions about training code, so that training keeps its chat ability.

Questions and sampling are drawn by a seed; it does not know how documents are mixed.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from random import Random

from plt_engine.fused import fuse
from plt_engine.generate import PromptIds, generate
from plt_engine.generate import Sequence as DecodeSequence
from plt_engine.healing import TokenHealer
from plt_engine.linear import plan_numerics
from plt_engine.loader import load_stored
from plt_engine.pack import TOKENIZER_FILE
from plt_engine.runner import ModelRunner
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.cuts import parser_for, walk
from plt_engine.training.sources import SourceFile
from plt_engine.types import GenerationOutput, GenerationRequest, Prompt, SamplingParams, StopSpec
from plt_engine.vocabulary import Vocabulary

QUESTIONS = (
    "Explain what this code does.",
    "What does this function do? Answer in one or two sentences.",
    "Explain this code step by step.",
    "What are the arguments of this function, and what does it return?",
    "Summarise this code for someone who is new to the project.",
    "What could go wrong in this code?",
    "Write a short comment for this code.",
)
FUNCTIONS = frozenset(("function_definition", "function_declaration", "method_definition", "class_definition"))
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
START, END = "<|im_start|>", "<|im_end|>"
MIN_CODE, MAX_CODE, MAX_ANSWER_TOKENS, MAX_TOKENS = 120, 900, 220, 1024
SAMPLING = SamplingParams(temperature=0.3, top_p=0.9)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its code, the base's answer, and the seed that it was drawn with."""

    question: str
    answer: str
    seed: int


def questions(files: Sequence[SourceFile], seed: int) -> Iterator[tuple[str, int]]:
    """Questions without end, each about one function or class of a file, with the seed that drew it."""
    number = 0
    while True:
        own = seed * 1_000_000 + number
        rng = Random(own)
        code = _code(rng.choice(files), rng)
        number += 1
        if code is not None:
            language, text = code
            yield f"{rng.choice(QUESTIONS)}\n\n```{language}\n{text}\n```", own


def _code(file: SourceFile, rng: Random) -> tuple[str, str] | None:
    parser = parser_for(file.language)
    if parser is None:
        return None
    nodes = [node for node in walk(parser.parse(file.text.encode()).root_node) if node.type in FUNCTIONS]
    texts = [node.text.decode() for node in nodes if node.text is not None]
    fitting = [text for text in texts if MIN_CODE <= len(text) <= MAX_CODE]
    return (file.language, rng.choice(fitting)) if fitting else None


def chat_ids(question: str, answer: str | None, tokenizer: Tokenizer) -> list[int]:
    """A conversation in the base's ChatML form: up to the assistant's turn, or with its answer and end.

    Raises:
        ValueError: the tokenizer lacks the form's control tokens.
    """
    start, end = tokenizer.special_id(START), tokenizer.special_id(END)
    if start is None or end is None:
        raise ValueError(f"The tokenizer has no {START} and {END}, so the pack cannot chat; replay needs one that can.")
    ids: list[int] = []
    for role, text in (("system", SYSTEM), ("user", question)):
        ids += [start, *tokenizer.encode(f"{role}\n{text}"), end, *tokenizer.encode("\n")]
    ids += [start, *tokenizer.encode("assistant\n")]
    return ids if answer is None else [*ids, *tokenizer.encode(answer), end]


def generate_replay(
    base: Path, files: Sequence[SourceFile], out: Path, num_tokens: int, seed: int, say: Callable[[int], None]
) -> None:
    """Append exchanges to `out` until it holds `num_tokens`; what it holds already is kept, and not asked again.

    Args:
        base: the untouched base's pack.
        files: training files to ask about.
        out: JSON lines.
        num_tokens: length of all conversations, by the base's tokenizer.
        seed: of the whole replay.
        say: told how many tokens there are after each exchange.
    """
    config, tensors = load_stored(base)
    runner = ModelRunner(fuse(config, tensors, plan_numerics("auto")), MAX_TOKENS)
    tokenizer = Tokenizer.from_file(base / TOKENIZER_FILE)
    vocabulary = Vocabulary(tokenizer, TokenHealer(tokenizer), frozenset(config.eos_token_ids))
    known = read_replay(out) if out.exists() else []
    total = sum(len(chat_ids(item.question, item.answer, tokenizer)) for item in known)
    last = max((item.seed for item in known), default=-1)
    for question, own in questions(files, seed):
        if total >= num_tokens:
            return
        if own > last and len(chat_ids(question, None, tokenizer)) <= MAX_TOKENS - MAX_ANSWER_TOKENS:
            exchange = Exchange(question, _answer(runner, vocabulary, question, own), own)
            with out.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(exchange)) + "\n")
            total += len(chat_ids(question, exchange.answer, tokenizer))
            say(total)


def _answer(runner: ModelRunner, vocabulary: Vocabulary, question: str, seed: int) -> str:
    sampling = SamplingParams(SAMPLING.temperature, SAMPLING.top_p, seed)
    request = GenerationRequest(str(seed), str(seed), Prompt(""), sampling, StopSpec(max_tokens=MAX_ANSWER_TOKENS))
    sequence = DecodeSequence([], runner.new_cache(1))
    prompt = PromptIds(chat_ids(question, None, vocabulary.tokenizer))
    *_, last = generate(runner, vocabulary, sequence, prompt, request, lambda: False)
    assert isinstance(last, GenerationOutput), "a generation ends with its output"
    return last.text


def is_held_out(exchange: Exchange) -> bool:
    """Whether an exchange is kept for measuring: every tenth."""
    return exchange.seed % 10 == 0


def replay_documents(
    exchanges: Sequence[Exchange], tokenizer: Tokenizer, num_ids: int, max_ids: int
) -> Iterator[list[int]]:
    """Conversations for training, over and over up to `num_ids` ids in all; those over `max_ids` are left out.

    Raises:
        ValueError: none is left to train on.
    """
    texts = [chat_ids(item.question, item.answer, tokenizer) for item in exchanges if not is_held_out(item)]
    fitting = [ids for ids in texts if len(ids) <= max_ids]
    if not fitting:
        raise ValueError(f"None of {len(exchanges)} exchanges can be trained on in {max_ids} tokens; generate more.")
    total = 0
    for ids in cycle(fitting):
        if total >= num_ids:
            return
        total += len(ids)
        yield ids


def read_replay(path: Path) -> list[Exchange]:
    """Exchanges that `generate_replay` wrote."""
    with path.open(encoding="utf-8") as lines:
        return [Exchange(**json.loads(line)) for line in lines]

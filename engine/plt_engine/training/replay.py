"""Replay: the untouched base's own answers to questions about training code, so that training keeps its chat ability.

Questions and sampling are drawn by a seed; it does not know how documents are mixed.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import torch

from plt_engine.loader import load_weights
from plt_engine.model import named_tensors
from plt_engine.pack import TOKENIZER_FILE
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.cuts import parser_for, walk
from plt_engine.training.sources import SourceFile

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

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
TEMPERATURE, TOP_P = 0.3, 0.9
# Answers that are written side by side; the weights are then read once for all of them.
BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its code, the base's answer, and the seed that drew the question.

    The answers of a batch are drawn together, by the seed of its first question.
    """

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
        say: told how many tokens there are after each batch.
    """
    tokenizer = Tokenizer.from_file(base / TOKENIZER_FILE)
    model = reference_model(base)
    known = read_replay(out) if out.exists() else []
    total = sum(len(chat_ids(item.question, item.answer, tokenizer)) for item in known)
    last = max((item.seed for item in known), default=-1)
    new = (
        (question, own)
        for question, own in questions(files, seed)
        if own > last and len(chat_ids(question, None, tokenizer)) <= MAX_TOKENS - MAX_ANSWER_TOKENS
    )
    while total < num_tokens:
        batch = list(islice(new, BATCH_SIZE))
        answers = _answers(model, tokenizer, [question for question, _ in batch], seed=batch[0][1])
        exchanges = [Exchange(question, answer, own) for (question, own), answer in zip(batch, answers, strict=True)]
        with out.open("a", encoding="utf-8") as lines:
            lines.writelines(json.dumps(asdict(item)) + "\n" for item in exchanges)
        total += sum(len(chat_ids(item.question, item.answer, tokenizer)) for item in exchanges)
        say(total)


def reference_model(base: Path) -> "LlamaForCausalLM":
    """The base as transformers' own model, whose `generate` writes many answers at once.

    Raises:
        ValueError: the pack is of another family.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig.from_pretrained(base))
    # The head is tied, so that it is not among the tensors that are missing.
    missing, unexpected = model.load_state_dict(dict(named_tensors(load_weights(base))), strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise ValueError(f"{base} is no Llama, which the replay needs: {[*missing, *unexpected]} do not fit.")
    model.tie_weights()
    model.eval()
    return model


def _answers(model: "LlamaForCausalLM", tokenizer: Tokenizer, asked: Sequence[str], seed: int) -> list[str]:
    """Answers to questions, drawn side by side by one seed."""
    from transformers import GenerationConfig

    prompts = [torch.tensor(chat_ids(question, None, tokenizer)) for question in asked]
    end = tokenizer.special_id(END)
    assert end is not None, "chat_ids has seen to it"
    ids = torch.nn.utils.rnn.pad_sequence(prompts, batch_first=True, padding_value=end, padding_side="left")
    longest = ids.shape[1]
    mask = torch.stack([torch.arange(longest) >= longest - len(prompt) for prompt in prompts]).long()
    torch.manual_seed(seed)
    config = GenerationConfig(
        do_sample=True,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        top_k=0,
        max_new_tokens=MAX_ANSWER_TOKENS,
        pad_token_id=end,
        eos_token_id=end,
    )
    with torch.inference_mode():
        written = model.generate(ids, generation_config=config, attention_mask=mask)
    assert isinstance(written, torch.Tensor), "without return_dict_in_generate, ids come back"
    return [tokenizer.decode(row[: row.index(end)] if end in row else row) for row in written[:, longest:].tolist()]


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

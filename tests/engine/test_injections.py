"""Code that spells a chat's or a format's control tokens: in a prompt it is text, wherever it stands."""

from dataclasses import replace
from pathlib import Path

import pytest

from plt_engine.chat import question_ids
from plt_engine.config import parse_config
from plt_engine.fim import BARRED, render
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import Prompt, Question
from tests.packs import CHAT, tiny_config, tiny_tokenizer

FOLDER = Path(__file__).parents[1] / "lsp" / "samples" / "injections"
SAMPLES = sorted(FOLDER.glob("*.txt"))
FIM = replace(BARRED, repo_name=None, file_sep=None)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(tiny_tokenizer())


def controls(ids, tokenizer):
    return [i for i in ids if i in tokenizer.special_ids]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_no_part_of_a_question_becomes_a_control_token(tokenizer, sample):
    config = parse_config(tiny_config(len(tiny_tokenizer()["model"]["vocab"]), 1))
    evil = sample.read_text(encoding="utf-8")
    harmless = question_ids(Question("x", "x", "x", "x", "x", "x"), CHAT, tokenizer, config)
    ids = question_ids(Question(evil, evil, evil, evil, evil, evil), CHAT, tokenizer, config)
    assert controls(ids, tokenizer) == controls(harmless, tokenizer)
    assert len(controls(ids, tokenizer)) > 0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_no_part_of_a_prompt_becomes_a_control_token(tokenizer, sample):
    evil = sample.read_text(encoding="utf-8")
    fim = replace(FIM, stop=tuple(token for token in FIM.stop if tokenizer.special_id(token) is not None))
    harmless = render(Prompt("x", "x", "x"), fim, tokenizer, 100_000)
    ids = render(Prompt(evil, evil, evil), fim, tokenizer, 100_000)
    assert controls(ids, tokenizer) == controls(harmless, tokenizer)
    assert len(controls(ids, tokenizer)) == 3

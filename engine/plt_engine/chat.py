"""A question about code as token ids, by a pack's chat format: its Jinja template, system prompt and context format.

The template is the pack's and is run in a sandbox; the user's texts never pass through it, so that nothing in them can
become a control token. It does not know what is asked, nor what becomes of the answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from jinja2 import Template
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from plt_engine.config import ModelConfig
from plt_engine.errors import PackFormatError
from plt_engine.pack_manifest import ChatFormat
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import Question

SYSTEM = "You are a programmer who explains code to a colleague, briefly and to the point."
# What is asked comes last, so that the next question about the same code shares all that stands before it.
CONTEXT = """{% if path %}File {{ path }}:

{% endif %}```{{ language }}
{{ code }}
```
{% if facts %}

{{ facts }}
{% endif %}

{{ text }}"""

_MARK = "\ue000{}\ue001"
_MARKED = re.compile("\ue000([0-9]+)\ue001")


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """The prompt's ids for a question, and which of its shorter codes they show, counted from 1; 0 for none of them."""

    ids: list[int]
    shortened: int


def question_forms(
    question: Question, chat: ChatFormat, tokenizer: Tokenizer, config: ModelConfig
) -> list[QuestionForm]:
    """The forms that a question can be asked in, each with fewer tokens than the one before.

    Raises:
        PackFormatError: the pack's chat format cannot be used; the message says why.
    """
    forms: list[QuestionForm] = []
    for i, code in enumerate((question.code, *question.shorter)):
        ids = question_ids(replace(question, code=code), chat, tokenizer, config)
        if not forms or len(ids) < len(forms[-1].ids):
            forms.append(QuestionForm(ids, i))
    return forms


def question_ids(question: Question, chat: ChatFormat, tokenizer: Tokenizer, config: ModelConfig) -> list[int]:
    """The ids of a prompt whose next token is that of the answer, behind what there is of it.

    Raises:
        PackFormatError: the pack's chat format cannot be used; the message says why.
    """
    texts = [SYSTEM if chat.system is None else chat.system, _context(question, chat)]
    rendered = _rendered(chat.template, _names(tokenizer, config), ("system", "user"))
    ids: list[int] = []
    plain = ""
    for text, is_control in [*_pieces(rendered, texts, tokenizer), (question.answer, False)]:
        if is_control:
            ids += [*tokenizer.encode(plain, follows=bool(ids)), tokenizer.special_names[text]]
            plain = ""
        else:
            plain += text
    return [*ids, *tokenizer.encode(plain, follows=bool(ids))]


def _context(question: Question, chat: ChatFormat) -> str:
    template = _template(CONTEXT if chat.context is None else chat.context)
    fields = {name: getattr(question, name) for name in ("text", "code", "language", "path", "facts")}
    try:
        return template.render(fields).strip()
    except TemplateError as error:
        raise PackFormatError(f"pack.json: chat.context cannot be used: {error}. Correct it or take it out.") from None


def _rendered(template: str, names: Mapping[str, str], roles: Sequence[str]) -> str:
    """The conversation with a mark for each text, so that the texts' own characters mean nothing to the template."""
    messages = [{"role": role, "content": _MARK.format(i)} for i, role in enumerate(roles)]
    try:
        return _template(template).render(messages=messages, add_generation_prompt=True, **names)
    except TemplateError as error:
        raise PackFormatError(f"pack.json: chat.template cannot be used: {error}. Correct it or take it out.") from None


def _pieces(rendered: str, texts: Sequence[str], tokenizer: Tokenizer) -> Iterator[tuple[str, bool]]:
    """Stretches of text, and the control tokens between them that the template itself has written."""
    controls = _alternation(tuple(tokenizer.special_names))
    for i, literal in enumerate(_MARKED.split(rendered)):
        if i % 2:
            yield texts[int(literal)], False
            continue
        for j, piece in enumerate(controls.split(literal)):
            yield piece, j % 2 == 1


@lru_cache(maxsize=4)
def _alternation(names: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})" if names else "((?!))")


def _names(tokenizer: Tokenizer, config: ModelConfig) -> dict[str, str]:
    """The names of the tokens that begin and end a text, which templates ask for."""
    name_of = {token_id: name for name, token_id in tokenizer.special_names.items()}
    end = min(config.eos_token_ids, default=None)
    wanted = {"bos_token": config.bos_token_id, "eos_token": end}
    return {key: name_of.get(token_id, "") if token_id is not None else "" for key, token_id in wanted.items()}


@lru_cache(maxsize=4)
def _template(source: str) -> Template:
    """A template as the checkpoints' publishers write them: with the white space rules of the common library."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise PackFormatError(f"pack.json: a template under chat cannot be read: {error}.") from None


def _refuse(message: str) -> None:
    """What templates call where they cannot take a conversation."""
    raise TemplateError(message)

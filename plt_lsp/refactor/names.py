"""A name for what a refactoring makes: proposed by the model where it is sure of one, else the plain default.

It does not know how a refactoring is worked out. What the model may say is bound token by token to an identifier that
is no keyword and not taken, and looked at once more here, so that a name can be poor but never wrong.
"""

import asyncio
import builtins
import keyword
import logging
import math
import re
from collections.abc import Iterator
from contextlib import aclosing

from plt_engine.errors import EngineError
from plt_engine.types import (
    FinishReason,
    GenerationOutput,
    GenerationRequest,
    IdentifierConstraint,
    Prompt,
    RequestKind,
    StopSpec,
)
from plt_engine.wire import EngineConfig
from plt_lsp.budgets import loops_asked
from plt_lsp.context.prompt import plain
from plt_lsp.context.secrets import redacted
from plt_lsp.engine_client import EngineClient
from plt_lsp.refactor.proposal import NameWanted
from plt_lsp.snapshot import Snapshot

logger = logging.getLogger(__name__)

SESSION = "name"
DEADLINE_MS = 700.0
MAX_TOKENS, MAX_CHARS = 12, 40
# About 300 tokens in all, which the smallest model reads within half of the deadline on two cores.
MAX_BEFORE_CHARS, MAX_CODE_CHARS = 500, 500
# The model must be sure of a name's tokens, in the geometric mean, and of the whole name, so that none rambles on.
# Of 95 functions and variables of the standard library whose names were hidden, the smallest model was so sure of 10,
# of which 6 were the author's or as good; with no bounds it was right in 8 of 95. The one that ships, which sees what
# follows, was so sure of 5.
MIN_PROBABILITY, MIN_NAME_PROBABILITY = 0.4, 0.04
RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins)})

_WORD = re.compile(r"[^\W\d]\w*")


async def propose_name(
    engine: EngineClient,
    config: EngineConfig,
    snapshot: Snapshot,
    wanted: NameWanted,
    deadline_ms: float = DEADLINE_MS,
) -> str:
    """A valid name that is not taken: the model's, or the default where it is unsure, fails or is too slow.

    Args:
        engine: asked once, for no longer than the deadline; a model that is not loaded yet most often takes longer.
        config: which model.
        snapshot: of the document; its settings hold.
        wanted: what is to be named, and where.
        deadline_ms: from now on.
    """
    try:
        async with asyncio.timeout(deadline_ms / 1e3):
            info = engine.info or await engine.load(config)
            prompt = prompt_of(wanted, can_infill=info.fim_format is not None)
            request = _request(engine.new_id("name"), snapshot, wanted, prompt, deadline_ms)
            output = await _output(engine, config, request)
    except (EngineError, TimeoutError) as error:
        logger.info("%s stays the name: %s", wanted.default, error or "the model took too long")
        return wanted.default
    is_taken_up = is_sure(output) and is_free(output.text, wanted)
    logger.info("%s %s: the model says %r, sure: %s", wanted.role, wanted.default, output.text, is_sure(output))
    return output.text if is_taken_up else wanted.default


def is_sure(output: GenerationOutput) -> bool:
    """Whether a name is whole and probable enough."""
    found = output.log_probabilities
    if output.finish_reason is not FinishReason.END_OF_IDENTIFIER or not found:
        return False
    total = sum(found)
    return total >= math.log(MIN_NAME_PROBABILITY) and total / len(found) >= math.log(MIN_PROBABILITY)


def is_free(name: str, wanted: NameWanted) -> bool:
    """Whether a name is one in Python, of three characters or more, that means nothing else there.

    It begins with a letter, or with one underscore before it.
    """
    is_name = re.fullmatch(r"_?[a-z][a-z0-9_]{2,}", name) is not None
    return is_name and name not in forbidden_names(wanted)


def forbidden_names(wanted: NameWanted) -> frozenset[str]:
    """What the thing must not be called: also none of the names in its own code, and not as it is called anyway."""
    return wanted.taken | RESERVED | {wanted.default, *_WORD.findall(wanted.code)}


def prompt_of(wanted: NameWanted, *, can_infill: bool) -> Prompt:
    """What the model reads before the name.

    One that can fill in the middle reads the place itself. Another is shown the code first: the body of a function as
    a comment above its `def`, the value of a variable as what a `with` statement names.
    """
    if can_infill:
        after, _, _ = wanted.after.partition(wanted.default)  # further below the default would give itself away
        return Prompt(_shown_end(wanted.before), redacted(plain(after))[:MAX_CODE_CHARS])
    above, newline, line = wanted.before.rpartition("\n")
    if wanted.role == "variable":
        return Prompt(f"{_shown_end(above + newline)}{line}with {_value(wanted)} as ")
    indent = line[: len(line) - len(line.lstrip())]
    body = "".join(f"{indent}# {row}\n" for row in _body(wanted))
    return Prompt(f"{_shown_end(above + newline)}{body}{line}")


def _shown_end(text: str) -> str:
    """The end of a text, beginning with a line where it can."""
    text = redacted(plain(text))
    if len(text) <= MAX_BEFORE_CHARS:
        return text
    kept = text[-MAX_BEFORE_CHARS:]
    return kept.partition("\n")[2] or kept


def _value(wanted: NameWanted) -> str:
    """What a variable stands for, on one line."""
    value = re.sub(rf"\A\s*{re.escape(wanted.default)}\s*=(?!=)", "", redacted(plain(wanted.code)))
    return " ".join(value.split())[:MAX_CODE_CHARS]


def _body(wanted: NameWanted) -> Iterator[str]:
    """The lines below a function's `def`, by which it is indented no more than a comment, without blank ones."""
    _, _, below = redacted(plain(wanted.code)).partition(wanted.default)
    rows = [row.rstrip() for row in below[:MAX_CODE_CHARS].split("\n")[1:]]
    width = min((len(row) - len(row.lstrip()) for row in rows if row), default=0)
    return (row[width:] for row in rows if row)


def _request(
    request_id: str, snapshot: Snapshot, wanted: NameWanted, prompt: Prompt, deadline_ms: float
) -> GenerationRequest:
    return GenerationRequest(
        request_id=request_id,
        session_id=SESSION,
        prompt=prompt,
        stop=StopSpec(max_tokens=MAX_TOKENS, deadline_ms=deadline_ms),
        loops=loops_asked(snapshot.settings),
        log_probabilities=True,
        kind=RequestKind.REFACTOR,
        constraint=IdentifierConstraint(
            tuple(sorted(forbidden_names(wanted))), is_snake_case=True, max_chars=MAX_CHARS
        ),
    )


async def _output(engine: EngineClient, config: EngineConfig, request: GenerationRequest) -> GenerationOutput:
    output: GenerationOutput | None = None
    async with aclosing(engine.generate(config, request)) as events:
        async for event in events:
            if isinstance(event, GenerationOutput):
                output = event
    if output is None:
        raise TimeoutError("another request was more urgent")
    return output

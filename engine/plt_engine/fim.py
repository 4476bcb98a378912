"""Prompts as token ids: the fill-in-the-middle formats, the prefix-only form, and what is left out over the budget.

It does not choose what a prompt holds, and a pack says which format it has; nothing here knows a model.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from plt_engine.errors import PackFormatError, RequestError
from plt_engine.pack_manifest import FimFormat, FimOrder
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import FileChunk, Prompt

BARRED = FimFormat(
    name="iquest",
    prefix="<|fim_prefix|>",
    suffix="<|fim_suffix|>",
    middle="<|fim_middle|>",
    order=FimOrder.PSM,
    stop=("<|im_end|>", "<|endoftext|>"),
    repo_name="<|repo_name|>",
    file_sep="<|file_sep|>",
)
FAMILIES = (
    BARRED,
    FimFormat("starcoder2", "<fim_prefix>", "<fim_suffix>", "<fim_middle>", FimOrder.PSM, ("<|endoftext|>",)),
    FimFormat("seed-coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", FimOrder.SPM),
    FimFormat("codestral", "[PREFIX]", "[SUFFIX]", None, FimOrder.SPM),
)
# Qwen2.5-Coder spells its tokens as IQuest does; these, for images, are its alone.
QWEN_MARK = "<|object_ref_start|>"


def detect_fim(tokenizer: Tokenizer) -> FimFormat | None:
    """The format whose control tokens a tokenizer has, or None; of a family's further tokens, those that it has stay.

    That the tokens are there does not prove that the model was trained with them: a pack states its format itself.
    """
    for family in FAMILIES:
        needed = (family.prefix, family.suffix, *([family.middle] if family.middle else []))
        if all(tokenizer.special_id(token) is not None for token in needed):
            return _narrowed(family, tokenizer)
    return None


def _narrowed(family: FimFormat, tokenizer: Tokenizer) -> FimFormat:
    def known(token: str | None) -> bool:
        return token is not None and tokenizer.special_id(token) is not None

    is_qwen = family is BARRED and known(QWEN_MARK)
    stop = ("<|endoftext|>",) if is_qwen else family.stop
    return replace(
        family,
        name="qwen2.5-coder" if is_qwen else family.name,
        stop=tuple(token for token in stop if known(token)),
        repo_name=family.repo_name if known(family.repo_name) else None,
        file_sep=family.file_sep if known(family.file_sep) else None,
    )


def fim_ids(fim: FimFormat, tokenizer: Tokenizer) -> dict[str, int]:
    """The id of every control token of a format.

    Raises:
        PackFormatError: the tokenizer lacks one; the message names it.
    """
    ids = {}
    for token in fim.tokens:
        token_id = tokenizer.special_id(token)
        if token_id is None:
            raise PackFormatError(
                f"pack.json: fim names the token {token!r}, which tokenizer.json lacks; take fim out or correct it."
            )
        ids[token] = token_id
    return ids


def stop_ids(fim: FimFormat | None, tokenizer: Tokenizer) -> frozenset[int]:
    """The ids that end a middle, beside the checkpoint's own end tokens."""
    if fim is None:
        return frozenset()
    ids = fim_ids(fim, tokenizer)
    return frozenset(ids[token] for token in fim.stop)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A prompt in parts: `before` and `between` and `after` are kept whole, the texts are cut where they must be."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    suffix_first: bool

    @property
    def num_fixed(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)

    def joined(self, prefix: list[int], suffix: list[int]) -> list[int]:
        first, second = (suffix, prefix) if self.suffix_first else (prefix, suffix)
        return [*self.before, *first, *self.between, *second, *self.after]


def render(
    prompt: Prompt,
    fim: FimFormat | None,
    tokenizer: Tokenizer,
    max_tokens: int,
    prefix_ids: list[int] | None = None,
) -> list[int]:
    """The ids of a prompt in a pack's format, or the prefix alone where the pack has none.

    Over the budget, the end of the prefix and the start of the suffix stay, then as many chunks as fit, first to last.
    Cuts move in steps, so that typing one more character seldom moves the start of what the model has already read.
    Chunks come in the repository form where the format has one, and as plain text before the prefix where not.

    Args:
        prompt: the texts; control tokens spelled in them are text.
        fim: the pack's format, or None.
        tokenizer: the pack's tokenizer.
        max_tokens: the most ids to return.
        prefix_ids: the prefix's ids where they are not simply those of its text (see healing.py).

    Raises:
        RequestError: the budget has no room for the format's own tokens and one more.
        PackFormatError: the tokenizer lacks a token of the format.
    """
    repository_form = fim is not None and fim.file_sep is not None and bool(prompt.chunks)
    layout = _layout(fim, tokenizer, _file_header(prompt, fim, tokenizer) if repository_form else ())
    opening = list(tokenizer.opening_ids)
    num_fixed = layout.num_fixed + len(opening)
    room = max_tokens - num_fixed
    if room < 1:
        raise RequestError(f"A prompt of {max_tokens} tokens has no room; its format alone takes {num_fixed}.")
    prefix = encode_prefix(prompt, fim, tokenizer) if prefix_ids is None else prefix_ids
    suffix = tokenizer.encode(prompt.suffix, follows=True) if fim is not None else []
    num_prefix, num_suffix = share_budget(room, len(prefix), len(suffix))
    chunk_room = room - _stepped(num_prefix, room) - num_suffix
    chunks = _chunk_ids(prompt, fim if repository_form else None, tokenizer, chunk_room)
    kept = prefix[len(prefix) - num_prefix :], suffix[:num_suffix]
    if repository_form or fim is None:
        return opening + chunks + layout.joined(*kept)
    return opening + layout.joined(chunks + kept[0], kept[1])


def encode_prefix(prompt: Prompt, fim: FimFormat | None, tokenizer: Tokenizer) -> list[int]:
    """The ids of a prompt's prefix as it stands in the pack's format: the beginning of the text, or after something."""
    return tokenizer.encode(prompt.prefix, follows=fim is not None or bool(prompt.chunks))


def share_budget(room: int, num_prefix: int, num_suffix: int) -> tuple[int, int]:
    """How many tokens of the prefix's end and of the suffix's start fit into `room` tokens.

    The suffix is sure of a quarter, the prefix of the rest; what one does not need, the other may have. The counts
    change in steps of a sixteenth of the room while the prefix grows, so that most keystrokes change nothing.
    """
    if num_prefix + num_suffix <= room:
        return num_prefix, num_suffix
    kept_suffix = min(num_suffix, max(room // 4, room - _stepped(num_prefix, room)))
    over = num_prefix - (room - kept_suffix)
    if over <= 0:
        return num_prefix, kept_suffix
    return num_prefix - _stepped(over, room), kept_suffix


def _stepped(count: int, room: int) -> int:
    step = max(1, room // 16)
    return -(-count // step) * step


def _layout(fim: FimFormat | None, tokenizer: Tokenizer, header: Iterable[int]) -> _Layout:
    if fim is None:
        return _Layout((), (), (), suffix_first=False)
    ids = fim_ids(fim, tokenizer)
    middle = () if fim.middle is None else (ids[fim.middle],)
    if fim.order is FimOrder.PSM:
        return _Layout((*header, ids[fim.prefix]), (ids[fim.suffix],), middle, suffix_first=False)
    return _Layout((*header, ids[fim.suffix]), (ids[fim.prefix],), middle, suffix_first=True)


def _file_header(prompt: Prompt, fim: FimFormat | None, tokenizer: Tokenizer) -> tuple[int, ...]:
    if fim is None or fim.file_sep is None:
        return ()
    return (fim_ids(fim, tokenizer)[fim.file_sep], *tokenizer.encode(f"{prompt.path or ''}\n", follows=True))


def _chunk_ids(prompt: Prompt, fim: FimFormat | None, tokenizer: Tokenizer, room: int) -> list[int]:
    """The other files' pieces that fit into `room`, each whole: in the repository form of `fim`, or as plain text."""
    kept = _repository_line(prompt, fim, tokenizer)
    num_opening = len(kept)
    for chunk in prompt.chunks:
        ids = _one_chunk(chunk, fim, tokenizer)
        if len(kept) + len(ids) > room:
            break
        kept += ids
    return kept if len(kept) > num_opening else []


def _repository_line(prompt: Prompt, fim: FimFormat | None, tokenizer: Tokenizer) -> list[int]:
    if fim is None or fim.repo_name is None or prompt.repo_name is None:
        return []
    return [fim_ids(fim, tokenizer)[fim.repo_name], *tokenizer.encode(f"{prompt.repo_name}\n", follows=True)]


def _one_chunk(chunk: FileChunk, fim: FimFormat | None, tokenizer: Tokenizer) -> list[int]:
    text = chunk.text if chunk.text.endswith("\n") else f"{chunk.text}\n"
    if fim is None or fim.file_sep is None:
        return tokenizer.encode(text, follows=True)
    return [fim_ids(fim, tokenizer)[fim.file_sep], *tokenizer.encode(f"{chunk.path}\n{text}", follows=True)]

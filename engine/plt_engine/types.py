"""The plain data that crosses between the engine and its callers, in one process or through a pipe.

Nothing here holds a tensor, does IO, or knows what an editor is. Texts are `str`; a count is `num_*`; times carry
their unit as a suffix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class FinishReason(StrEnum):
    """Why a generation ended."""

    END_OF_TEXT = "end_of_text"  # the model produced one of its end tokens
    STOP_STRING = "stop_string"  # one of StopSpec.strings appeared; it is not part of the text
    END_OF_LINE = "end_of_line"  # StopUnit.LINE: the line is complete; its line end is not part of the text
    END_OF_BLOCK = "end_of_block"  # StopUnit.BLOCK: the next line would leave the block
    LENGTH = "length"  # StopSpec.max_tokens were generated
    END_OF_IDENTIFIER = "end_of_identifier"  # GenerationRequest.constraint: the name is whole, valid and free
    UNSURE = (
        "unsure"  # the model was no longer sure (StopSpec.min_probability); the unsure token is not part of the text
    )
    DEADLINE = "deadline"  # StopSpec.deadline_ms passed
    ABORTED = "aborted"  # the caller asked for it


class StopUnit(StrEnum):
    """The unit of text after which a generation stops by itself."""

    NONE = "none"
    LINE = "line"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class FileChunk:
    """A piece of another file that is shown to the model before the current one."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is shown, before it is put into the pack's prompt format.

    Attributes:
        prefix: the text before the cursor.
        suffix: the text after the cursor; ignored by a pack without a fill-in-the-middle format.
        path: the file's path relative to its workspace, for formats with a path header.
        chunks: pieces of other files, most stable first.
        repo_name: the repository's name, for formats that carry it.
    """

    prefix: str
    suffix: str = ""
    path: str | None = None
    chunks: tuple[FileChunk, ...] = ()
    repo_name: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a piece of code, before it is put into the pack's chat format.

    What differs between two questions about the same code comes last in a prompt, so that the code is read once.

    Attributes:
        text: the question.
        code: what it is about.
        language: the code's, as editors name it.
        path: the file's path relative to its workspace, or None.
        facts: what is known of the code for certain, in words.
        answer: the beginning of the answer, which the model goes on with.
        shorter: what may be shown in place of the code where reading all of it takes too long, ever shorter.
    """

    text: str
    code: str
    language: str = ""
    path: str | None = None
    facts: str = ""
    answer: str = ""
    shorter: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How a token is chosen from the logits: greedily at temperature 0, else by temperature and top-p.

    Attributes:
        temperature: 0 or more; 0 is greedy.
        top_p: keep the smallest set of tokens whose probability reaches this; in (0, 1].
        seed: makes a sampled generation repeatable.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


def indent_columns(line: str) -> int:
    """Columns of white space that a line begins with; a tab leads to the next multiple of 8.

    It is the unit of `StopSpec.indent_columns`.
    """
    blank = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blank.expandtabs(8))


@dataclass(frozen=True, slots=True)
class StopSpec:
    """When a generation ends.

    Attributes:
        max_tokens: the most tokens to generate.
        strings: texts that end the generation and are not part of it.
        unit: a line or a block, or none.
        indent_columns: for a block: the width of the indentation of the line that the cursor is on. The block ends
            before the first non-blank line that is indented less.
        deadline_ms: milliseconds from the request's start, or None.
        min_probability: the text ends before a token that makes the model unsure: the geometric mean of the
            probabilities of it and the tokens before it (see confidence.py) is below this; 0 never ends it so.
    """

    max_tokens: int = 64
    strings: tuple[str, ...] = ()
    unit: StopUnit = StopUnit.NONE
    indent_columns: int = 0
    deadline_ms: float | None = None
    min_probability: float = 0.0


class Priority(IntEnum):
    """How urgent a request is; the lower number goes first and ends what is running behind it."""

    INTERACTIVE = 0
    EXPLANATION = 1
    SPECULATIVE = 2
    WARM_UP = 3


class RequestKind(StrEnum):
    """What a request is for, which says what of it must be there within its latency budget (see loop_policy.py)."""

    TYPING = "typing"  # a first line; the rest may grow on
    INVOKED = "invoked"  # the whole text
    EXPLAIN = "explain"  # the first token of a text that is read as it comes
    REFACTOR = "refactor"  # the whole text, and nothing may be left out


@dataclass(frozen=True, slots=True)
class IdentifierConstraint:
    """The text is to be an identifier of ASCII letters, digits and underscores, and nothing else.

    Where the generation ends for another reason than FinishReason.END_OF_IDENTIFIER, the text is only the beginning of
    one. The log probabilities of its tokens are those among all tokens, so that they tell how sure the model was.

    Attributes:
        forbidden: names that must not be chosen: the language's keywords and those that are taken.
        is_snake_case: whether it has no capital letters.
        max_chars: the longest name.
    """

    forbidden: tuple[str, ...] = ()
    is_snake_case: bool = False
    max_chars: int = 40


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One completion to generate.

    Attributes:
        request_id: unique among the caller's requests; chunks, results and aborts name it.
        session_id: requests of one session continue each other's KV cache; one session is one buffer.
        prompt: what the model is shown.
        sampling: how tokens are chosen.
        stop: when the generation ends.
        loops: the loop count R, or None for the one that the policy chooses.
        workspace_id: the KV of one workspace is never used for another.
        heals_tokens: whether the tokens before the cursor may be chosen anew, together with what follows them.
        log_probabilities: whether the output lists those of its tokens.
        num_alternatives: how many different texts to return; beyond the first they are sampled.
        priority: what goes first.
        kind: what it is for.
        budget_ms: milliseconds within which the answer is wanted, or None where that does not matter.
        question: to be answered in the pack's chat format in place of completing the prompt; None for a completion.
        constraint: what the text must be, or None for any.
    """

    request_id: str
    session_id: str
    prompt: Prompt
    sampling: SamplingParams = field(default_factory=SamplingParams)
    stop: StopSpec = field(default_factory=StopSpec)
    loops: int | None = None
    workspace_id: str = ""
    heals_tokens: bool = True
    log_probabilities: bool = False
    num_alternatives: int = 1
    priority: Priority = Priority.INTERACTIVE
    kind: RequestKind = RequestKind.TYPING
    budget_ms: float | None = None
    question: Question | None = None
    constraint: IdentifierConstraint | None = None


class DecisionReason(StrEnum):
    """What decided over loops, tokens and context."""

    NO_BUDGET = "no_budget"  # nothing was to be kept to
    NOT_MEASURED = "not_measured"  # nothing is known yet of this machine's speed
    FITS = "fits"  # the best loop count fits with all tokens and all context
    FEWER_LOOPS = "fewer_loops"  # a better loop count does not fit
    HELD = "held"  # a better loop count has not fitted often enough in a row yet
    FEWER_TOKENS = "fewer_tokens"  # no loop count fits with all tokens
    LESS_CONTEXT = "less_context"  # nor with the fewest tokens
    OVER_BUDGET = "over_budget"  # nor with less context: what is ready soonest was taken


@dataclass(frozen=True, slots=True)
class Decision:
    """What was chosen for a request, by which numbers, and what came of it.

    Attributes:
        kind: of the request.
        reason: what decided.
        asked_loops: the loop count asked for, or None for auto; another one is run while its pack is not loaded yet.
        loops: the loop count R that was run.
        budget_ms: the latency budget, or None.
        num_whole_tokens: length of the whole prompt.
        num_prompt_tokens: length of what was shown of it.
        num_uncached_tokens: of these, how many had to be computed.
        num_answer_tokens: tokens that the answer may have by the budget's end.
        predicted_ms: for an answer of so many tokens, or None where nothing is known yet.
        answer_ms: what it took, from the start of the request; filled in at its end.
        model_ms: what the latency model says for the tokens that the answer had; its error is measured by this.
        shortened: which of a question's shorter codes was shown, counted from 1; 0 for the code itself.
    """

    kind: RequestKind
    reason: DecisionReason
    asked_loops: int | None
    loops: int
    budget_ms: float | None
    num_whole_tokens: int
    num_prompt_tokens: int
    num_uncached_tokens: int
    num_answer_tokens: int
    predicted_ms: float | None = None
    answer_ms: float | None = None
    model_ms: float | None = None
    shortened: int = 0

    @property
    def is_within_budget(self) -> bool | None:
        """Whether the answer came in time; None where there was no budget or no answer."""
        if self.budget_ms is None or self.answer_ms is None:
            return None
        return self.answer_ms <= self.budget_ms


@dataclass(frozen=True, slots=True)
class LoopLatency:
    """What the latency model says of one loop count on this machine.

    Attributes:
        loops: the loop count R.
        token_ms: for one more token after 1,000.
        reading_ms: for reading 100 tokens after 900.
        error: the median relative error of its predictions, for example 0.1.
        num_measured: how many measurements it rests on; 0 where it is guessed from another loop count.
    """

    loops: int
    token_ms: float
    reading_ms: float
    error: float
    num_measured: int


@dataclass(frozen=True, slots=True)
class GenerationChunk:
    """Text that a running generation has added; never half a character, never text that a stop rule may take back.

    Attributes:
        request_id: of the request.
        text: what was added.
        decision: with the first chunk, what was chosen for the request, without its outcome.
    """

    request_id: str
    text: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class GenerationMetrics:
    """What a generation cost.

    Attributes:
        loops: the loop count R that was run.
        num_prompt_tokens: length of the prompt.
        num_cached_tokens: prompt tokens whose KV was reused.
        num_computed_tokens: prompt tokens that were computed for this request.
        num_generated_tokens: tokens generated.
        num_drafted_tokens: tokens guessed from the prompt and verified in batches; the accepted ones are counted as
            generated too.
        num_accepted_tokens: drafted tokens that turned out right.
        num_token_layers: layer outputs computed before the first token, in layers times positions over all loops: what
            the trapezoid prefill leaves of num_computed_tokens * layers * loops.
        is_forced: whether the loop count has no evidence and was run because the engine was told to.
        answer_ms: time from the start of the request to the end of its answer: the first line or the last token that
            the decision gave it, whichever came first.
        num_answer_tokens: tokens of that answer; 0 where there was none. `num_answer_drafted_tokens` and
            `num_answer_accepted_tokens` are those until then.
        decision: what was chosen for the request, and why.
        ttft_ms: time from the start of the request to the first generated token.
        total_ms: time from the start of the request to its end.
        tokens_per_second: generated tokens after the first over the time after the first; 0 with fewer than two.
    """

    loops: int
    num_prompt_tokens: int
    num_cached_tokens: int
    num_computed_tokens: int
    num_generated_tokens: int
    ttft_ms: float
    total_ms: float
    tokens_per_second: float
    num_drafted_tokens: int = 0
    num_accepted_tokens: int = 0
    num_token_layers: int = 0
    is_forced: bool = False
    answer_ms: float = 0.0
    num_answer_tokens: int = 0
    num_answer_drafted_tokens: int = 0
    num_answer_accepted_tokens: int = 0
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class GenerationOutput:
    """The end of a generation.

    Attributes:
        text: the whole text.
        finish_reason: why it ended.
        metrics: what it cost.
        log_probabilities: of the tokens that were generated, in order, natural logarithms; where asked for.
        alternatives: further texts, each different from `text` and from the others.
    """

    request_id: str
    text: str
    finish_reason: FinishReason
    metrics: GenerationMetrics
    log_probabilities: tuple[float, ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefactorEvidence:
    """How often what a pack wrote for one refactoring passed every check.

    Attributes:
        valid: results that did, repaired ones too.
        num_cases: results that were measured, at least 1.
    """

    valid: int
    num_cases: int


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a loaded engine says of itself.

    Attributes:
        pack: the pack's name.
        loops: the loop counts with evidence, those of other packs of its family that are loaded among them.
        default_loops: the count used when a request names none.
        fim_format: the fill-in-the-middle format's name, or None where the pack has none.
        max_context_tokens: the longest prompt plus generation.
        device: for example `cpu`.
        dtype: for example `bfloat16`.
        num_threads: CPU threads used.
        load_ms: how long loading took.
        weights_bytes: memory held by the weights of all packs that are loaded.
        can_chat: whether it answers questions.
        can_infill: whether it sees the text behind the cursor.
        refactor_evidence: what was measured of refactorings that it wrote, by their offers' names.
        left_out: which other packs of its family add no loop counts, and why: a message for each.
    """

    pack: str
    loops: tuple[int, ...]
    default_loops: int
    fim_format: str | None
    max_context_tokens: int
    device: str
    dtype: str
    num_threads: int
    load_ms: float
    weights_bytes: int
    can_chat: bool = False
    can_infill: bool = False
    refactor_evidence: Mapping[str, RefactorEvidence] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryCase:
    """A line to be completed by an evaluation, which the server's code draws and the engine measures.

    Attributes:
        package: that it comes from.
        path: of its file, in the package.
        row: of the line, from 0.
        name: on the line, that another file defines.
        groups: that it belongs to.
        expected: the rest of the line.
        alone: the prompt of the file alone.
        with_others: the prompt with other files.
    """

    package: str
    path: str
    row: int
    name: str
    groups: tuple[str, ...]
    expected: str
    alone: Prompt
    with_others: Prompt

"""The façade: one loaded pack that answers generation requests, each session going on from its own state.

It ties together packs, prompts, sessions and the decode loop; it does not know processes, documents or editors.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as TypeSequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.nn import functional as F

from plt_engine.chat import QuestionForm, question_forms
from plt_engine.device import bounded_cache_bytes, load_model, plan_for
from plt_engine.errors import NoChatError, RequestError
from plt_engine.fim import encode_prefix, render, stop_ids
from plt_engine.generate import PromptIds, Sequence, generate
from plt_engine.healing import Reopened, TokenHealer
from plt_engine.latency import LatencyModel
from plt_engine.latency_store import LatencyStore, Setup
from plt_engine.loop_evidence import LoopChoice, check_loops, loop_options
from plt_engine.loop_policy import preference
from plt_engine.pack import TOKENIZER_FILE, Pack, load_pack, verified_files, verify_pack
from plt_engine.planner import Planned, Planner
from plt_engine.prefix_cache import PrefixCache
from plt_engine.runner import ModelRunner
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import (
    Decision,
    EngineInfo,
    FinishReason,
    GenerationChunk,
    GenerationOutput,
    GenerationRequest,
    LoopLatency,
    Question,
    SamplingParams,
)
from plt_engine.vocabulary import Vocabulary
from plt_engine.warm_start import WarmStart
from plt_engine.warm_up import warm_up

logger = logging.getLogger(__name__)

# How far a session can be taken back without computing anything anew: a whole completion that the user did not take.
REWIND_TOKENS = 256
# The first text is the most likely one; further ones need some chance to differ.
ALTERNATIVES_TEMPERATURE = 0.8
# Logits of so many tokens are held at a time where a text is scored.
SCORED_TOKENS = 256


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a pack is loaded and run.

    Attributes:
        device: `auto`, which is a GPU where torch sees one, `cpu` or `cuda` (also ROCm's name).
        dtype: `auto`, or the name of the dtype to compute in (see linear.plan_numerics).
        num_threads: CPU threads, or None for torch's own choice.
        max_context_tokens: the longest prompt plus generation; the model's own limit bounds it.
        cache_bytes: what the KV of all sessions may take together; the one not used for longest goes first.
        memory_bytes: what the model may take with everything it needs, on its device; None for no cap. While it is
            loaded it may take more.
        verify_hashes: whether every file is compared with its hash in pack.json before it is used; one that has not
            changed since it was found right is not read again.
        force_loops: whether a loop count without evidence is run, for research; every result of it says so.
        keeps_latency: whether what is measured of this machine's speed is kept for the next start.
    """

    device: str = "auto"
    dtype: str = "auto"
    num_threads: int | None = None
    max_context_tokens: int = 8192
    cache_bytes: int = 1 << 30
    memory_bytes: int | None = None
    verify_hashes: bool = True
    force_loops: bool = False
    keeps_latency: bool = False


class Engine:
    """One loaded pack. Not thread-safe: one generation at a time, from one thread.

    Attributes:
        info: what was loaded.
        counts: the loop counts that the policy chooses from, the best first.
    """

    def __init__(
        self, pack: Pack, runner: ModelRunner, tokenizer: Tokenizer, options: EngineOptions, load_ms: float
    ) -> None:
        self.info = _describe(pack, runner, load_ms)
        self._pack = pack
        self._runner = runner
        end_ids = stop_ids(pack.manifest.fim, tokenizer) | frozenset(runner.config.eos_token_ids)
        self._vocabulary = Vocabulary(tokenizer, TokenHealer(tokenizer), end_ids)
        # A text in a chat is over with any control token: the end of a turn has a name of its own in each format.
        self._chat_vocabulary = replace(self._vocabulary, end_ids=end_ids | tokenizer.special_ids)
        self._forces_loops = options.force_loops
        self.counts = preference(loop_options(pack.manifest), pack.manifest.default_loops)
        self._planner = Planner(runner, self.counts, self._store(options))
        self._warm_start = WarmStart(runner, self.info.loops, lambda: self._planner.model, self._planner.learn)
        self._sequences = PrefixCache(lambda loops: runner.new_cache(loops, REWIND_TOKENS), options.cache_bytes)

    @classmethod
    def load(cls, pack_dir: Path, options: EngineOptions | None = None) -> "Engine":
        """Load a pack.

        Raises:
            PackError: the pack cannot be used; the message says why and what mends it.
            ConfigError: its configuration asks for something that is not supported.
            RequestError: an option is out of its range, or the model needs more memory than there is or may be.
        """
        options = options or EngineOptions()
        started = time.perf_counter()
        pack = load_pack(pack_dir)
        if options.verify_hashes:
            verify_pack(pack, known=verified_files())
        if options.num_threads is not None:
            torch.set_num_threads(options.num_threads)
        device, plan = plan_for(options.device, options.dtype)
        model = load_model(pack_dir, device, plan, options.max_context_tokens, options.memory_bytes)
        runner = ModelRunner(model, min(options.max_context_tokens, model.config.max_position_embeddings))
        cache_bytes = bounded_cache_bytes(options.cache_bytes, device, model.nbytes, options.memory_bytes)
        options = replace(options, cache_bytes=cache_bytes)
        tokenizer = Tokenizer.from_file(pack_dir / TOKENIZER_FILE)
        if device.type == "cuda":
            warm_up(runner, pack.manifest.default_loops)
        load_ms = (time.perf_counter() - started) * 1e3
        logger.info("loaded %s in %.0f ms; on %s it runs in %s", pack.manifest.name, load_ms, device, plan.reason)
        return cls(pack, runner, tokenizer, options, load_ms)

    def generate(
        self, request: GenerationRequest, should_abort: Callable[[], bool] = lambda: False
    ) -> Iterator[GenerationChunk | GenerationOutput]:
        """Yield chunks of text, then exactly one output.

        Raises:
            RequestError: the request cannot be served as asked; before the first chunk.
            LoopCountError: the pack has no evidence for the loop count; before the first chunk.
        """
        started = time.perf_counter()
        choice = None if request.loops is None else self._checked_loops(request.loops)
        if request.stop.max_tokens < 1:
            raise RequestError(f"max_tokens is {request.stop.max_tokens}; it must be 1 or more.")
        if request.num_alternatives < 1:
            raise RequestError(f"num_alternatives is {request.num_alternatives}; it must be 1 or more.")
        if request.constraint is not None and request.num_alternatives > 1:
            raise RequestError(f"num_alternatives is {request.num_alternatives}; a name is asked for alone.")
        prompt, planned = self._plan(request, choice)
        request = replace(request, stop=replace(request.stop, max_tokens=planned.max_tokens))
        loops = planned.decision.loops
        sequence = self._sequences.acquire(request.workspace_id, request.session_id, prompt.ids, loops)
        waited_ms = (time.perf_counter() - started) * 1e3
        vocabulary = self._vocabulary if request.question is None else self._chat_vocabulary
        arguments = (self._runner, vocabulary, sequence, prompt, request, should_abort, planned.answer_end)
        told: Decision | None = planned.decision
        for event in generate(*arguments):
            if isinstance(event, GenerationChunk):
                event, told = replace(event, decision=told), None
            else:
                decision = self._planner.finish(planned, event.metrics, waited_ms + event.metrics.answer_ms)
                is_forced = choice is not None and choice.is_forced
                event = replace(event, metrics=replace(event.metrics, is_forced=is_forced, decision=decision))
                if request.num_alternatives > 1:
                    others = self._alternatives(request, sequence, prompt, event, should_abort)
                    event = replace(event, alternatives=others)
            yield event

    @property
    def latencies(self) -> tuple[LoopLatency, ...]:
        """What is known of this machine's speed at each loop count."""
        return self._planner.latencies

    @property
    def max_loops(self) -> int:
        """The most loops that the weights can run, with evidence or without."""
        return self._runner.config.loop.num_loops

    def measure_speed(self, counts: TypeSequence[int]) -> LatencyModel:
        """What is measured of loop counts in about two seconds, without what was known before."""
        found: list[LatencyModel] = []
        work = WarmStart(self._runner, counts, LatencyModel, found.append)
        while work.advance(lambda: False):
            pass
        return found[-1]

    @torch.inference_mode()
    def score(self, text: str, loops: int) -> tuple[float, int]:
        """Bits that the model needs for a text that is read from its beginning, and the text's length in bytes.

        The first token is not counted; of a text that is too long, its beginning is scored.
        """
        loops = self._checked_loops(loops).loops
        tokenizer = self._vocabulary.tokenizer
        opening = list(tokenizer.opening_ids)
        ids = [*opening, *tokenizer.encode(text)][: self.info.max_context_tokens]
        states = self._runner.prefill(self._runner.new_cache(loops), ids[:-1], first_wanted=0)
        assert states is not None, "nothing aborts this prefill"
        targets, nats = torch.tensor(ids[1:], device=states.device), 0.0
        for start in range(0, len(targets), SCORED_TOKENS):
            part = slice(start, start + SCORED_TOKENS)
            logits = self._runner.logits(states[part]).float()  # [T, V]
            nats += F.cross_entropy(logits, targets[part], reduction="sum").item()
        return nats / math.log(2), sum(len(tokenizer.token_bytes(i)) for i in ids[max(1, len(opening)) :])

    def idle(self, should_stop: Callable[[], bool]) -> bool:
        """Do a little of what can wait: measure this machine's speed, then be ready for the first name.

        Returns whether more is left to do.
        """
        if self._warm_start.advance(should_stop):
            return True
        self._vocabulary.make_ready()
        return False

    def _plan(self, request: GenerationRequest, choice: LoopChoice | None) -> tuple[PromptIds, Planned]:
        if request.question is not None:
            return self._plan_question(request, self._forms(request, request.question), choice)
        fim, tokenizer = self._pack.manifest.fim, self._vocabulary.tokenizer
        prefix = encode_prefix(request.prompt, fim, tokenizer)
        reopened = self._vocabulary.healer.reopen(prefix) if request.heals_tokens else Reopened(prefix, b"")

        def rendered(num_tokens: int) -> list[int]:
            return render(request.prompt, fim, tokenizer, num_tokens, reopened.kept) or self._opening()

        whole = rendered(max(self.info.max_context_tokens - request.stop.max_tokens, 0))
        loops = None if choice is None else choice.loops
        planned = self._planner.plan(request, whole, rendered, self._peek(request), loops)
        return PromptIds(planned.ids, reopened.remainder), planned

    def _plan_question(
        self, request: GenerationRequest, forms: TypeSequence[QuestionForm], choice: LoopChoice | None
    ) -> tuple[PromptIds, Planned]:
        by_length = {len(form.ids): form for form in forms}
        loops = None if choice is None else choice.loops
        planned = self._planner.plan(
            request,
            forms[0].ids,
            lambda num_tokens: by_length[num_tokens].ids,
            self._peek(request),
            loops,
            contexts=tuple(by_length),
        )
        decision = replace(planned.decision, shortened=by_length[len(planned.ids)].shortened)
        return PromptIds(planned.ids), replace(planned, decision=decision)

    def _peek(self, request: GenerationRequest) -> Callable[[list[int]], Sequence | None]:
        return lambda ids: self._sequences.peek(request.workspace_id, request.session_id, ids)

    def _forms(self, request: GenerationRequest, question: Question) -> list[QuestionForm]:
        """The forms of a question that there is room for, the longest first."""
        chat, room = self._pack.manifest.chat, self.info.max_context_tokens - request.stop.max_tokens
        if chat is None:
            raise NoChatError(f"The pack {self.info.pack} has no chat format, so it answers no questions.")
        if request.num_alternatives > 1:
            raise RequestError(f"num_alternatives is {request.num_alternatives}; a question has one answer.")
        forms = question_forms(question, chat, self._vocabulary.tokenizer, self._runner.config)
        fitting = [form for form in forms if len(form.ids) <= room]
        if not fitting:
            num_tokens = len(forms[-1].ids)
            raise RequestError(f"The question takes {num_tokens} tokens, and there is room for {room}; ask about less.")
        return fitting

    def _alternatives(
        self,
        request: GenerationRequest,
        sequence: Sequence,
        prompt: PromptIds,
        first: GenerationOutput,
        should_abort: Callable[[], bool],
    ) -> tuple[str, ...]:
        """Further texts that differ from the first, sampled with a few more tries than are wanted."""
        texts = [first.text]
        seed = request.sampling.seed or 0
        for i in range(2 * (request.num_alternatives - 1)):
            if len(texts) == request.num_alternatives or should_abort():
                break
            sampling = SamplingParams(max(request.sampling.temperature, ALTERNATIVES_TEMPERATURE), 0.95, seed + i + 1)
            asked = replace(request, sampling=sampling)
            *_, output = generate(self._runner, self._vocabulary, sequence, prompt, asked, should_abort)
            assert isinstance(output, GenerationOutput), "a generation ends with its output"
            if output.text not in texts and output.finish_reason is not FinishReason.ABORTED:
                texts.append(output.text)
        return tuple(texts[1:])

    def close_session(self, session_id: str) -> None:
        """Forget a session; an unknown one is no error."""
        self._sequences.close(session_id)
        self._planner.close_session(session_id)

    @property
    def cache_bytes(self) -> int:
        """Bytes that the KV of all sessions takes now."""
        return self._sequences.nbytes

    def _opening(self) -> list[int]:
        """What stands for an empty prompt: the token that begins, or else ends, a text."""
        config = self._runner.config
        opening = config.bos_token_id if config.bos_token_id is not None else next(iter(config.eos_token_ids), None)
        if opening is None:
            raise RequestError("The prompt is empty, and the model has no token that begins a text; send some text.")
        return [opening]

    def _store(self, options: EngineOptions) -> LatencyStore:
        setup = Setup.of(self._pack.manifest, self.info.device, self.info.dtype, self.info.num_threads)
        return LatencyStore.of(setup) if options.keeps_latency else LatencyStore(None)

    def _checked_loops(self, loops: int) -> LoopChoice:
        subject = f"the pack {self.info.pack}"
        return check_loops(loops, self.info.loops, self._runner.config, subject, force=self._forces_loops)


def _describe(pack: Pack, runner: ModelRunner, load_ms: float) -> EngineInfo:
    manifest = pack.manifest
    return EngineInfo(
        pack=manifest.name,
        loops=manifest.loop_counts,
        default_loops=manifest.default_loops,
        fim_format=manifest.fim.name if manifest.fim is not None else None,
        max_context_tokens=runner.max_tokens,
        device=runner.device.type,
        dtype=str(runner.dtype).removeprefix("torch."),
        num_threads=torch.get_num_threads(),
        load_ms=load_ms,
        weights_bytes=runner.model.nbytes,
        can_chat=manifest.chat is not None,
        can_infill=manifest.fim is not None,
        refactor_evidence=dict(manifest.refactor_evidence),
    )

"""The façade: a loaded pack that answers generation requests, each session going on from its own state.

It ties together packs, prompts, sessions and the decode loop; it does not know processes, documents or editors.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as TypeSequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

from plt_engine.alternatives import alternatives_to
from plt_engine.chat import QuestionForm, question_forms
from plt_engine.device import bounded_cache_bytes
from plt_engine.engine_options import EngineOptions
from plt_engine.errors import NoChatError, RequestError
from plt_engine.family import Family, family_of
from plt_engine.fim import encode_prefix, render, stop_ids
from plt_engine.generate import AnswerEnd, PromptIds, generate
from plt_engine.healing import Reopened, TokenHealer
from plt_engine.kv_cache import KVCache
from plt_engine.latency import LatencyModel
from plt_engine.loop_evidence import LoopChoice, check_loops
from plt_engine.member import Member, loading, members_of
from plt_engine.pack import TOKENIZER_FILE, Pack, load_pack
from plt_engine.planner import Peek, Planned, Planner
from plt_engine.prefix_cache import PrefixCache
from plt_engine.steps import finished
from plt_engine.tokenizer import Tokenizer
from plt_engine.types import (
    Decision,
    EngineInfo,
    GenerationChunk,
    GenerationOutput,
    GenerationRequest,
    LoopLatency,
    Question,
)
from plt_engine.vocabulary import Vocabulary
from plt_engine.warm_start import WarmStart

__all__ = ["Engine", "EngineOptions"]

logger = logging.getLogger(__name__)

# How far a session can be taken back without computing anything anew: a whole completion that the user did not take.
REWIND_TOKENS = 256
# Logits of so many tokens are held at a time where a text is scored.
SCORED_TOKENS = 256


class Engine:
    """One loaded pack, and in time others of its family. Not thread-safe: one generation at a time, from one thread.

    Attributes:
        info: what is loaded.
    """

    def __init__(
        self, family: Family, named: Member, tokenizer: Tokenizer, options: EngineOptions, load_ms: float
    ) -> None:
        self._family, self._loaded = family, {named.pack.folder: named}
        self._named = named
        self._options = options
        end_ids = stop_ids(named.pack.manifest.fim, tokenizer) | frozenset(named.runner.config.eos_token_ids)
        self._vocabulary = Vocabulary(tokenizer, TokenHealer(tokenizer), end_ids)
        # A text in a chat is over with any control token: the end of a turn has a name of its own in each format.
        self._chat_vocabulary = replace(self._vocabulary, end_ids=end_ids | tokenizer.special_ids)
        self._planner = Planner(members_of(family, self._loaded))
        self._sequences = PrefixCache(self._new_cache, options.cache_bytes)
        self.info = _describe(named, load_ms)
        self._offer()
        self._for_pauses = self._in_pauses(self._warm_start(named))

    @classmethod
    def load(cls, pack_dir: Path, options: EngineOptions | None = None) -> "Engine":
        """Load a pack; others of its family are loaded while the engine is idle.

        Raises:
            PackError: the pack cannot be used; the message says why and what mends it.
            ConfigError: its configuration asks for something that is not supported.
            RequestError: an option is out of its range, or the model needs more memory than there is or may be.
        """
        options = options or EngineOptions()
        started = time.perf_counter()
        pack = load_pack(pack_dir)
        if options.num_threads is not None:
            torch.set_num_threads(options.num_threads)
        named = finished(loading(pack, options))
        tokenizer = Tokenizer.from_file(pack_dir / TOKENIZER_FILE)
        return cls(family_of(pack), named, tokenizer, options, (time.perf_counter() - started) * 1e3)

    def generate(
        self, request: GenerationRequest, should_abort: Callable[[], bool] = lambda: False
    ) -> Iterator[GenerationChunk | GenerationOutput]:
        """Yield chunks of text, then exactly one output.

        Raises:
            RequestError: the request cannot be served as asked; before the first chunk.
            LoopCountError: the pack has no evidence for the loop count; before the first chunk.
        """
        started = time.perf_counter()
        choice = self._asked_loops(request.loops)
        if request.stop.max_tokens < 1:
            raise RequestError(f"max_tokens is {request.stop.max_tokens}; it must be 1 or more.")
        if request.num_alternatives < 1:
            raise RequestError(f"num_alternatives is {request.num_alternatives}; it must be 1 or more.")
        if request.constraint is not None and request.num_alternatives > 1:
            raise RequestError(f"num_alternatives is {request.num_alternatives}; a name is asked for alone.")
        prompt, planned = self._plan(request, choice)
        request = replace(request, stop=replace(request.stop, max_tokens=planned.max_tokens))
        loops, runner, realm = planned.decision.loops, planned.member.runner, self._realm(planned.member, request)
        sequence = self._sequences.acquire(realm, request.session_id, prompt.ids, loops)
        waited_ms = (time.perf_counter() - started) * 1e3
        vocabulary = self._vocabulary if request.question is None else self._chat_vocabulary

        def write(asked: GenerationRequest, end: AnswerEnd) -> Iterator[GenerationChunk | GenerationOutput]:
            return generate(runner, vocabulary, sequence, prompt, asked, should_abort, end)

        told: Decision | None = planned.decision
        for event in write(request, planned.answer_end):
            if isinstance(event, GenerationChunk):
                event, told = replace(event, decision=told), None
            else:
                decision = self._planner.finish(planned, event.metrics, waited_ms + event.metrics.answer_ms)
                is_forced = choice is not None and choice.is_forced
                event = replace(event, metrics=replace(event.metrics, is_forced=is_forced, decision=decision))
                if request.num_alternatives > 1:
                    others = alternatives_to(event, request, lambda asked: write(asked, AnswerEnd()), should_abort)
                    event = replace(event, alternatives=others)
            yield event

    @property
    def counts(self) -> TypeSequence[int]:
        """The loop counts that the policy chooses from, the best first."""
        return self._planner.members.counts

    @property
    def latencies(self) -> tuple[LoopLatency, ...]:
        """What is known of this machine's speed at each loop count."""
        return self._planner.latencies

    @property
    def max_loops(self) -> int:
        """The most loops that the named pack's weights can run, with evidence or without."""
        return self._named.runner.config.loop.num_loops

    def measure_speed(self, counts: TypeSequence[int]) -> LatencyModel:
        """What is measured of loop counts in about two seconds, without what was known before."""
        found: list[LatencyModel] = []
        work = WarmStart(self._named.runner, counts, LatencyModel, found.append)
        while work.advance(lambda: False):
            pass
        return found[-1]

    @torch.inference_mode()
    def score(self, text: str, loops: int) -> tuple[float, int]:
        """Bits that the model needs for a text that is read from its beginning, and the text's length in bytes.

        The first token is not counted; of a text that is too long, its beginning is scored.
        """
        loops = self._checked_loops(loops).loops
        tokenizer, runner = self._vocabulary.tokenizer, self._planner.members.at(loops).runner
        opening = list(tokenizer.opening_ids)
        ids = [*opening, *tokenizer.encode(text)][: self.info.max_context_tokens]
        states = runner.prefill(runner.new_cache(loops), ids[:-1], first_wanted=0)
        assert states is not None, "nothing aborts this prefill"
        targets, nats = torch.tensor(ids[1:], device=states.device), 0.0
        for start in range(0, len(targets), SCORED_TOKENS):
            part = slice(start, start + SCORED_TOKENS)
            logits = runner.logits(states[part]).float()  # [T, V]
            nats += F.cross_entropy(logits, targets[part], reduction="sum").item()
        return nats / math.log(2), sum(len(tokenizer.token_bytes(i)) for i in ids[max(1, len(opening)) :])

    def idle(self, should_stop: Callable[[], bool]) -> bool:
        """Do a little of what can wait: measure this machine's speed, be ready for the first name, load what is left.

        Returns whether more is left to do.
        """
        if should_stop():
            return True
        for _ in self._for_pauses:
            return True
        return False

    def _in_pauses(self, first: WarmStart) -> Iterator[None]:
        yield from _all_of(first)
        self._vocabulary.make_ready()
        for message in self._family.left_out:
            logger.warning(message)
        while (pack := self._next_pack()) is not None:
            yield from self._join(pack)

    def _next_pack(self) -> Pack | None:
        """Another pack of the family that serves some loop count and is not loaded."""
        return next((pack for pack in self._family.by_count.values() if pack.folder not in self._loaded), None)

    def _join(self, pack: Pack) -> Iterator[None]:
        """Load another pack, then measure it; whatever is wrong with it, those that are loaded go on without it."""
        try:
            member = yield from loading(pack, self._options, self.info.weights_bytes)
        except Exception as error:
            self._family = self._family.without(pack.folder, str(error) or type(error).__name__)
            logger.warning(self._family.left_out[-1])
            self._offer()
        else:
            self._loaded[pack.folder] = member
            self._offer()
            yield from _all_of(self._warm_start(member))

    def _offer(self) -> None:
        """Offer the loop counts of what is loaded, and share the memory that is left."""
        members = self._planner.members = members_of(self._family, self._loaded)
        weights_bytes = sum(one.runner.model.nbytes for one in self._loaded.values())
        self.info = replace(
            self.info,
            loops=tuple(sorted(members.by_count)),
            weights_bytes=weights_bytes,
            left_out=self._family.left_out,
        )
        asked, cap, device = self._options.cache_bytes, self._options.memory_bytes, self._named.runner.device
        self._sequences.bound(bounded_cache_bytes(asked, device, weights_bytes, cap, self._sequences.nbytes))

    def _warm_start(self, member: Member) -> WarmStart:
        counts = [loops for loops, one in self._planner.members.by_count.items() if one is member]
        return WarmStart(member.runner, counts, lambda: member.speed.model, member.speed.learn)

    def _new_cache(self, loops: int) -> KVCache:
        return self._planner.members.at(loops).runner.new_cache(loops, REWIND_TOKENS)

    def _plan(self, request: GenerationRequest, choice: LoopChoice | None) -> tuple[PromptIds, Planned]:
        if request.question is not None:
            return self._plan_question(request, self._forms(request, request.question), choice)
        fim, tokenizer = self._named.pack.manifest.fim, self._vocabulary.tokenizer
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

    def _peek(self, request: GenerationRequest) -> Peek:
        return lambda member, ids: self._sequences.peek(self._realm(member, request), request.session_id, ids)

    def _realm(self, member: Member, request: GenerationRequest) -> tuple[Path, str]:
        """Within which KV is used again: another model's means nothing, and another workspace's is not seen."""
        return member.pack.folder, request.workspace_id

    def _forms(self, request: GenerationRequest, question: Question) -> list[QuestionForm]:
        """The forms of a question that there is room for, the longest first."""
        chat, room = self._named.pack.manifest.chat, self.info.max_context_tokens - request.stop.max_tokens
        if chat is None:
            raise NoChatError(f"The pack {self.info.pack} has no chat format, so it answers no questions.")
        if request.num_alternatives > 1:
            raise RequestError(f"num_alternatives is {request.num_alternatives}; a question has one answer.")
        forms = question_forms(question, chat, self._vocabulary.tokenizer, self._named.runner.config)
        fitting = [form for form in forms if len(form.ids) <= room]
        if not fitting:
            num_tokens = len(forms[-1].ids)
            raise RequestError(f"The question takes {num_tokens} tokens, and there is room for {room}; ask about less.")
        return fitting

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
        config = self._named.runner.config
        opening = config.bos_token_id if config.bos_token_id is not None else next(iter(config.eos_token_ids), None)
        if opening is None:
            raise RequestError("The prompt is empty, and the model has no token that begins a text; send some text.")
        return [opening]

    def _asked_loops(self, loops: int | None) -> LoopChoice | None:
        """The loop count asked for; None where the policy is to choose, as it is until that count's pack is loaded."""
        is_awaited = loops in self._family.by_count and loops not in self.info.loops
        return None if loops is None or is_awaited else self._checked_loops(loops)

    def _checked_loops(self, loops: int) -> LoopChoice:
        subject, config = f"the pack {self.info.pack}", self._named.runner.config
        return check_loops(loops, self.info.loops, config, subject, force=self._options.force_loops)


def _all_of(warm_start: WarmStart) -> Iterator[None]:
    while warm_start.advance(lambda: False):
        yield


def _describe(named: Member, load_ms: float) -> EngineInfo:
    manifest, runner = named.pack.manifest, named.runner
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

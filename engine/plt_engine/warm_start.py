"""Two seconds of measuring, done in small steps while nobody waits, so that the first budgets are kept already.

It runs the model on meaningless tokens in a cache of its own; what the figures are for it does not know.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from plt_engine.kv_cache import KVCache
from plt_engine.latency import LatencyModel, Measurement, Work, fitted
from plt_engine.runner import ModelRunner

BUDGET_MS = 2000.0
# Short chunks, since whoever comes meanwhile waits for the end of one.
CHUNK_TOKENS = 128
NUM_WARM_UP_TOKENS = 4
# Lengths to read up to, after each of which some tokens are decoded.
LENGTHS = (132, 144, 272, 528, 1040)
NUM_DECODED = 4


class WarmStart:
    """The measuring of one model at some loop counts.

    Args:
        runner: the model.
        counts: the loop counts.
        known: what is known already; where every count is, there is nothing to do.
        learn: takes the model that was fitted, once.
    """

    def __init__(
        self,
        runner: ModelRunner,
        counts: Sequence[int],
        known: Callable[[], LatencyModel],
        learn: Callable[[LatencyModel], None],
    ) -> None:
        self._runner = runner
        self._counts = tuple(count for count in counts if count not in known().loops)
        self._known = known
        self._learn = learn
        self._found: list[Measurement] = []
        self._steps = self._measure()
        self._is_over = not self._counts

    def advance(self, should_stop: Callable[[], bool]) -> bool:
        """Take one step, unless somebody is waiting; returns whether there is more to do."""
        if self._is_over or should_stop():
            return not self._is_over
        found = next(self._steps, None)
        if found is not None:
            self._found.append(found)
            return True
        self._is_over = True
        self._learn(fitted(self._known(), self._found))
        return False

    def _measure(self) -> Iterator[Measurement]:
        for loops in self._counts:
            left_ms = BUDGET_MS / len(self._counts)
            cache = self._runner.new_cache(loops)
            self._read(cache, NUM_WARM_UP_TOKENS)
            for _ in range(2):
                self._decode(cache)
            for length in LENGTHS:
                if left_ms <= 0 or length + NUM_DECODED >= self._runner.max_tokens:
                    break
                for found in self._measure_to(cache, length):
                    left_ms -= found.ms
                    yield found

    def _measure_to(self, cache: KVCache, length: int) -> Iterator[Measurement]:
        while cache.num_tokens < length:
            yield self._read(cache, min(length, cache.num_tokens + CHUNK_TOKENS))
        for _ in range(NUM_DECODED):
            yield self._decode(cache)

    def _read(self, cache: KVCache, length: int) -> Measurement:
        tokens = [i % self._runner.config.vocab_size for i in range(length)]
        plan = self._runner.plan(cache, length, length - 1)
        work = Work(1, plan.token_layers / self._runner.config.num_hidden_layers, 0, length)
        started = _now_ms()
        states = self._runner.prefill(cache, tokens)
        assert states is not None, "nothing aborts this prefill"
        self._runner.logits(states[-1]).argmax().item()
        return Measurement(cache.loops, work, _now_ms() - started)

    def _decode(self, cache: KVCache) -> Measurement:
        work = Work(num_steps=1, num_context_tokens=cache.num_tokens)
        started = _now_ms()
        self._runner.logits(self._runner.decode(cache, 0)).argmax().item()
        return Measurement(cache.loops, work, _now_ms() - started)


def _now_ms() -> float:
    return time.perf_counter() * 1e3

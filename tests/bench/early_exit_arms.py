"""Who decodes when an exit per token is measured: plain loop counts and the forms of the rule, and the gate on them.

It knows no text beyond its tokens, and no time.
"""

from collections.abc import Mapping, Sequence

from plt_engine.runner import ModelRunner
from tests.bench.early_exit_decoder import EarlyExit, ExitRule, Step
from tests.bench.early_exit_quality import ALWAYS, NEVER, Text

MAX_TOKENS = 1024
# The gate's bound on the fast kernels' rounding, which differs with the number of rows.
GATE_NATS = 0.01


class Writer:
    """Something that appends a token and says what follows; `begin` reads a prompt."""

    def __init__(self, runner: ModelRunner, loops: int) -> None:
        self._runner, self._loops = runner, loops
        self._cache = runner.new_cache(loops)

    def begin(self, prompt: Sequence[int]) -> None:
        self._cache = self._runner.new_cache(self._loops)
        self._runner.prefill(self._cache, prompt)
        self._cache.reserve(MAX_TOKENS)

    def step(self, token: int) -> Step:
        return Step(self._runner.logits(self._runner.decode(self._cache, token)), is_skipped=self._loops == 1)


class ExitWriter:
    """The same by an `ExitRule`."""

    def __init__(self, runner: ModelRunner, rule: ExitRule) -> None:
        self._runner, self._decoder = runner, EarlyExit(runner, rule)

    def begin(self, prompt: Sequence[int]) -> None:
        cache = self._decoder.new_cache()
        self._runner.prefill(cache, prompt)
        cache.reserve(MAX_TOKENS)
        self._decoder.begin(cache)

    def step(self, token: int) -> Step:
        return self._decoder.step(token)


AnyWriter = Writer | ExitWriter


def gate(runner: ModelRunner, texts: Sequence[Text], num_tokens: int) -> dict[str, float]:
    """Never exiting is two loops, always exiting is one, and in between each token is one of the two exactly.

    Returns:
        Nats per token by which the distributions differ, which is the rounding of kernels for other numbers of rows.

    Raises:
        AssertionError: they differ by more.
    """
    found = {}
    for name, threshold in (("never", NEVER), ("sometimes", 0.5), ("always", ALWAYS)):
        arms = (Writer(runner, 1), Writer(runner, 2), ExitWriter(runner, ExitRule(threshold)))
        compared = [pair for text in texts for pair in _divergences(*arms, text, num_tokens)]
        nats, skipped = (sum(values) / len(compared) for values in zip(*compared, strict=True))
        assert nats < GATE_NATS, f"exiting {name}: the distributions differ by {nats} nats per token"
        is_right = {"never": skipped == 0, "sometimes": 0 < skipped < 1, "always": skipped == 1}[name]
        assert is_right, f"exiting {name} skipped a share of {skipped}"
        found[name] = nats
    return found


def _divergences(
    one: AnyWriter, two: AnyWriter, exiting: AnyWriter, text: Text, num_tokens: int
) -> list[tuple[float, bool]]:
    """KL to the loop count that each token is taken from, and whether that is one, over a text's second half."""
    cut = len(text.ids) // 2
    for writer in (one, two, exiting):
        writer.begin(text.ids[:cut])
    found = []
    for token in text.ids[cut : cut + num_tokens]:
        of_one, of_two, step = (writer.step(token) for writer in (one, two, exiting))
        plain = of_one if step.is_skipped else of_two
        p, q = (logits.float().log_softmax(-1) for logits in (plain.logits, step.logits))
        found.append((float((p.exp() * (p - q)).sum()), step.is_skipped))
    return found


def arms_of(runner: ModelRunner, rules: Mapping[str, ExitRule]) -> dict[str, AnyWriter]:
    """Two loops, one loop, and every rule."""
    plain: dict[str, AnyWriter] = {f"R = {loops}": Writer(runner, loops) for loops in (2, 1)}
    return plain | {name: ExitWriter(runner, rule) for name, rule in rules.items()}


def rules_of(thresholds: Mapping[str, float]) -> dict[str, ExitRule]:
    """The forms of the rule that are compared at each threshold; never exiting shows what rounding alone does."""
    rules = {"never": ExitRule(NEVER)}
    for name, threshold in thresholds.items():
        rules[f"{name}, exact"] = ExitRule(threshold)
        rules[f"{name}, exact, dwells"] = ExitRule(threshold, dwells=True)
        rules[f"{name}, stand-in"] = ExitRule(threshold, is_exact=False)
        rules[f"{name}, stand-in, dwells"] = ExitRule(threshold, is_exact=False, dwells=True)
    return rules

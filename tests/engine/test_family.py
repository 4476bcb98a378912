"""Packs of one family as one set of loop counts: who serves which, what is left out, and that nothing is mixed up."""

import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from plt_engine.device import CPU_WORKING_BYTES
from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import LoopCountError
from plt_engine.family import Family, family_of
from plt_engine.latency import LatencyModel, LoopModel
from plt_engine.pack import CONFIG_FILE, DATA_DIR_VARIABLE, MANIFEST_FILE, Pack, load_pack
from plt_engine.pack_manifest import QUALITY, SAMPLE
from plt_engine.relatives import pack_fingerprint
from plt_engine.types import (
    DecisionReason,
    GenerationOutput,
    GenerationRequest,
    Prompt,
    RequestKind,
    SamplingParams,
    StopSpec,
)
from tests.packs import CHAT, tiny_pack

OPTIONS = EngineOptions(dtype="float32", num_threads=1)
TEXT = "class Counter:\n    def increment(self):\n        self.value += 1\n        return self.value\n\n\n" * 3
# With a context of a few hundred tokens, one more takes 10 ms with the model of one loop and 20 ms with that of two.
ONE = LatencyModel({1: LoopModel((1.0, 1e-6, 1e-6, 10.0, 1e-6), 10, spread=0.0)})
TWO = LatencyModel({2: LoopModel((1.0, 1e-6, 1e-6, 20.0, 1e-6), 10, spread=0.0)})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Where packs lie."""
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    return tmp_path / "packs"


def measured(bits: Mapping[int, float], sample: str = "a.py") -> dict[int, dict[str, float | str]]:
    return {loops: {QUALITY: value, SAMPLE: sample} for loops, value in bits.items()}


def pack_of(folder: Path, name: str, loops: int, bits: float, sample: str = "a.py", **arguments) -> Pack:
    """A pack that was trained at one loop count, with weights of its own."""
    figures = measured({loops: bits}, sample)
    fields = {"family": "tiny", "certified": [loops], "figures": figures, "name": name, "seed": loops}
    return tiny_pack(folder / name, loops, **{**fields, **arguments})


@pytest.fixture
def one(folder) -> Pack:
    return pack_of(folder, "one", 1, 1.2)


@pytest.fixture
def two(folder) -> Pack:
    return pack_of(folder, "two", 2, 1.0)


def whole(engine: Engine) -> Engine:
    """The engine after a pause that was long enough."""
    while engine.idle(lambda: False):
        pass
    return engine


def asked(text: str = TEXT, **fields) -> GenerationRequest:
    request = GenerationRequest(
        "request", "session", Prompt(text), stop=StopSpec(max_tokens=24), kind=RequestKind.TYPING
    )
    return replace(request, **fields)


def run(engine: Engine, text: str = TEXT, **fields) -> GenerationOutput:
    *_, output = engine.generate(asked(text, log_probabilities=True, **fields))
    assert isinstance(output, GenerationOutput)
    return output


def said(output: GenerationOutput) -> tuple[str, object]:
    """The text, and what the model thought of each of its tokens, which another model would not."""
    return output.text, pytest.approx(output.log_probabilities, abs=1e-4)


def names_by_count(family: Family) -> dict[int, str]:
    return {loops: pack.manifest.name for loops, pack in family.by_count.items()}


def test_each_loop_count_is_answered_by_the_pack_that_was_trained_at_it(one, two):
    outputs = {loops: run(Engine.load(pack.folder, OPTIONS)) for loops, pack in ((1, one), (2, two))}
    alone = {loops: said(output) for loops, output in outputs.items()}
    assert outputs[1].log_probabilities != alone[2][1]
    engine = whole(Engine.load(one.folder, OPTIONS))
    assert engine.info.loops == (1, 2)
    for loops in (2, 1, 1, 2):
        output = run(engine, loops=loops)
        assert (output.metrics.loops, output.text, output.log_probabilities) == (loops, *alone[loops])
    assert engine.score(TEXT, 2) == Engine.load(two.folder, OPTIONS).score(TEXT, 2)
    assert engine.score(TEXT, 1) == Engine.load(one.folder, OPTIONS).score(TEXT, 1)


def test_alternatives_come_from_the_pack_of_the_count(one, two):
    fields = {"num_alternatives": 3, "sampling": SamplingParams(seed=5), "loops": 2}
    output = run(whole(Engine.load(one.folder, OPTIONS)), **fields)
    assert len(output.alternatives) == 2
    assert output.alternatives == run(Engine.load(two.folder, OPTIONS), **fields).alternatives


def test_what_one_pack_has_read_is_never_taken_for_what_another_has(one, two):
    engine = whole(Engine.load(one.folder, OPTIONS))
    first = run(engine, loops=1).metrics
    assert run(engine, loops=2).metrics.num_cached_tokens == 0
    assert run(engine, loops=2, session_id="other").metrics.num_cached_tokens == first.num_prompt_tokens - 1
    again = run(engine, TEXT + "c", loops=1).metrics
    assert again.num_cached_tokens >= first.num_prompt_tokens - 4
    engine.close_session("session")
    engine.close_session("other")
    assert run(engine, loops=2).metrics.num_cached_tokens == 0
    assert run(engine, loops=1).metrics.num_cached_tokens == 0


def test_the_policy_chooses_among_all_packs_by_the_budget(one, two):
    engine = whole(Engine.load(one.folder, OPTIONS))
    assert tuple(engine.counts) == (2, 1)

    def decided(budget_ms: float, session: str):
        engine._planner.members.at(1).speed.learn(ONE)
        engine._planner.members.at(2).speed.learn(TWO)
        metrics = run(engine, budget_ms=budget_ms, session_id=session).metrics
        return metrics.loops, metrics.decision.reason

    assert decided(100.0, "a") == (1, DecisionReason.FEWER_LOOPS)
    assert decided(100_000.0, "b") == (2, DecisionReason.FITS)
    assert [found.loops for found in engine.latencies] == [1, 2]
    assert run(engine).metrics.loops == 2, "without a budget the best"


def test_a_pack_that_was_not_measured_yet_is_not_chosen_within_a_budget(one, two):
    engine = Engine.load(one.folder, OPTIONS)
    engine._named.speed.learn(ONE)
    while 2 not in engine.info.loops:
        assert engine.idle(lambda: False)
    assert run(engine, budget_ms=100_000.0).metrics.loops == 1
    whole(engine)
    assert run(engine, budget_ms=100_000.0, session_id="new").metrics.loops == 2


def test_another_pack_is_loaded_only_while_the_engine_is_idle_and_its_counts_wait_for_it(one, two):
    engine = Engine.load(one.folder, OPTIONS)
    alone = engine.info.weights_bytes
    early = run(engine, loops=2).metrics
    assert (early.loops, early.decision.asked_loops) == (1, 2), "until then the policy chooses"
    assert engine.idle(lambda: True)
    assert (engine.info.loops, tuple(engine.counts), engine.info.weights_bytes) == ((1,), (1,), alone)
    with pytest.raises(LoopCountError, match="there is evidence for 1"):
        run(engine, loops=3)
    whole(engine)
    assert run(engine, loops=2).metrics.loops == 2
    assert engine.info.weights_bytes == alone + Engine.load(two.folder, OPTIONS).info.weights_bytes
    assert not engine.idle(lambda: False)


def test_what_is_measured_of_each_pack_is_kept_for_itself(one, two):
    options = replace(OPTIONS, keeps_latency=True)
    both = whole(Engine.load(one.folder, options)).latencies
    assert [found.loops for found in both] == [1, 2]
    assert Engine.load(two.folder, options).latencies == both[1:]
    assert Engine.load(one.folder, options).latencies == both[:1]


def test_the_named_pack_comes_first_and_then_the_best(folder, one, two):
    pack_of(folder, "another-one", 1, 1.1)
    pack_of(folder, "another-two", 2, 0.9)
    assert names_by_count(family_of(one)) == {1: "one", 2: "another-two"}
    assert names_by_count(family_of(two)) == {1: "another-one", 2: "two"}


def test_a_count_that_is_no_better_than_a_smaller_one_is_not_loaded_for_its_own_sake(folder, one, two):
    pack_of(folder, "three", 3, 1.0)
    assert names_by_count(family_of(one)) == {1: "one", 2: "two"}
    family = family_of(load_pack(folder / "three"))
    assert names_by_count(family) == {1: "one", 2: "two", 3: "three"}, "who names it may have it"
    assert family.counts == (2, 1)
    assert not family.left_out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"sample": "b.py"}, "not measured on the same sample .* `plt-lsp models calibrate`"),
        ({"figures": {}}, "not measured on the same sample"),
        ({"figures": {2: {QUALITY: 1.0}}}, "not measured on the same sample"),
        ({"certified": [1, 2], "figures": measured({2: 1.0})}, "not measured on the same sample"),
        ({"chat": CHAT}, r"its prompt formats \(fim, chat\) are not those of one"),
        ({"fim": False}, "its tokenizer is not that of one"),
    ],
)
def test_what_cannot_be_compared_or_mixed_is_never_chosen_and_the_log_says_why(folder, one, caplog, arguments, reason):
    pack_of(folder, "two", 2, **{"bits": 1.0, **arguments})
    with caplog.at_level(logging.WARNING):
        engine = whole(Engine.load(one.folder, OPTIONS))
    assert (engine.info.loops, tuple(engine.counts)) == ((1,), (1,))
    [message] = engine.info.left_out
    assert caplog.messages == [message]
    assert message.startswith("The pack two is left out of the family tiny: ")
    assert re.search(reason, message)
    assert run(engine, budget_ms=100_000.0).metrics.loops == 1
    with pytest.raises(LoopCountError):
        run(engine, loops=2)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("eos_token_id", 0, "other tokens that begin and end a text"),
        ("max_position_embeddings", 256, "it reads 256 tokens at most, and one reads 512"),
        ("hidden_act", "gelu", "hidden_act"),
    ],
)
def test_a_pack_of_another_shape_is_left_out_where_that_matters(one, two, key, value, reason):
    changed(two.folder / CONFIG_FILE, key, value)
    family = family_of(one)
    assert names_by_count(family) == {1: "one"}
    assert reason in family.left_out[0]


def changed(path: Path, key: str, value: object) -> None:
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), key: value}))


def flip_a_bit(pack: Pack) -> None:
    [weights] = pack.weight_files
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda pack: changed(pack.folder / MANIFEST_FILE, "title", 5), "title is 5"),
        (lambda pack: (pack.folder / "tokenizer.json").unlink(), "tokenizer.json does not exist"),
        (flip_a_bit, "is not the file that pack.json describes"),
        (lambda pack: changed(pack.folder / CONFIG_FILE, "plt_num_loops", 1), "pack.json describes"),
    ],
)
def test_a_broken_pack_is_left_out_and_the_named_one_goes_on(one, two, damage, reason, caplog):
    alone = said(run(Engine.load(one.folder, OPTIONS), loops=1))
    damage(two)
    engine = whole(Engine.load(one.folder, OPTIONS))
    [message] = engine.info.left_out
    assert reason in message
    assert caplog.messages == [message]
    assert engine.info.loops == (1,)
    again = run(engine, loops=1)
    assert (again.text, again.log_probabilities) == alone
    with pytest.raises(LoopCountError):
        run(engine, loops=2)


def test_a_pack_that_goes_away_before_it_is_loaded_leaves_its_place_to_the_next_best(folder, one, two):
    pack_of(folder, "another-two", 2, 0.9)
    engine = Engine.load(one.folder, OPTIONS)
    shutil.rmtree(folder / "another-two")
    assert whole(engine).info.loops == (1, 2)
    output = run(engine, loops=2)
    assert (output.text, output.log_probabilities) == said(run(Engine.load(two.folder, OPTIONS)))
    assert engine.info.left_out[0].startswith("The pack another-two is left out of the family tiny: ")


def test_all_packs_together_keep_to_the_cap_on_memory(one, two):
    weights = [Engine.load(pack.folder, OPTIONS).info.weights_bytes for pack in (one, two)]
    caches = 2 << 20
    roomy = replace(OPTIONS, memory_bytes=CPU_WORKING_BYTES + sum(weights) + caches)
    engine = whole(Engine.load(one.folder, roomy))
    assert engine.info.loops == (1, 2)
    for i in range(60):
        run(engine, TEXT, session_id=f"{i}", workspace_id=f"{i}", loops=1 + i % 2, stop=StopSpec(max_tokens=1))
    assert caches // 2 < engine.cache_bytes <= caches + (1 << 18), "all but the one in use"
    tight = whole(Engine.load(one.folder, replace(roomy, memory_bytes=CPU_WORKING_BYTES + sum(weights))))
    assert tight.info.loops == (1,)
    [message] = tight.info.left_out
    assert re.search(r"family tiny: The cap on memory is 0\.5 GiB, of which 0\.0 GiB is taken, and the model", message)
    assert run(tight).metrics.loops == 1


def test_caches_that_are_too_large_for_what_is_left_shrink_when_another_pack_comes(one, two):
    weights = [Engine.load(pack.folder, OPTIONS).info.weights_bytes for pack in (one, two)]
    cap = CPU_WORKING_BYTES + sum(weights) + (1 << 20)
    engine = Engine.load(one.folder, replace(OPTIONS, memory_bytes=cap))
    for i in range(60):
        run(engine, TEXT, session_id=f"{i}", workspace_id=f"{i}", stop=StopSpec(max_tokens=1))
    assert engine.cache_bytes > 1 << 20
    assert whole(engine).info.loops == (1, 2)
    assert engine.cache_bytes <= 1 << 20


def test_packs_without_a_family_or_of_another_one_are_alone(folder, one):
    pack_of(folder, "two", 2, 1.0, family=None)
    pack_of(folder, "three", 3, 0.9, family="other")
    assert family_of(one) == Family((one,))
    assert family_of(load_pack(folder / "two")).left_out == ()


def test_the_fingerprint_changes_with_every_pack_of_the_family_and_no_other(folder, one, two):
    other = pack_of(folder, "other", 1, 1.0, family=None)
    seen = [pack_fingerprint(one.folder)]
    changed(other.folder / MANIFEST_FILE, "title", "Another title")
    assert pack_fingerprint(one.folder) == seen[0]
    changed(two.folder / MANIFEST_FILE, "title", "Another title")
    seen.append(pack_fingerprint(one.folder))
    pack_of(folder, "three", 3, 0.9)
    seen.append(pack_fingerprint(one.folder))
    changed(one.folder / MANIFEST_FILE, "title", "Another title")
    seen.append(pack_fingerprint(one.folder))
    assert len(set(seen)) == 4
    (folder / "broken").mkdir()
    (folder / "broken" / MANIFEST_FILE).write_text("[")
    assert pack_fingerprint(one.folder) == seen[-1]
    assert pack_fingerprint(folder / "nowhere") == ""

"""Budgets in a whole engine, with a tiny PLT pack of two certified counts: what is decided, learned and kept."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from plt_engine.engine import Engine, EngineOptions
from plt_engine.generate import AnswerEnd
from plt_engine.latency import LatencyModel, LoopModel, Measurement, Work
from plt_engine.latency_store import LatencyStore, Setup
from plt_engine.pack import DATA_DIR_VARIABLE, Pack, cache_dir
from plt_engine.planner import contexts_of
from plt_engine.types import DecisionReason, GenerationOutput, GenerationRequest, Prompt, RequestKind, StopSpec
from tests.packs import tiny_pack

TEXT = "class Counter:\n    def increment(self):\n        self.value += 1\n        return self.value\n\n\n" * 4
LONG = TEXT * 3
# A slow machine: with a context of 300 tokens, one more takes 10 ms with one loop and 20 ms with two.
SLOW = LatencyModel(
    {
        1: LoopModel((1.0, 1.0, 1e-6, 10.0, 1e-6), 10, spread=0.0),
        2: LoopModel((1.0, 1.0, 1e-6, 20.0, 1e-6), 10, spread=0.0),
    }
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Pack:
    return tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", loops=2)


@pytest.fixture
def engine(pack) -> Engine:
    return Engine.load(pack.folder, EngineOptions(num_threads=1, verify_hashes=False))


def slow_engine(engine: Engine) -> Engine:
    engine._named.speed.learn(SLOW)
    return engine


def run(engine: Engine, text: str = TEXT, **fields) -> GenerationOutput:
    request = GenerationRequest(
        "request", "session", Prompt(text), stop=StopSpec(max_tokens=24), kind=RequestKind.TYPING
    )
    *_, output = engine.generate(replace(request, **fields))
    return output


def test_before_anything_is_measured_the_packs_default_is_run_and_nothing_is_cut(engine):
    decision = run(engine, budget_ms=1.0).metrics.decision
    assert (decision.loops, decision.reason) == (2, DecisionReason.NOT_MEASURED)
    assert decision.num_prompt_tokens == decision.num_whole_tokens == decision.num_uncached_tokens
    assert decision.predicted_ms is None


def test_without_a_budget_nothing_is_decided_but_the_outcome_is_told(engine):
    metrics = run(engine).metrics
    assert (metrics.decision.reason, metrics.decision.loops) == (DecisionReason.NO_BUDGET, 2)
    assert metrics.decision.is_within_budget is None
    assert metrics.decision.answer_ms >= metrics.answer_ms > 0


def test_a_small_budget_takes_fewer_loops_and_a_large_one_all(engine):
    run(engine)
    slow_engine(engine)
    few = run(engine, budget_ms=150.0).metrics
    assert (few.loops, few.decision.loops, few.decision.reason) == (1, 1, DecisionReason.FEWER_LOOPS)
    assert few.num_cached_tokens == few.num_prompt_tokens - 1, "the shared KV stays"
    many = run(slow_engine(engine), session_id="other", budget_ms=100_000.0).metrics
    assert (many.loops, many.decision.reason) == (2, DecisionReason.FITS)


def test_what_is_asked_for_comes_before_the_budget(engine):
    metrics = run(slow_engine(engine), budget_ms=1.0, loops=2).metrics
    assert (metrics.loops, metrics.decision.asked_loops) == (2, 2)


def test_a_prompt_too_long_for_the_budget_is_cut_and_the_end_of_it_is_what_stays(engine):
    whole = run(slow_engine(engine), LONG, workspace_id="elsewhere").metrics
    cut = run(slow_engine(engine), LONG, budget_ms=200.0).metrics
    assert whole.num_prompt_tokens > 256 >= cut.num_prompt_tokens
    assert cut.decision.reason is DecisionReason.LESS_CONTEXT
    assert cut.decision.num_whole_tokens == whole.num_prompt_tokens
    again = run(slow_engine(engine), LONG + "c", budget_ms=200.0).metrics
    assert again.num_cached_tokens > 200, "the next key press goes on from what was read"


def test_the_whole_text_of_one_who_asked_ends_with_the_budget(engine):
    budget = {"kind": RequestKind.INVOKED, "budget_ms": 600.0}
    run(engine)
    metrics = run(slow_engine(engine), **budget, stop=StopSpec(max_tokens=200)).metrics
    assert 16 <= metrics.decision.num_answer_tokens < 80
    assert metrics.num_generated_tokens <= metrics.decision.num_answer_tokens


def test_typing_goes_on_behind_the_answer(engine):
    run(engine)
    metrics = run(slow_engine(engine), loops=1, budget_ms=60.0).metrics
    assert metrics.decision.num_answer_tokens < 8
    assert metrics.num_answer_tokens <= metrics.decision.num_answer_tokens
    assert metrics.num_generated_tokens > metrics.num_answer_tokens


def test_it_learns_from_what_requests_take_and_a_request_without_a_token_teaches_nothing(engine):
    def refuse() -> bool:
        return True

    list(engine.generate(GenerationRequest("a", "s", Prompt(TEXT)), refuse))
    assert engine.latencies == ()
    for i in range(4):
        run(engine, TEXT + "x" * i, loops=1)
    one, two = engine.latencies
    assert (one.loops, two.loops, two.num_measured) == (1, 2, 0)
    assert one.num_measured >= 4
    assert one.token_ms > 0


def test_the_measuring_while_idle_is_over_in_a_few_steps_and_stops_for_whoever_comes(engine):
    assert engine.idle(lambda: True)
    assert engine.latencies == ()
    num_steps = 1
    while engine.idle(lambda: False):
        num_steps += 1
        assert num_steps < 200
    assert [one.num_measured > 0 for one in engine.latencies] == [True, True]
    assert not engine.idle(lambda: False)


def test_what_was_measured_is_kept_for_the_next_start(pack, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    options = EngineOptions(num_threads=1, keeps_latency=True)
    first = Engine.load(pack.folder, options)
    while first.idle(lambda: False):
        pass
    second = Engine.load(pack.folder, options)
    assert second.latencies == first.latencies
    assert not second.idle(lambda: False), "nothing is left to be measured"
    [file] = (cache_dir() / "latency").iterdir()
    assert file.name.startswith("tiny-")


def test_nothing_is_kept_unless_asked_for(engine, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    while engine.idle(lambda: False):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def store(pack, tmp_path) -> LatencyStore:
    return LatencyStore.of(Setup.of(pack.manifest, "cpu", "float32", 1), tmp_path)


def file_of(folder: Path) -> Path:
    [file] = folder.glob("*.json")
    return file


def test_a_model_survives_being_written_and_read(store):
    model = SLOW.observe(Measurement(2, Work(1, 100, 3, 700), 55.5))
    store.save(model)
    assert store.load() == model


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 99, "loops": {}}',
        b'{"version": 1}',
        b'{"version": 1, "loops": {"x": {}}}',
        b'{"version": 1, "loops": {"1": {"coefficients": [1, 2], "num_measured": 3, "error": 0.1, "spread": 0.1}}}',
        b'{"version": 1, "loops": {"1": {"coefficients": [1,1,1,1,-1], "num_measured": 3, "error": 0.1, "spread": 0}}}',
        b'{"version": 1, "loops": {"1": {"coefficients": [1,1,1,1,1], "num_measured": 3, "error": -1, "spread": 0}}}',
        b'{"version": 1, "loops": {"1": {"coefficients": [1,1,1,1,1e999], "num_measured": 3}}}',
        "\xff\xfe".encode("latin-1"),
    ],
)
def test_a_broken_file_is_begun_anew_and_the_log_says_so(store, tmp_path, caplog, content):
    store.save(SLOW)
    file_of(tmp_path).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert store.load() == LatencyModel()
    assert "measured anew" in caplog.text
    store.save(SLOW)
    assert store.load() == SLOW


def test_a_folder_that_cannot_be_written_is_no_fault(pack, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    store = LatencyStore.of(Setup.of(pack.manifest, "cpu", "float32", 1), tmp_path / "file")
    store.save(SLOW)
    assert "is not kept" in caplog.text


def test_other_threads_and_other_weights_have_files_of_their_own(pack, tmp_path):
    for threads in (1, 2):
        LatencyStore.of(Setup.of(pack.manifest, "cpu", "float32", threads), tmp_path).save(SLOW)
    other = replace(pack.manifest, files={**pack.manifest.files, "model.safetensors": "0" * 64})
    LatencyStore.of(Setup.of(other, "cpu", "float32", 1), tmp_path).save(SLOW)
    assert len(list(tmp_path.iterdir())) == 3


def test_contexts_are_the_whole_prompt_and_then_powers_of_two():
    assert contexts_of(1000, 256) == (1000, 512, 256)
    assert contexts_of(1024, 256) == (1024, 512, 256)
    assert contexts_of(256, 256) == (256,)
    assert contexts_of(1, 256) == (1,)
    assert contexts_of(5000, None) == (5000,)


def test_an_answer_ends_with_its_first_line_that_is_not_blank_or_after_so_many_tokens():
    line, both, neither = AnswerEnd(with_line=True), AnswerEnd(3, with_line=True), AnswerEnd()
    assert [line.is_reached(9, text) for text in ("", "\n  ", "\n  x", "\n  x\n")] == [False, False, False, True]
    assert [both.is_reached(n, "x") for n in (2, 3, 4)] == [False, True, True]
    assert not neither.is_reached(1000, "a\nb\nc")

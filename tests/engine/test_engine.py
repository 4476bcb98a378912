"""The engine on tiny real packs: streaming, sessions, aborts, deadlines, and what it refuses."""

import os
import weakref
from dataclasses import replace

import pytest

from plt_engine import pack as packs
from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import LoopCountError, PackHashError, RequestError
from plt_engine.types import (
    FinishReason,
    GenerationChunk,
    GenerationOutput,
    GenerationRequest,
    Prompt,
    SamplingParams,
    StopSpec,
    StopUnit,
)
from plt_engine.wire import EngineConfig, Output
from plt_engine.worker import EngineWorker, Job
from tests.packs import tiny_pack

OPTIONS = EngineOptions(dtype="float32")
TEXT = "def add(first, second):\n    return first"


@pytest.fixture(scope="module")
def pack_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs") / "tiny"
    tiny_pack(folder, loops=2)
    return folder


@pytest.fixture
def engine(pack_dir):
    return Engine.load(pack_dir, OPTIONS)


def request(prefix=TEXT, session="a", loops=None, **stop):
    return GenerationRequest("r", session, Prompt(prefix), stop=StopSpec(**{"max_tokens": 12, **stop}), loops=loops)


def run(engine, asked, should_abort=lambda: False):
    """The output, after a check that the chunks before it add up to its text."""
    *chunks, output = engine.generate(asked, should_abort)
    assert all(isinstance(chunk, GenerationChunk) for chunk in chunks)
    assert isinstance(output, GenerationOutput)
    assert "".join(chunk.text for chunk in chunks) == output.text
    return output


def test_an_output_says_what_it_cost(engine):
    output = run(engine, request())
    metrics = output.metrics
    assert output.finish_reason is FinishReason.LENGTH
    assert metrics.num_generated_tokens == 12
    assert metrics.num_cached_tokens == 0
    assert metrics.num_computed_tokens == metrics.num_prompt_tokens > 1
    assert metrics.loops == engine.info.default_loops
    assert 0 < metrics.ttft_ms <= metrics.total_ms
    assert metrics.tokens_per_second > 0


@pytest.mark.parametrize("loops", [1, 2])
def test_a_session_goes_on_from_what_it_shares_and_answers_as_a_fresh_one(engine, pack_dir, loops):
    run(engine, request(loops=loops))
    for prefix in (TEXT + " ", TEXT + " + s", TEXT, TEXT[:20], TEXT[:20] + "x", ""):
        warm = run(engine, request(prefix, loops=loops))
        cold = run(Engine.load(pack_dir, OPTIONS), request(prefix, loops=loops))
        assert warm.text == cold.text
        assert cold.metrics.num_cached_tokens == 0
        if prefix.startswith(TEXT):
            assert warm.metrics.num_computed_tokens <= 8


def test_a_session_may_change_its_loop_count_and_keep_the_shared_kv(engine, pack_dir):
    for loops in (1, 2, 1, 2):
        warm = run(engine, request(TEXT * 3, loops=loops))
        assert warm.metrics.loops == loops
        assert warm.text == run(Engine.load(pack_dir, OPTIONS), request(TEXT * 3, loops=loops)).text
    assert warm.metrics.num_computed_tokens == 1


def test_a_closed_session_is_forgotten(engine):
    run(engine, request(session="a"))
    engine.close_session("a")
    assert run(engine, request(session="a")).metrics.num_cached_tokens == 0


def test_a_long_prefix_is_shared_within_a_workspace_and_never_across(engine, pack_dir):
    first = run(engine, request(TEXT * 8, session="a"))
    shared = run(engine, request(TEXT * 8 + " +", session="b"))
    assert shared.metrics.num_cached_tokens >= first.metrics.num_prompt_tokens - 4
    assert shared.text == run(Engine.load(pack_dir, OPTIONS), request(TEXT * 8 + " +")).text
    assert run(engine, request(TEXT * 8, session="a")).metrics.num_computed_tokens == 1
    elsewhere = replace(request(TEXT * 8, session="c"), workspace_id="another")
    assert run(engine, elsewhere).metrics.num_cached_tokens == 0


def test_alternatives_differ(engine):
    output = run(engine, replace(request(), num_alternatives=3))
    assert len(output.alternatives) == 2
    assert len({output.text, *output.alternatives}) == 3
    assert run(engine, request()).text == output.text


def test_log_probabilities_are_those_of_the_tokens(engine):
    output = run(engine, replace(request(), log_probabilities=True, heals_tokens=False))
    assert len(output.log_probabilities) == output.metrics.num_generated_tokens
    assert all(p <= 0 for p in output.log_probabilities)
    assert run(engine, request()).log_probabilities == ()


def test_a_text_ends_where_the_model_is_no_longer_sure(engine):
    sure = run(engine, replace(request(min_probability=1e-9), heals_tokens=False))
    assert sure.finish_reason is FinishReason.LENGTH
    unsure = run(engine, replace(request(min_probability=0.999), heals_tokens=False))
    assert unsure.finish_reason is FinishReason.UNSURE
    assert sure.text.startswith(unsure.text)
    assert len(unsure.text) < len(sure.text)


def test_the_session_not_used_for_longest_goes_first(pack_dir):
    probe = Engine.load(pack_dir, OPTIONS)
    run(probe, request())
    engine = Engine.load(pack_dir, EngineOptions(dtype="float32", cache_bytes=2 * probe.cache_bytes))
    for session in ("a", "b", "a", "c"):
        run(engine, request(session=session))
    assert run(engine, request(session="a")).metrics.num_cached_tokens > 0
    assert run(engine, request(session="b")).metrics.num_cached_tokens == 0


@pytest.mark.parametrize("num_asked", [0, 1, 2, 5])
def test_an_abort_ends_within_one_token_and_leaves_the_session_whole(engine, pack_dir, num_asked):
    answers = iter([False] * num_asked + [True] * 100)
    output = run(engine, request(), lambda: next(answers))
    assert output.finish_reason is FinishReason.ABORTED
    assert output.metrics.num_generated_tokens <= max(0, num_asked)
    assert run(engine, request()).text == run(Engine.load(pack_dir, OPTIONS), request()).text


def test_a_dropped_iterator_leaves_the_session_whole(engine, pack_dir):
    events = engine.generate(request())
    next(events)
    events.close()
    assert run(engine, request()).text == run(Engine.load(pack_dir, OPTIONS), request()).text


def test_a_deadline_that_has_passed_gives_what_there_is(engine):
    output = run(engine, request(deadline_ms=0.0))
    assert output.finish_reason is FinishReason.DEADLINE
    assert output.metrics.num_generated_tokens <= 1


def test_a_line_has_no_line_end(engine):
    output = run(engine, request(unit=StopUnit.LINE, max_tokens=60))
    assert "\n" not in output.text


def test_a_seed_repeats_a_sample(pack_dir):
    def sample():
        params = SamplingParams(temperature=1.5, seed=4)
        return run(
            Engine.load(pack_dir, OPTIONS),
            GenerationRequest("r", "a", Prompt(TEXT), sampling=params, stop=StopSpec(max_tokens=20)),
        ).text

    assert sample() == sample()


def test_a_suffix_changes_the_prompt_of_a_pack_with_a_fim_format(engine):
    alone = run(engine, request())
    asked = GenerationRequest("r", "b", Prompt(TEXT, "\n\nprint(add(1, 2))\n"), stop=StopSpec(max_tokens=12))
    assert run(engine, asked).metrics.num_prompt_tokens > alone.metrics.num_prompt_tokens


@pytest.mark.parametrize(("loops", "why"), [(0, "number from 1"), (3, "no evidence"), (-1, "number from 1")])
def test_a_loop_count_without_evidence_is_refused_with_the_counts_to_choose_from(engine, loops, why):
    with pytest.raises(LoopCountError, match=rf"loops is {loops}\b.* {why}.* evidence for 1, 2\."):
        run(engine, request(loops=loops))


def test_a_forced_loop_count_runs_and_says_so_in_its_result(pack_dir, tmp_path):
    forcing = Engine.load(pack_dir, EngineOptions(dtype="float32", force_loops=True))
    forced = run(forcing, request(loops=3)).metrics
    assert (forced.loops, forced.is_forced) == (3, True)
    assert not run(forcing, request(loops=2)).metrics.is_forced
    tiny_pack(tmp_path / "dense", loops=1)
    with pytest.raises(LoopCountError, match="dense: it has no gates"):
        run(Engine.load(tmp_path / "dense", EngineOptions(dtype="float32", force_loops=True)), request(loops=2))


def test_a_result_says_how_many_token_layers_its_prompt_took(engine):
    def token_layers(loops, session):
        metrics = run(engine, request(TEXT * 4, session=session, loops=loops)).metrics
        return metrics.num_token_layers, metrics.num_prompt_tokens

    layers = engine._named.runner.config.num_hidden_layers
    one, num_tokens = token_layers(1, "one")
    assert one == (layers - 1) * num_tokens + 1  # the last layer runs where its output is wanted only
    two, _ = token_layers(2, "two")
    assert one < two < 2 * layers * num_tokens
    again = run(engine, request(TEXT * 4, session="two", loops=2)).metrics
    assert again.num_token_layers < two


def test_max_tokens_is_checked(engine):
    with pytest.raises(RequestError, match="max_tokens is 0"):
        run(engine, request(max_tokens=0))


def test_a_prompt_over_the_context_is_cut_to_it(pack_dir):
    engine = Engine.load(pack_dir, EngineOptions(dtype="float32", max_context_tokens=100))
    output = run(engine, request(TEXT * 50, max_tokens=20))
    assert output.metrics.num_prompt_tokens <= 80
    assert output.metrics.num_generated_tokens == 20


def test_a_changed_file_is_found_before_it_is_used(tmp_path):
    tiny_pack(tmp_path / "tiny")
    weights = tmp_path / "tiny" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(PackHashError, match=r"model\.safetensors"):
        Engine.load(tmp_path / "tiny", OPTIONS)


def test_a_file_that_was_found_right_is_read_again_only_after_a_change(tmp_path, monkeypatch):
    monkeypatch.setenv("PLT_LSP_DATA_DIR", str(tmp_path / "data"))
    pack = tiny_pack(tmp_path / "tiny")
    hashed = []
    real = packs._pieces
    monkeypatch.setattr(packs, "_pieces", lambda path: hashed.append(path.name) or real(path))
    Engine.load(pack.folder, OPTIONS)
    assert sorted(hashed) == sorted(pack.manifest.files)
    hashed.clear()
    Engine.load(pack.folder, OPTIONS)
    assert hashed == []
    weights = pack.folder / "model.safetensors"
    times, data = weights.stat(), bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))  # even a change that hides behind its old time
    with pytest.raises(PackHashError, match=r"model\.safetensors"):
        Engine.load(pack.folder, OPTIONS)
    (tmp_path / "data" / "verified.json").write_text("not json")
    with pytest.raises(PackHashError, match=r"model\.safetensors"):
        Engine.load(pack.folder, OPTIONS)


def test_an_engine_process_lets_go_of_a_model_before_it_reads_another(pack_dir):
    engines, num_alive, answers = [], [], []

    def load(folder, options):
        num_alive.append(sum(engine() is not None for engine in engines))
        engine = Engine.load(folder, OPTIONS)
        engines.append(weakref.ref(engine))
        return engine

    worker = EngineWorker(load)
    for fingerprint in ("old", "new"):
        config = EngineConfig(str(pack_dir), fingerprint=fingerprint)
        worker._run_job(Job(fingerprint, config, request(), reply=lambda _: None, finish=answers.append))
    assert [type(answer) for answer in answers] == [Output, Output]
    assert num_alive == [0, 0]

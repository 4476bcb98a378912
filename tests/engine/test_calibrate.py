"""`models calibrate`: what it measures, what it makes of it, and that the pack stays whole whatever happens."""

import json
import os
from dataclasses import replace

import pytest

from plt_engine import calibrate as module
from plt_engine.calibrate import Measured, judge, read_samples, with_evidence, write_manifest
from plt_engine.cli import EXIT_OK, main
from plt_engine.engine import Engine, EngineOptions
from plt_engine.family import family_of, loop_options
from plt_engine.pack import DATA_DIR_VARIABLE, MANIFEST_FILE, Pack, cache_dir, find_pack, load_pack, verify_pack
from plt_engine.pack_manifest import EXACT, QUALITY, SAMPLE, EvidenceKind
from plt_engine.types import LoopLatency
from tests.packs import tiny_pack

SPEED = LoopLatency(1, 10.0, 50.0, 0.1, 12)


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    return tmp_path


def pack_of(folder, **arguments) -> Pack:
    return tiny_pack(folder / "packs" / "tiny", **arguments)


def measured(**bits: float) -> list[Measured]:
    return [Measured(int(name[1:]), value, 0.5, replace(SPEED, loops=int(name[1:]))) for name, value in bits.items()]


def evidence(pack: Pack, **bits: float) -> dict[int, str | None]:
    return {one.loops: one.evidence for one in judge(measured(**bits), pack.manifest)}


def test_a_count_that_was_trained_keeps_its_evidence_and_others_get_it_where_they_are_useful(data_dir):
    pack = pack_of(data_dir, loops=3, certified=[2])
    trained, useful = EvidenceKind.TRAINED, EvidenceKind.CALIBRATED
    assert evidence(pack, r1=1.1, r2=1.0, r3=1.0) == {1: None, 2: trained, 3: None}
    assert evidence(pack, r1=1.015, r2=1.0, r3=0.99) == {1: useful, 2: trained, 3: useful}
    assert evidence(pack, r1=5.0, r2=9.0, r3=9.5) == {1: useful, 2: trained, 3: None}


def test_figures_are_added_to_the_evidence_and_a_count_of_no_use_loses_its_place(data_dir):
    pack = pack_of(data_dir, loops=2, certified=[2])
    both = with_evidence(pack.manifest, judge(measured(r1=1.0, r2=1.0), pack.manifest), "a.py", "cpu, 1 threads")
    assert both.loop_counts == (1, 2)
    assert both.loops[1].evidence.detail == pack.manifest.loops[0].evidence.detail
    figures = both.loops[1].evidence.figures
    assert (figures[QUALITY], figures[EXACT], figures["token_ms"]) == (1.0, 0.5, 10.0)
    assert figures[SAMPLE] == "a.py"
    assert [option.bits_per_byte for option in loop_options(both)] == [1.0, 1.0]
    again = with_evidence(both, judge(measured(r1=2.0, r2=1.0), both), "a.py", "cpu, 1 threads")
    assert again.loop_counts == (2,)


def test_the_manifest_is_replaced_whole_and_a_failure_leaves_the_old_one(data_dir, monkeypatch):
    pack = pack_of(data_dir, loops=2)
    other = replace(pack.manifest, title="Another title")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("the power fails")))
    with pytest.raises(OSError, match="power"):
        write_manifest(pack, other)
    assert load_pack(pack.folder).manifest == pack.manifest
    monkeypatch.undo()
    write_manifest(pack, other)
    assert load_pack(pack.folder).manifest == other


def test_a_pack_that_came_with_the_package_is_copied_for_the_user(data_dir, tmp_path_factory, monkeypatch):
    shipped = tmp_path_factory.mktemp("shipped")
    pack = tiny_pack(shipped / "tiny", loops=2)
    monkeypatch.setattr(module, "shipped_dir", lambda: shipped)
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(data_dir))
    before = (pack.folder / MANIFEST_FILE).read_bytes()
    copy = write_manifest(pack, replace(pack.manifest, title="Another title"))
    assert copy.folder == data_dir / "packs" / "tiny" == find_pack("tiny")
    verify_pack(load_pack(copy.folder))
    assert (pack.folder / MANIFEST_FILE).read_bytes() == before


def test_the_score_is_that_of_the_logits_and_the_samples_have_lines_to_complete(data_dir):
    pack = pack_of(data_dir, loops=2)
    engine = Engine.load(pack.folder, EngineOptions(num_threads=1))
    bits, num_bytes = engine.score("def add(a, b):\n    return a + b\n", 2)
    assert 0 < num_bytes < 32
    assert bits / num_bytes > 1, "random weights know nothing"
    for sample in read_samples():
        assert len(sample.cursors) > 12
        assert len(sample.text) > 1500
        assert all(sample.rest_of_line(cursor) for cursor in sample.cursors)


def test_the_command_measures_every_count_and_notes_it(data_dir, monkeypatch, capsys):
    pack = pack_of(data_dir, loops=2, certified=[2])
    few = [replace(sample, cursors=sample.cursors[:2]) for sample in read_samples()]
    monkeypatch.setattr(module, "read_samples", lambda: few)
    assert main(["models", "calibrate", "tiny", "--threads", "1", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    assert [one["loops"] for one in told["measured"]] == [1, 2]
    assert told["lines"] == 4
    manifest = load_pack(pack.folder).manifest
    assert QUALITY in manifest.loops[-1].evidence.figures
    assert list((cache_dir() / "latency").iterdir()), "the server need not measure it again"
    assert manifest.family is None
    other = tiny_pack(data_dir / "packs" / "other", certified=[1], name="other")
    for name in ("tiny", "other"):
        assert main(["models", "calibrate", name, "--threads", "1", "--family", "ours"]) == EXIT_OK
    family = family_of(load_pack(pack.folder))
    assert [one.manifest.name for one in family.packs] == ["tiny", "other"]
    assert load_pack(other.folder).manifest.family == "ours"
    capsys.readouterr()
    assert main(["models", "calibrate", "tiny", "--threads", "1"]) == EXIT_OK
    assert load_pack(pack.folder).manifest.family == "ours"
    table = capsys.readouterr().out
    assert "trained" in table
    assert "4 lines" in table

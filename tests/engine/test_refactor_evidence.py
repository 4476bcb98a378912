"""What a pack says of refactorings that its model wrote, and the shares that it is made of."""

from dataclasses import replace

import pytest

from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import PackFormatError
from plt_engine.evaluation.refactor import Result, evidence_of, result_of, shares, to_markdown
from plt_engine.pack_manifest import dump_manifest, parse_manifest
from plt_engine.types import RefactorEvidence
from tests.packs import tiny_pack

EVIDENCE = {"addDocstring": RefactorEvidence(12, 20)}


def test_it_goes_through_the_manifest_and_a_pack_without_it_stays_as_it_was(tmp_path):
    manifest = tiny_pack(tmp_path / "tiny", loops=1).manifest
    assert b"refactor_evidence" not in dump_manifest(manifest)
    assert parse_manifest(dump_manifest(manifest), "pack.json") == manifest
    measured = replace(manifest, refactor_evidence=EVIDENCE)
    assert parse_manifest(dump_manifest(measured), "pack.json") == measured


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b'{"valid": 21, "num_cases": 20}', "must be from 0 to num_cases"),
        (b'{"valid": 0, "num_cases": 0}', "and that 1 or more"),
        (b'{"valid": 1}', "num_cases is missing"),
        (b'{"valid": 1, "num_cases": 2, "x": 1}', "no such key"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, wrong, words):
    manifest = replace(tiny_pack(tmp_path / "tiny", loops=1).manifest, refactor_evidence={"a": RefactorEvidence(3, 4)})
    text = dump_manifest(manifest)
    start = text.index(b"{", text.index(b'"a":'))
    with pytest.raises(PackFormatError, match=words):
        parse_manifest(text[:start] + wrong + text[text.index(b"}", start) + 1 :], "pack.json")


def test_an_engine_says_what_its_pack_can_do_and_what_was_measured(tmp_path):
    pack = tiny_pack(tmp_path / "tiny", loops=1)
    info = Engine.load(pack.folder, EngineOptions(num_threads=1)).info
    assert info.can_chat == (pack.manifest.chat is not None)
    assert info.can_infill == (pack.manifest.fim is not None)
    assert info.refactor_evidence == {}


def raw(kind, outcome="proposed", repairs=0, refusal=None, first_fault=""):
    return {"kind": kind, "outcome": outcome, "repairs": repairs, "refusal": refusal, "first_fault": first_fault}


def test_shares_count_what_held_at_once_and_in_the_end():
    told = [
        *[raw("a")] * 5,
        *[raw("a", repairs=1, first_fault="It was | wrong.")] * 3,
        *[raw("a", "refused", 1, "Still wrong.", "It was | wrong.")] * 2,
        raw("b", "deadline", 0, "It took longer than 20 seconds."),
    ]
    results = [result_of(one) for one in told]
    assert results[5] == Result("a", is_kept=True, is_repaired=True, fault="It was | wrong.")
    first, second = shares(results, seed=0)
    assert (first.at_once.mean, first.kept.mean, first.num_kept) == (0.5, 0.8, 8)
    assert first.at_once.low < 0.5 < first.at_once.high
    assert (second.kept.mean, second.kept.low, second.kept.high) == (0, 0, 0)
    assert evidence_of([first, second]) == {"a": RefactorEvidence(8, 10), "b": RefactorEvidence(0, 1)}
    table = to_markdown({"seed": 0}, [first, second])
    assert "| a | 10 | 0.50 [" in table
    assert "It was \\| wrong. (3); Still wrong. (2)" in table

"""The evaluation of refactorings: cases drawn by a seed, shares with intervals, and what they do to offers."""

import asyncio
import json
import os

import pytest

from plt_engine.pack import find_pack, load_pack
from plt_engine.types import EngineInfo, RefactorEvidence
from plt_engine.wire import EngineConfig
from plt_lsp.cli import main
from plt_lsp.engine_process import HostCommand
from plt_lsp.evaluation.refactor import run_cases
from plt_lsp.evaluation.refactor_cases import RefactorCase, SourceText, draw, shipped
from plt_lsp.refactor.written.api import abilities_of, offers
from plt_lsp.refactor.written.kinds import NAMES
from tests.lsp.conftest import FACTORY, ROOT
from tests.lsp.scripted_engine import write_script
from tests.packs import tiny_pack


@pytest.fixture(autouse=True)
def _packages(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, ROOT / "engine", ROOT / "kernels"))))


def test_a_seed_draws_the_same_cases_of_every_kind():
    cases = draw(shipped(), NAMES, 10, seed=3)
    assert cases == draw(shipped(), NAMES, 10, seed=3)
    assert cases != draw(shipped(), NAMES, 10, seed=4)
    assert {kind: sum(case.kind == kind for case in cases) for kind in NAMES} == dict.fromkeys(NAMES, 10)
    assert all(case.is_possible for case in cases)


def test_a_docstring_is_taken_out_and_a_problem_planted():
    text = 'def size(words):\n    """How many."""\n    number = len(words)\n    return number\n'
    source = SourceText("p", "a.py", "python", text)
    (case,) = draw([source], ["addDocstring"], 5, seed=0)
    assert case.file.text == text.replace('    """How many."""\n', "")
    (case,) = draw([source], ["fixProblem"], 5, seed=0)
    wrong = case.problem.message.removeprefix("Undefined name `").removesuffix("`")
    assert wrong in ("numbex", "wordx")
    assert case.file.text.count(wrong) == 1
    assert case.file.text.split("\n")[case.cursor.line][case.cursor.column :].startswith(wrong)


def test_what_comes_of_a_case_is_told(tmp_path):
    folder = write_script(
        tmp_path / "pack", info={"can_chat": True}, answers=["Tell how many words there are.", "", ""], stops=True
    )
    source = SourceText("p", "a.py", "python", "def size(words):\n    number = len(words)\n    return number\n")
    cases = [
        RefactorCase(kind, source, "size", draw([source], [kind], 1, 0)[0].cursor) for kind in ("addDocstring",) * 2
    ]
    seen = []
    results = asyncio.run(run_cases(cases, EngineConfig(str(folder)), HostCommand(engine_factory=FACTORY), seen.append))
    assert [(one["outcome"], one["repairs"]) for one in results] == [("proposed", 0), ("refused", 1)]
    assert results[1]["refusal"] == "The model wrote nothing."
    assert seen == ["addDocstring", "addDocstring"]


def test_the_command_measures_with_the_real_engine_and_writes_what_it_found(tmp_path, data_dir, monkeypatch, capfd):
    monkeypatch.setenv("PLT_LSP_DATA_DIR", str(data_dir))
    tiny_pack(data_dir / "packs" / "tiny", loops=1)
    out, kinds = tmp_path / "out.json", ["addDocstring", "writeTest"]
    words = ["--cases", "1", "--threads", "1", "--json", str(out), "--write-evidence", "--kinds", *kinds]
    assert main(["eval", "refactor", "tiny", *words]) == 0
    printed = capfd.readouterr().out
    assert "| addDocstring | 1 | 0.00 [0.00, 0.00] | 0.00 [0.00, 0.00] |" in printed
    assert "pack tiny, seed 0, code shipped" in printed
    report = json.loads(out.read_text(encoding="utf-8"))
    assert [figure["num_cases"] for figure in report["figures"]] == [1, 1]
    assert len(report["results"]) == 2
    evidence = load_pack(find_pack("tiny")).manifest.refactor_evidence
    assert evidence == dict.fromkeys(kinds, RefactorEvidence(0, 1))
    info = EngineInfo(
        "tiny", (1,), 1, None, 512, "cpu", "float32", 1, 0.0, 0, can_chat=True, refactor_evidence=evidence
    )
    (case,) = draw(shipped(), ["addDocstring"], 1, seed=0)
    found = {one.name: one.disabled for one in offers(case.selection, (), abilities_of(info))}
    assert found["addDocstring"] == "Off for this model: 0 of 1 results were valid."
    assert found["simplify"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "There is no model pack 'nowhere'"),
        (["pack", "--kinds", "dance"], "'dance' is no written refactoring; there are addDocstring"),
        (["pack", "--held-out", "no such file"], "No such file"),
    ],
)
def test_the_command_says_what_it_lacks(words, message, capfd, data_dir, monkeypatch):
    monkeypatch.setenv("PLT_LSP_DATA_DIR", str(data_dir))
    tiny_pack(data_dir / "packs" / "pack", loops=1)
    assert main(["eval", "refactor", *words]) == 2
    assert message in capfd.readouterr().err

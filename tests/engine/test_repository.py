"""The repository mode on a tiny real pack: each case twice, differences from the same pack without other files."""

import json
from dataclasses import asdict, replace

import pytest

from plt_engine.engine import Engine, EngineOptions
from plt_engine.errors import RequestError
from plt_engine.evaluation import repository_cli
from plt_engine.evaluation.repository import (
    LineScore,
    Pair,
    complete_cases,
    pair_figures,
    read_cases,
)
from plt_engine.types import FileChunk, Prompt, RepositoryCase
from tests.packs import tiny_pack

ALONE = Prompt("class Counter:\n    def twice(self):\n        ", "\n\n\nprint(1)\n", "a.py")
OTHERS = replace(ALONE, chunks=(FileChunk("b.py", "def increment(self): ...\n"),), repo_name="counters")
CASES = [
    RepositoryCase("counters", "a.py", 2, "increment", ("python",), "return increment(self)", ALONE, OTHERS),
    RepositoryCase("counters", "c.py", 2, "increment", ("python", "rare"), "increment(self)", ALONE, ALONE),
]


def write_cases(path, cases, settings=None):
    data = {"settings": settings or {"seed": 3, "cases": len(cases)}, "cases": [asdict(case) for case in cases]}
    path.write_text(json.dumps(data))
    return path


def test_a_case_without_other_files_is_completed_once_and_scores_the_same(tmp_path):
    pack, steps = tiny_pack(tmp_path / "pack", loops=1), []
    engine = Engine.load(pack.folder, EngineOptions(num_threads=1))
    asked, generate = [], engine.generate
    engine.generate = lambda request: (asked.append(request.prompt), generate(request))[1]
    pair = complete_cases(engine, "tiny", CASES, 1, lambda: steps.append(1))
    assert asked == [ALONE, OTHERS, ALONE]
    assert len(steps) == 2
    assert pair.with_others[1] is pair.alone[1]
    assert pair.with_others[0].num_prompt_tokens > pair.alone[0].num_prompt_tokens


def test_differences_are_of_the_pairs_and_every_group_has_its_own():
    alone = [score(case, "x") for case in CASES]
    others = [score(CASES[0], CASES[0].expected), score(CASES[1], "x")]
    found = {
        (figure.arm, figure.title, figure.group): figure for figure in pair_figures([Pair("tiny", alone, others)], 0)
    }
    exact = found["tiny, with other files", "line exact match", "all"]
    assert (exact.value.mean, exact.difference.mean, exact.num_cases) == (0.5, 0.5, 2)
    assert found["tiny, with other files", "line exact match", "rare"].difference.mean == 0.0
    assert found["tiny, file alone", "line exact match", "all"].difference is None
    assert found["tiny, with other files", "name written", "all"].value.mean == 0.5


def score(case, found):
    return LineScore(case, found, 10)


def test_the_command_measures_every_loop_count_and_writes_what_it_prints(tmp_path, capsys):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    drawn = write_cases(tmp_path / "cases.json", CASES)
    outputs = ["--json", str(tmp_path / "out.json"), "--markdown", str(tmp_path / "out.md"), "--threads", "1"]
    assert repository_cli.main([str(pack.folder), "--drawn", str(drawn), *outputs]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out.md").read_text()
    assert "tiny R=1, file alone | tiny R=1, with other files | tiny R=2, file alone" in printed
    assert "seed 3, cases 2" in printed
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["samples"]["tiny R=2"][0]["chunks"] == ["b.py"]
    assert repository_cli.main([str(pack.folder), "--drawn", str(drawn), "--loops", "3"]) == 1
    assert "not 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("{", "holds no cases"), ('{"settings": {}, "cases": []}', "holds no case:")],
)
def test_a_file_without_cases_is_refused_with_the_remedy(tmp_path, text, message):
    path = tmp_path / "cases.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RequestError, match=message):
        read_cases(path)


def test_cases_are_read_as_they_were_written(tmp_path):
    found = read_cases(write_cases(tmp_path / "cases.json", CASES))
    assert list(found.cases) == CASES

"""The measuring of packs: metrics against naive counts, seeded cases, and the command on tiny real packs."""

import json
import math
from dataclasses import replace
from random import Random

import pytest
import torch
from torch.nn import functional as F

from plt_engine.evaluation import cli
from plt_engine.evaluation.cases import CURSORS, CaseCounts, draw_cases
from plt_engine.evaluation.measure import HoleScore, PieceScore, score_pieces
from plt_engine.evaluation.metrics import (
    bootstrap,
    edit_distance,
    edit_similarity,
    kept_share,
    paired_difference,
)
from plt_engine.evaluation.report import Arm, ArmScores, arm_of, figures, to_markdown
from plt_engine.loader import load_weights
from plt_engine.model import full_forward, logits
from plt_engine.pack import TOKENIZER_FILE, load_pack
from plt_engine.tokenizer import Tokenizer
from plt_engine.training.corpus import write_files
from plt_engine.training.sources import SourceFile
from tests.packs import tiny_pack

PYTHON = '''"""Shapes of a plane."""


class Circle:
    def __init__(self, radius):
        self.radius = radius
        self.points = []

    def area(self):
        squared = self.radius * self.radius
        return 3.14159 * squared

    def contains(self, x, y):
        distance = (x * x + y * y) ** 0.5
        if distance > self.radius:
            return False
        self.points.append((x, y))
        return True
'''
TYPESCRIPT = """export class Circle {
  constructor(readonly radius: number) {
    console.log("made", radius);
  }

  area(): number {
    const squared = this.radius * this.radius;
    return Math.round(3.14159 * squared);
  }
}
"""
FILES = [
    SourceFile("shapes", "shapes.py", "python", PYTHON * 2),
    SourceFile("web", "src/shapes.ts", "typescript", TYPESCRIPT * 3),
]


def naive_distance(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    same = naive_distance(a[1:], b[1:]) + (a[0] != b[0])
    return min(same, naive_distance(a[1:], b) + 1, naive_distance(a, b[1:]) + 1)


def test_edit_distance_is_the_naive_one():
    rng = Random(0)
    for _ in range(100):
        a, b = ("".join(rng.choices("abc", k=rng.randrange(6))) for _ in range(2))
        assert edit_distance(a, b) == naive_distance(a, b)


@pytest.mark.parametrize(
    ("found", "wanted", "similarity", "kept"),
    [
        ("", "", 1, 1),
        ("abcd", "abcd", 1, 1),
        ("abxd", "abcd", 0.75, 0.5),
        ("", "abcd", 0, 0),
        ("abcdef", "abc", 0.5, 1),
    ],
)
def test_similarity_and_kept_share(found, wanted, similarity, kept):
    assert edit_similarity(found, wanted) == similarity
    assert kept_share(found, wanted) == kept


def test_a_bootstrap_interval_covers_the_mean_and_is_as_wide_as_theory_says():
    values = [float(i % 10) for i in range(400)]
    interval = bootstrap(values, [1.0] * 400, seed=1)
    deviation = (sum((v - 4.5) ** 2 for v in values) / 400) ** 0.5
    assert interval.mean == pytest.approx(4.5)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * deviation / 20, rel=0.1)
    assert interval == bootstrap(values, [1.0] * 400, seed=1)


def test_pairing_finds_a_small_difference_that_unpaired_intervals_hide():
    rng = Random(0)
    one = [rng.gauss(0, 10) for _ in range(300)]
    other = [value + 0.1 + rng.gauss(0, 0.1) for value in one]
    ones = [1.0] * 300
    assert paired_difference(other, one, ones, 0).excludes_zero
    assert not paired_difference(one, one, ones, 0).excludes_zero
    assert bootstrap(one, ones, 0).high > bootstrap(other, ones, 0).low


def test_an_interval_of_no_case_is_refused():
    with pytest.raises(ValueError, match="no case"):
        bootstrap([], [], 0)


def test_cases_are_the_seeds_and_lie_where_they_say():
    counts = CaseCounts(4, 60, 12)
    cases = draw_cases(FILES, counts, seed=3)
    assert cases == draw_cases(FILES, counts, seed=3)
    assert cases != draw_cases(FILES, counts, seed=4)
    assert {hole.kind for hole in cases.cursors} == set(CURSORS)
    for hole in (*cases.cursors, *cases.blocks):
        assert hole.prefix + hole.expected + hole.suffix in hole.file.text
        assert hole.filled_with(hole.expected) == hole.file.text
    for hole in cases.cursors:
        assert "\n" not in hole.expected
        assert hole.suffix[:1] in ("\n", "")
        assert hole.prefix.endswith({"after .": ".", "after (": "(", "after =": "= "}.get(hole.kind, hole.prefix))


def test_blocks_are_the_statements_of_a_body():
    blocks = draw_cases(FILES, CaseCounts(0, 0, 60), seed=0).blocks
    expected = {hole.expected for hole in blocks}
    assert 'console.log("made", radius);' in expected
    assert any(text.startswith("squared = ") and text.endswith("squared") for text in expected)
    assert {hole.file.package for hole in blocks} == {"shapes", "web"}


def test_long_files_give_prefixes_of_whole_lines():
    file = SourceFile("long", "a.py", "python", PYTHON * 20)
    for hole in draw_cases([file], CaseCounts(0, 40, 0), seed=0).cursors:
        first = len(file.text[: hole.start]) - len(hole.prefix)
        assert first == 0 or file.text[first - 1] == "\n"


def test_bits_are_the_definitions_cross_entropy_at_every_exit(tmp_path):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    piece = draw_cases(FILES, CaseCounts(1, 0, 0), seed=0).pieces[0]
    (score,) = score_pieces(pack.folder, [piece], 2, lambda: None)
    weights, tokenizer = load_weights(pack.folder), Tokenizer.from_file(pack.folder / TOKENIZER_FILE)
    ids = torch.tensor([[tokenizer.special_id("<|endoftext|>"), *tokenizer.encode(piece.text)]])
    for i, state in enumerate(full_forward(weights, ids, 2)):
        chances = F.log_softmax(logits(weights, state)[0, :-1].double(), -1)
        wanted = -chances.gather(1, ids[0, 1:, None]).sum().item() / math.log(2)
        assert score.bits[i] == pytest.approx(wanted, rel=1e-5)
    assert score.num_bytes == len(piece.text.encode())


def fake_arm(name: str, bits: float, exact: float) -> Arm:
    cases = draw_cases(FILES, CaseCounts(6, 20, 5), seed=0)
    lines = [HoleScore(hole, "x", exact, exact, exact) for hole in cases.cursors]
    blocks = [HoleScore(hole, "x", exact, exact, exact, parses=1.0) for hole in cases.blocks]
    pieces = [PieceScore(piece, (bits * (i + 1),), 2 * (i + 1)) for i, piece in enumerate(cases.pieces)]
    return arm_of(ArmScores(name, 1, pieces, lines, lines, blocks))


def test_figures_are_ratios_of_sums_and_differences_are_from_the_first_arm():
    found = figures([fake_arm("base", 4.0, 0.0), fake_arm("new", 3.0, 1.0)], seed=0)
    by_key = {(figure.arm, figure.title, figure.group): figure for figure in found}
    base, new = (by_key[arm, "bits per byte, exit 1", "all"] for arm in ("base", "new"))
    assert (base.value.mean, new.value.mean) == (2.0, 1.5)
    assert base.difference is None
    assert new.difference.mean == pytest.approx(-0.5)
    assert new.difference.excludes_zero
    exact = by_key["new", "line exact match, with suffix", "mid-line"]
    assert exact.value.mean == exact.difference.mean == 1.0
    assert 0 < exact.num_cases < 20
    assert ("new", "line exact match, with suffix", "typescript") in by_key
    table = to_markdown({"seed": 0}, found)
    assert "| bits per byte, exit 1 | 6 | 2.000 [2.000, 2.000] | 1.500 [1.500, 1.500] (-0.500) |" in table


def test_the_command_measures_every_loop_count_and_writes_what_it_prints(tmp_path, capsys):
    pack, other = tiny_pack(tmp_path / "pack", loops=2), tiny_pack(tmp_path / "other", loops=1, name="other", seed=1)
    held_out = tmp_path / "held_out.jsonl"
    write_files(held_out, [*FILES, replace(FILES[0], package="more")])
    words = ["--held-out", str(held_out), "--pieces", "3", "--cursors", "4", "--blocks", "2", "--threads", "1"]
    outputs = ["--json", str(tmp_path / "out.json"), "--markdown", str(tmp_path / "out.md")]
    assert cli.main([str(pack.folder), "--against", str(other.folder), *words, *outputs]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out.md").read_text()
    assert "| figure | cases | other R=1 | tiny R=1 | tiny R=2 |" in printed
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["settings"]["seed"] == 0
    titles = {(figure["arm"], figure["title"]) for figure in document["figures"]}
    assert ("tiny R=2", "bits per byte, exit 2") in titles
    assert len(document["samples"]["tiny R=2"]) == 6
    # What was measured once need not be measured again to be compared with.
    assert cli.main([str(pack.folder), "--against", str(tmp_path / "out.json"), *words]) == 0
    assert capsys.readouterr().out == printed
    assert cli.main([str(pack.folder), "--against", str(tmp_path / "out.json"), *words, "--cursors", "3"]) == 1
    assert "was run with cursors 4, this evaluation with 3" in capsys.readouterr().err
    (tmp_path / "out.json").write_text("{}")
    assert cli.main([str(pack.folder), "--against", str(tmp_path / "out.json"), *words]) == 1
    assert "is no evaluation that --json wrote" in capsys.readouterr().err


def test_what_was_measured_becomes_the_packs_evidence(tmp_path, capsys):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    write_files(tmp_path / "held_out.jsonl", FILES)
    few = ["--pieces", "2", "--cursors", "3", "--blocks", "1", "--threads", "1", "--write-evidence"]
    words = [str(pack.folder), "--held-out", str(tmp_path / "held_out.jsonl"), *few]
    assert cli.main([*words, "--loops", "1"]) == 1
    assert "compares with the pack's default, 2; give it to --loops, too" in capsys.readouterr().err
    assert cli.main([*words, "--json", str(tmp_path / "out.json")]) == 0
    found = {
        (figure["arm"], figure["title"]): figure["value"]["mean"]
        for figure in json.loads((tmp_path / "out.json").read_text())["figures"]
        if figure["group"] == "all"
    }
    manifest = load_pack(pack.folder).manifest
    assert manifest.loop_counts == (1, 2)
    for support in manifest.loops:
        arm = f"tiny R={support.loops}"
        bits = found[arm, f"bits per byte, exit {support.loops}"]
        assert support.evidence.figures["bits_per_byte"] == pytest.approx(bits, abs=1e-4)
        exact = found[arm, "line exact match, with suffix"]
        assert support.evidence.figures["line_exact_match"] == pytest.approx(exact, abs=1e-4)


def test_the_command_refuses_a_loop_count_without_evidence(tmp_path, capsys):
    pack = tiny_pack(tmp_path / "pack", loops=2)
    write_files(tmp_path / "held_out.jsonl", FILES)
    words = [str(pack.folder), "--loops", "3", "--held-out", str(tmp_path / "held_out.jsonl")]
    assert cli.main(words) == 1
    assert "not 3" in capsys.readouterr().err
    few = ["--pieces", "1", "--cursors", "1", "--blocks", "1", "--threads", "1"]
    assert cli.main([*words, *few, "--force-loops"]) == 0
    assert "R=3 (FORCED)" in capsys.readouterr().out

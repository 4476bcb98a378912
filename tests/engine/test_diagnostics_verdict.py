"""Intervals over samples, the rule with its verdict, and the samples that both are taken of."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from plt_engine.diagnostics.figures import KINDS
from plt_engine.diagnostics.samples import TextFile, built_in_files, draw_samples, files_of
from plt_engine.diagnostics.summary import Collected, figures
from plt_engine.diagnostics.verdict import Sureness, headline, judge, rule
from plt_engine.errors import RequestError
from plt_engine.tokenizer import Tokenizer
from tests.packs import tiny_tokenizer


def collected(**arrays) -> Collected:
    return Collected({name: np.array(values, np.float64) for name, values in arrays.items()}, ())


def test_an_interval_is_over_samples_and_a_change_is_paired():
    rng = Random(0)
    base = [rng.gauss(0, 10) for _ in range(50)]
    ranks = [[value, value + 0.2 + rng.gauss(0, 0.1)] for value in base]
    gates = [[[0.2, 0.8]], [[0.4, 1.0]]] * 25
    arrays = {name: np.zeros((50, 0, *((2,) if kind.by_layer else ()))) for name, kind in KINDS.items()}
    found = {f.kind.name: f for f in figures(collected(**{**arrays, "effective_rank": ranks, "gate": gates}), 0)}
    assert set(found) == {"effective_rank", "gate"}
    rank = found["effective_rank"]
    assert rank.at(2).value.low < rank.at(1).value.mean < rank.at(2).value.high
    assert rank.changes[0].loop == 2
    assert rank.changes[0].value.low > 0
    gate = found["gate"].at(2)
    assert [layer.mean for layer in gate.layers] == pytest.approx([0.3, 0.9])
    assert gate.value.mean == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("ranks", "loops"),
    [([5], 1), ([5, 6], 2), ([5, 4], 1), ([5, 5], 1), ([100, 100.1], 1), ([100, 100.3, 100.4], 2),
     ([174.0, 174.6, 172.5, 158.2], 2), ([1, 2, 3, 4], 4),
     ([5, 4, 9], 1)],
)  # fmt: skip
def test_the_rule_stops_where_the_rank_stops_rising(ranks, loops):
    assert rule(ranks) == loops


def judged(rises: list[float], noise: float, losses: list[float]):
    """The verdict on 40 samples whose rank changes by `rises` from loop to loop, give or take, with these losses."""
    rng = Random(1)
    ranks = []
    for _ in range(40):
        row = [100 + rng.gauss(0, 5)]
        for rise in rises:
            row.append(row[-1] + rise + rng.gauss(0, noise))
        ranks.append(row)
    rows = [[loss + rng.gauss(0, 0.01) for loss in losses] for _ in range(40)]
    return judge(collected(effective_rank=ranks, loss=rows), seed=0)


def test_a_clear_rise_and_fall_makes_a_sure_verdict():
    verdict = judged([5, -5], 1, [2.0, 1.5, 1.8])
    assert (verdict.loops, verdict.sureness, verdict.share) == (2, Sureness.SURE, 1)
    assert not verdict.may_pay_more
    assert verdict.loss_changes[1].low > 0
    assert headline(verdict) == "The rule speaks for 2 loops, and is sure of it."
    assert any("falling, stop" in reason for reason in verdict.reasons)


def test_a_loop_that_changes_next_to_nothing_does_not_pay():
    verdict = judged([0.1, 1e-6], noise=1e-3, losses=[2.0, 2.0, 2.0])
    assert (verdict.loops, verdict.sureness, verdict.may_pay_more) == (1, Sureness.SURE, False)
    assert verdict.reasons[0].startswith("At loop 2 the effective rank changes by +0.10")
    assert verdict.reasons[0].endswith("less than 0.2 % of it, stop.")


def test_a_rise_up_to_the_end_says_that_another_may_pay():
    verdict = judged([5, 5], 1, [2.0, 1.5, 1.2])
    assert (verdict.loops, verdict.may_pay_more) == (3, True)
    assert headline(verdict) == "The rule speaks for 3 loops or more, and is sure of it."
    assert any("--loops 4 would look" in reason for reason in verdict.reasons)


def test_a_rise_within_the_noise_leaves_it_open():
    verdict = judged([0.3], 5, [2.0, 2.0])
    assert verdict.sureness is Sureness.OPEN
    assert 0.4 < verdict.share < 0.8
    assert "does not decide" in headline(verdict)


def test_a_loss_that_speaks_against_the_rule_is_told_first():
    verdict = judged([5], 1, [1.5, 2.0])
    assert (verdict.loops, verdict.sureness) == (2, Sureness.CONTRADICTED)
    assert "do not rely on it" in headline(verdict)
    assert any("with 1 loop a token costs 0.5" in reason for reason in verdict.reasons)


def test_a_loss_that_is_lower_by_chance_contradicts_nothing():
    ranks = [[100.0, 105.0]] * 40
    losses = [[2.0, 2.02 + (-1) ** i * 0.5] for i in range(40)]
    verdict = judge(collected(effective_rank=ranks, loss=losses), seed=0)
    assert verdict.loss_changes[1].mean < 0 < verdict.loss_changes[1].high
    assert verdict.sureness is Sureness.SURE
    assert any("does not tell it apart from 1 loop" in reason for reason in verdict.reasons)


def test_one_loop_leaves_nothing_to_judge():
    verdict = judged([], 1, [2.0])
    assert verdict.loops is None
    assert headline(verdict) == "One loop: nothing to compare."


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(tiny_tokenizer())


def test_samples_are_the_seeds_and_do_not_overlap(tmp_path, tokenizer):
    for i in range(5):
        (tmp_path / f"{i}.py").write_text("".join(f"value_{i} = {j}\n" for j in range(60)))
    files = files_of(tmp_path)
    found = draw_samples(files, tokenizer, 12, 40, seed=1)
    assert found == draw_samples(files, tokenizer, 12, 40, seed=1)
    assert found != draw_samples(files, tokenizer, 12, 40, seed=2)
    assert {sample.file for sample in found} == {f"{i}.py" for i in range(5)}
    assert len({(sample.file, sample.line) for sample in found}) == 12
    end = tokenizer.special_id("<|endoftext|>")
    for sample in found:
        assert sample.ids[0] == end
        assert len(sample.ids) == 41
        lines = (tmp_path / sample.file).read_text().splitlines(keepends=True)
        text = tokenizer.decode(sample.ids[1:])
        assert text in "".join(lines[sample.line - 1 :])
        assert "".join(lines[sample.line - 1 :]).index(text) < len(lines[sample.line - 1])


def test_what_is_no_text_is_left_out(tmp_path, tokenizer):
    for folder in (".git", "node_modules/a", "src"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("x = 1\n" * 100)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\0" * 500)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 " * 500)
    (tmp_path / "link.py").symlink_to(tmp_path / "src" / "a.py")
    (tmp_path / "huge.py").write_text("x = 1\n" * 100_000)
    found = draw_samples(files_of(tmp_path), tokenizer, 100, 20, seed=0)
    assert {sample.file for sample in found} == {"src/a.py"}


def test_one_file_is_text_enough(tmp_path, tokenizer):
    path = tmp_path / "a.rs"
    path.write_text("fn main() {}\n" * 50)
    assert {sample.file for sample in draw_samples(files_of(path), tokenizer, 4, 20, seed=0)} == {"a.rs"}


def test_too_little_text_is_refused(tmp_path, tokenizer):
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(RequestError, match=r"gives 0 samples of 20 tokens.*--text.*--tokens"):
        draw_samples(files_of(tmp_path), tokenizer, 4, 20, seed=0)


def test_a_file_that_cannot_be_read_is_named(tmp_path, tokenizer):
    gone = TextFile(tmp_path / "gone.py", "gone.py")
    with pytest.raises(RequestError, match=r"gone\.py cannot be read: No such file"):
        draw_samples([gone], tokenizer, 4, 20, seed=0)


def test_the_built_in_text_is_source_of_several_languages():
    names = [file.name for file in built_in_files()]
    assert {Path(name).suffix for name in names} == {".py", ".ts", ".lua"}

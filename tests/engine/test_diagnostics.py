"""`plt-lsp diagnose` on real packs and checkpoints: its report, its pictures and its refusals."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import orjson
import pytest

from plt_engine.diagnostics import cli
from plt_engine.diagnostics.figures import KINDS
from plt_engine.diagnostics.subject import load_subject
from plt_engine.diagnostics.svg import log_ticks, nice_ticks, plain, three
from plt_engine.errors import RequestError
from tests.checkpoints import iquest_loop_config, iquest_loop_weights, loopcoder_config, write_checkpoint
from tests.packs import tiny_pack


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (38.2, 44.1, [39, 40, 41, 42, 43, 44]),
        (-0.3, 0.1, [-0.3, -0.2, -0.1, 0, 0.1]),
    ],
)
def test_ticks_are_round_values_inside(low, high, ticks):
    assert nice_ticks(low, high) == pytest.approx(ticks, abs=1e-9)


def test_log_ticks_are_round_values_inside():
    assert log_ticks(0.3, 30) == pytest.approx([0.5, 1, 2, 5, 10, 20])
    assert log_ticks(1e-6, 1e3) == pytest.approx([10.0**i for i in range(-6, 4)])


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (1, "1.00"), (0.5, "0.500"), (846.2, "846"), (12345, "12,345"), (0.01234, "0.0123"), (-0.72, "-0.720"),
     (1e-5, "1e-5"), (1.44e-5, "1.4e-5"), (95.04, "95.0"), (5.1e7, "5.1e7")],
)  # fmt: skip
def test_numbers_have_three_digits(value, written):
    assert three(value) == written


@pytest.mark.parametrize(("value", "written"), [(0, "0"), (0.2, "0.2"), (100, "100"), (1000, "1,000"), (1e-5, "1e-5")])
def test_ticks_are_written_short(value, written):
    assert plain(value) == written


class Page(HTMLParser):
    """Everything of a page that could ask for something: tags, and the values of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += [value or "" for name, value in attrs if name != "xmlns"]


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", loops=3, certified=[2]).folder


def run(pack, out, *words):
    words = ("--samples", "5", "--tokens", "24", "--threads", "1", *words)
    return cli.main([str(pack), "--out", str(out), *words])


def document_of(out) -> dict:
    return orjson.loads((out / "diagnosis.json").read_bytes())


def test_the_command_tells_everything_of_a_pack(tmp_path, pack):
    """Through the real command, as a user runs it."""
    command = [sys.executable, "-m", "plt_lsp.cli", "diagnose", str(pack), "--out", str(tmp_path / "new" / "out")]
    result = subprocess.run(
        [*command, "--samples", "5", "--tokens", "24", "--threads", "1", "--svg"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "The rule " in result.stdout
    assert "100%" in result.stderr
    out = tmp_path / "new" / "out"
    names = {"diagnosis.json", "report.html", "scissors.svg", "effective_rank.svg", "gates.svg", "tokens.svg"}
    assert {path.name for path in out.iterdir()} == names
    document = document_of(out)
    assert set(document["figures"]) == set(KINDS)
    assert document["not_defined"] == []
    assert document["loops"] == {"measured": 2, "certified": [2], "research": None}
    assert document["text"]["samples"] == 5
    for name, figure in document["figures"].items():
        loops = [value["loop"] for value in figure["loops"]]
        assert loops == list(range(KINDS[name].first_loop, 3)), name
        for value in figure["loops"]:
            assert value["low"] <= value["mean"] <= value["high"]
            assert len(value.get("layers", ())) == (2 if KINDS[name].by_layer else 0)
    assert len(document["shown"]["tokens"]) == 24 - 1
    assert all(token["peak"] == 2 for token in document["shown"]["tokens"])


def test_the_report_has_every_picture_and_asks_nothing_of_anyone(tmp_path, pack):
    assert run(pack, tmp_path, "--svg") == 0
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.tags.count("svg") == 4
    for title in ("Gain and cost of each loop", "Effective rank", "Gates by layer", "What the loops change, token by"):
        assert f"<title>{title}" in text
    assert {"script", "link", "img", "iframe", "object", "image", "use"}.isdisjoint(page.tags)
    assert not any("//" in value or "url(" in value or "@import" in value for value in page.values)
    assert "@import" not in text
    assert "url(" not in text
    assert "nan" not in re.sub("[a-z]*nan[a-z]+|[a-z]+nan[a-z]*", "", text.lower())
    for kind in KINDS.values():
        assert f"<td>{kind.title}" in text


def test_pictures_are_files_of_their_own(tmp_path, pack):
    assert run(pack, tmp_path, "--svg") == 0
    for name in ("scissors", "effective_rank", "gates", "tokens"):
        root = ElementTree.fromstring((tmp_path / f"{name}.svg").read_text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        width, height = float(root.get("width")), float(root.get("height"))
        for mark in root.iter():
            x, y = (float(mark.get(key, mark.get(f"c{key}", 0))) for key in "xy")
            assert 0 <= x <= width, (name, mark.attrib)
            assert 0 <= y <= height, (name, mark.attrib)


def test_words_on_an_axis_do_not_overlap(tmp_path, pack):
    assert run(pack, tmp_path, "--svg", "--loops", "9") == 0
    root = ElementTree.fromstring((tmp_path / "scissors.svg").read_text())
    texts = [node for node in root.iter("{http://www.w3.org/2000/svg}text") if node.get("text-anchor") == "middle"]
    rows: dict[str, list[float]] = {}
    for node in texts:
        rows.setdefault(node.get("y"), []).append(float(node.get("x")))
    assert rows
    for places in rows.values():
        assert all(right - left > 12 for left, right in pairwise(sorted(places)))


def test_the_same_words_give_the_same_bytes(tmp_path, pack):
    for name in ("one", "other"):
        assert run(pack, tmp_path / name, "--svg") == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_loops_beyond_the_evidence_are_research(tmp_path, pack, capsys):
    assert run(pack, tmp_path, "--loops", "4") == 0
    assert "RESEARCH: loops is 4, for which the model tiny has no evidence" in capsys.readouterr().out
    document = document_of(tmp_path)
    assert document["loops"]["measured"] == 4
    assert document["loops"]["research"].startswith("loops is 4")
    assert "RESEARCH: loops is 4" in (tmp_path / "report.html").read_text()
    assert {token["peak"] for token in document["shown"]["tokens"]} <= {2, 3, 4}


def test_a_dense_model_has_one_loop_and_nothing_to_compare(tmp_path, capsys):
    folder = tiny_pack(tmp_path / "dense", loops=1).folder
    assert run(folder, tmp_path / "out", "--svg") == 0
    said = capsys.readouterr().out
    assert "One loop: nothing to compare." in said
    assert "The model is dense" in said
    document = document_of(tmp_path / "out")
    assert document["verdict"]["loops"] is None
    assert set(document["not_defined"]) == {
        "output_shift", "peak_share", "angular_change", "fixed_point_gap", "offset_cost", "attention_shift", "gate"
    }  # fmt: skip
    text = (tmp_path / "out" / "report.html").read_text()
    assert Page(text).tags.count("svg") == 1
    assert "What each token cost" in text
    assert "later loop" not in text.partition("All figures")[0]


def test_a_dense_model_has_no_second_loop_to_look_at(tmp_path, capsys):
    folder = tiny_pack(tmp_path / "dense", loops=1).folder
    assert run(folder, tmp_path / "out", "--loops", "2") == 1
    assert "the model is dense: it has no gates" in capsys.readouterr().err


def test_a_checkpoints_own_folder_is_enough(tmp_path, capsys):
    folder = write_checkpoint(tmp_path / "LoopCoder", loopcoder_config())
    assert run(folder, tmp_path / "out") == 0
    document = document_of(tmp_path / "out")
    assert document["model"]["name"] == "LoopCoder"
    assert document["loops"] == {"measured": 2, "certified": [2], "research": None}


def test_loops_in_turn_cost_no_offset(tmp_path):
    config = iquest_loop_config()
    folder = write_checkpoint(tmp_path / "turn", config, iquest_loop_weights(config))
    assert run(folder, tmp_path / "out", "--dtype", "bfloat16") == 0
    document = document_of(tmp_path / "out")
    assert document["figures"]["offset_cost"]["loops"][0]["mean"] == 0
    assert document["model"]["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--loops", "0"), "loops is 0; it is a whole number from 1"),
        (("--loops", "17"), "loops is 17; a diagnosis takes 1 to 16"),
        (("--samples", "1"), "--samples is 1; it must be 2 or more"),
        (("--tokens", "2"), "--tokens is 2; it must be 8 or more"),
        (("--tokens", "4000"), "--tokens is 4000; the model tiny takes at most 511"),
        (("--threads", "0"), "--threads is 0; it must be 1 or more"),
        (("--text", "/no/such/place"), "--text is /no/such/place, which is neither a folder nor a file"),
    ],
)
def test_a_bad_word_is_one_message(tmp_path, pack, capsys, words, said):
    assert run(pack, tmp_path / "out", *words) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("plt-lsp: ")
    assert error.count("\n") == 1


def test_an_out_that_is_a_file_is_one_message(tmp_path, pack, capsys):
    (tmp_path / "out").write_text("")
    assert run(pack, tmp_path / "out") == 1
    assert "cannot be made a folder" in capsys.readouterr().err


def test_an_empty_folder_of_text_is_one_message(tmp_path, pack, capsys):
    (tmp_path / "text").mkdir()
    assert run(pack, tmp_path / "out", "--text", str(tmp_path / "text")) == 1
    assert "where there is no file that counts" in capsys.readouterr().err


def test_a_pack_that_is_not_there_is_one_message(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PLT_LSP_DATA_DIR", str(tmp_path))
    assert run("nothing", tmp_path / "out") == 2
    assert "There is no model pack 'nothing'" in capsys.readouterr().err


def test_a_model_beyond_the_memory_is_refused_with_the_remedy(tmp_path, pack):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:        64 kB\nMemAvailable:    32 kB\n")
    with pytest.raises(RequestError, match="--dtype bfloat16 halves it"):
        load_subject(str(pack), None, "float32", told)
    with pytest.raises(RequestError, match="take a machine with more"):
        load_subject(str(pack), None, "bfloat16", told)


def test_text_of_ones_own_is_what_is_shown(tmp_path, pack):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "naïve.py").write_text("größe = 'ß∂'\n" * 60)
    assert run(pack, tmp_path / "out", "--text", str(tmp_path / "text")) == 0
    document = document_of(tmp_path / "out")
    assert document["text"]["source"] == "text"
    assert document["shown"]["file"] == "naïve.py"
    shown = "".join(token["text"] for token in document["shown"]["tokens"])
    assert "röße = 'ß∂'\ngr" in shown

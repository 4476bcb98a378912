"""Names for refactorings: the model's where it is sure, the default otherwise, and never one that is taken."""

import keyword
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine.types import FinishReason, GenerationMetrics, GenerationOutput
from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import EngineClient
from plt_lsp.engine_process import HostCommand
from plt_lsp.refactor.names import RESERVED, forbidden_names, is_free, is_sure, prompt_of, propose_name
from plt_lsp.refactor.proposal import NameWanted
from tests.lsp.scripted_engine import read_journal, write_script
from tests.lsp.snapshots import snapshot_at
from tests.packs import tiny_pack

FACTORY = "tests.lsp.scripted_engine:load"
PATIENCE_MS = 120_000.0
SNAPSHOT = snapshot_at("import os\n\n\n‸")
SIZE = NameWanted(
    role="function",
    default="extracted",
    taken=frozenset({"os", "total", "main"}),
    code="def extracted(paths):\n    found = map(os.stat, paths)\n\n    return sum(one.st_size for one in found)\n",
    before="import os\n\n\ndef ",
    after="(paths):\n    found = map(os.stat, paths)\n\n    return sum(one.st_size for one in found)\n\n\n"
    "def main(paths):\n    print(extracted(paths))\n",
)
VALUE = NameWanted(
    role="variable",
    default="value",
    taken=frozenset({"path", "os"}),
    code="value = os.path.splitext(\n        path)[1]",
    before="def kind_of(path):\n    ",
    after=" = os.path.splitext(path)[1]\n    return value.lower()\n",
)


@pytest.fixture
async def engine(monkeypatch, environment):
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    client = EngineClient(HostCommand(engine_factory=FACTORY))
    yield client
    await client.close()


@pytest.fixture
async def engine_of_packs(monkeypatch, environment):
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    client = EngineClient()
    yield client
    await client.close()


async def proposed(engine, folder, wanted=SIZE, **script):
    pack = write_script(folder / "p", **{"finish_reason": "end_of_identifier", "log_probability": -0.1, **script})
    return await propose_name(engine, EngineConfig(str(pack)), SNAPSHOT, wanted, PATIENCE_MS)


async def test_a_name_that_the_model_is_sure_of_is_taken(engine, tmp_path):
    assert await proposed(engine, tmp_path, text="size_of_all") == "size_of_all"
    (asked,) = [entry["request"] for entry in read_journal(tmp_path / "p") if entry["event"] == "generate"]
    assert {"os", "total", "main", "extracted", "paths", "found", "st_size", "return", "sum"} <= set(
        asked["constraint"]["forbidden"]
    )
    assert asked["constraint"]["is_snake_case"]
    assert asked["log_probabilities"]
    assert asked["stop"]["max_tokens"] <= 12


@pytest.mark.parametrize(
    "script",
    [
        {"log_probability": -3.0},
        {"finish_reason": "length"},
        {"finish_reason": "deadline"},
        {"finish_reason": "end_of_text"},
        {"text": "main"},
        {"text": "extracted"},
        {"text": "paths"},
        {"text": "return"},
        {"text": "list"},
        {"text": "__size"},
        {"text": "_"},
        {"text": "it"},
        {"text": "9lives"},
        {"text": "größe"},
        {"text": "two words"},
        {"text": "size\n"},
        {"text": ""},
        {"error": ["RequestError", "no"]},
        {"load_error": ["PackFormatError", "no"]},
        {"kill_at": 0},
    ],
    ids=str,
)
async def test_otherwise_it_is_the_default(engine, tmp_path, script):
    assert await proposed(engine, tmp_path, **{"text": "size_of_all", **script}) == "extracted"


async def test_without_a_model_it_is_the_default(engine, tmp_path):
    assert await propose_name(engine, EngineConfig(str(tmp_path / "none")), SNAPSHOT, SIZE) == "extracted"


async def test_a_model_that_is_too_slow_is_stopped(engine, tmp_path):
    pack = write_script(tmp_path / "p", text="size", wait_for=str(tmp_path / "never"))
    config = EngineConfig(str(pack))
    await engine.load(config)
    assert await propose_name(engine, config, SNAPSHOT, SIZE, deadline_ms=300.0) == "extracted"
    assert await proposed(engine, tmp_path, text="size_of_all") == "size_of_all"
    assert [entry["reason"] for entry in read_journal(pack) if entry["event"] == "end"][-2:-1] in ([], ["aborted"])


def test_a_model_that_only_goes_on_reads_the_code_before_the_name():
    assert prompt_of(SIZE, can_infill=False).prefix == (
        "import os\n\n\n# found = map(os.stat, paths)\n# return sum(one.st_size for one in found)\ndef "
    )
    assert prompt_of(VALUE, can_infill=False).prefix == ("def kind_of(path):\n    with os.path.splitext( path)[1] as ")


def test_a_model_that_fills_in_reads_the_place_without_the_default():
    prompt = prompt_of(SIZE, can_infill=True)
    assert prompt.prefix == SIZE.before
    assert prompt.suffix.startswith("(paths):\n    found")
    assert "extracted" not in prompt.suffix
    assert prompt_of(VALUE, can_infill=True).suffix == " = os.path.splitext(path)[1]\n    return "


@pytest.mark.parametrize("can_infill", [True, False])
@pytest.mark.parametrize("wanted", [SIZE, VALUE], ids=["function", "variable"])
def test_a_prompt_is_short_and_tells_no_secret(wanted, can_infill):
    secret = 'password = "hunter2-Xy7Qw9Lm"\n'
    long = replace(
        wanted,
        before=secret * 100 + wanted.before,
        code=wanted.code + 100 * f"    {secret}",
        after=wanted.after.replace(wanted.default, "other") + 100 * f"    {secret}",
    )
    prompt = prompt_of(long, can_infill=can_infill)
    assert len(prompt.prefix) + len(prompt.suffix) < 1500
    assert "hunter2" not in prompt.prefix + prompt.suffix
    assert prompt.prefix.startswith("password = ")


def output(text, reason=FinishReason.END_OF_IDENTIFIER, log_probabilities=(-0.1,)):
    metrics = GenerationMetrics(1, 1, 0, 1, 1, 1.0, 1.0, 1.0)
    return GenerationOutput("r", text, reason, metrics, log_probabilities)


@pytest.mark.parametrize(
    ("probabilities", "sure"),
    [
        ((0.41,), True),
        ((0.39,), False),
        ((0.2, 0.9, 0.9), True),  # one doubtful token among sure ones
        ((0.2, 0.3, 0.9), False),
        ((0.42,) * 3, True),
        ((0.45,) * 5, False),  # so long a name is one of too many
        ((), False),
    ],
)
def test_a_sure_name_is_probable_in_its_tokens_and_as_a_whole(probabilities, sure):
    assert is_sure(output("a", log_probabilities=tuple(map(math.log, probabilities)))) is sure


def test_half_a_name_is_never_sure():
    assert not is_sure(output("a", FinishReason.LENGTH, (0.0,)))


@given(st.text(max_size=8) | st.sampled_from(sorted({*RESERVED, *SIZE.taken, "paths", "_private", "a1"})))
def test_what_is_free_is_a_name_that_python_takes_and_nobody_has(name):
    if is_free(name, SIZE):
        assert name.isidentifier()
        assert name.isascii()
        assert not keyword.iskeyword(name)
        assert not name.startswith("__")
        assert name not in forbidden_names(SIZE)


async def test_the_real_engine_says_free_names_whatever_its_weights(engine_of_packs, tmp_path, monkeypatch):
    monkeypatch.setattr("plt_lsp.refactor.names.MIN_PROBABILITY", 1e-300)
    monkeypatch.setattr("plt_lsp.refactor.names.MIN_NAME_PROBABILITY", 1e-300)
    monkeypatch.setattr("plt_lsp.refactor.names.MAX_TOKENS", 41)
    names = []
    for fim in (True, False):
        config = EngineConfig(str(tiny_pack(tmp_path / f"tiny-{fim}", loops=2, fim=fim, seed=1).folder))
        await engine_of_packs.load(config)
        for wanted in (SIZE, VALUE):
            for _ in range(3):
                asked = replace(wanted, taken=wanted.taken | {*names})
                name = await propose_name(engine_of_packs, config, SNAPSHOT, asked, PATIENCE_MS)
                assert name == wanted.default or (is_free(name, asked) and name not in names)
                names.append(name)
    assert len(set(names) - {"extracted", "value"}) > 2

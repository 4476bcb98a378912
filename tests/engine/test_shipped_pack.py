"""The pack that comes with the package: whole, small enough for its wheel, a coder that reads what follows."""

import zipfile

import pytest

from plt_engine.engine import Engine
from plt_engine.pack import Pack, load_pack, shipped_dir, verify_pack
from plt_engine.pack_manifest import EvidenceKind
from plt_engine.types import GenerationRequest, Prompt, StopSpec, StopUnit
from plt_lsp.settings import Settings

MAX_BYTES = 75_000_000

# Before the cursor, after it, and what only the text after it tells.
HOLES = (
    ("import ", "\n\nprint(os.path.join('a', 'b'))\n", "os"),
    ("import ", "\n\nprint(json.dumps({'a': 1}))\n", "json"),
    ("from functools import ", "\n\ntotal = reduce(add, values)\n", "reduce"),
    ("def area(", "):\n    return width * height\n", "width, height"),
)


@pytest.fixture(scope="module")
def pack() -> Pack:
    (folder,) = shipped_dir().iterdir()
    return load_pack(folder)


def test_it_is_the_default_and_whole(pack):
    assert pack.manifest.name == pack.folder.name == Settings().model
    verify_pack(pack)


def test_it_fits_into_the_wheel(pack, tmp_path):
    assert max((pack.folder / name).stat().st_size for name in pack.manifest.files) < MAX_BYTES
    wheel = tmp_path / "wheel.zip"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in pack.folder.iterdir():
            zipped.write(path, path.name)
    assert wheel.stat().st_size < MAX_BYTES


def test_its_card_and_its_evidence_say_what_was_measured(pack):
    card = (pack.folder / "card.md").read_text()
    assert "bits per byte" in card
    assert "curves.svg" in card
    assert (pack.folder / "curves.svg").stat().st_size
    assert {support.evidence.kind for support in pack.manifest.loops} <= {EvidenceKind.TRAINED, EvidenceKind.CALIBRATED}


@pytest.mark.parametrize("loops", [1, 2])
def test_it_reads_what_follows_the_cursor(pack, loops):
    engine = Engine.load(pack.folder)
    for prefix, suffix, expected in HOLES:
        texts = []
        for after in (suffix, ""):
            stop = StopSpec(max_tokens=12, unit=StopUnit.LINE)
            request = GenerationRequest("r", "s", Prompt(prefix, after, "listing.py"), stop=stop, loops=loops)
            *_, output = engine.generate(request, lambda: False)
            texts.append(output.text)
        assert [text.startswith(expected) for text in texts] == [True, False]

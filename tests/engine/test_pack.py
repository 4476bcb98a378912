"""Packs: what is written comes back, and every fault is one message that names file, key, value and remedy."""

import hashlib
import shutil
import subprocess
import sys

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_engine import pack as packs
from plt_engine.errors import PackFormatError, PackHashError, PackNotFoundError
from plt_engine.fim import FAMILIES
from plt_engine.pack_manifest import (
    ChatFormat,
    Evidence,
    EvidenceKind,
    LoopSupport,
    PackManifest,
    PackSource,
    WeightFormat,
    WeightInfo,
    dump_manifest,
    parse_manifest,
)
from tests.packs import tiny_pack

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
FIGURES = st.dictionaries(
    NAMES, NAMES | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
EVIDENCE = st.builds(Evidence, st.sampled_from(EvidenceKind), NAMES, FIGURES)
SHA256 = st.binary(max_size=4).map(lambda data: hashlib.sha256(data).hexdigest())


@st.composite
def manifests(draw):
    counts = draw(st.lists(st.integers(1, 8), min_size=1, max_size=3, unique=True))
    return PackManifest(
        name=draw(NAMES),
        title=draw(NAMES),
        license=draw(NAMES),
        source=PackSource(draw(NAMES), draw(NAMES), draw(SHA256), draw(st.none() | NAMES)),
        weights=WeightInfo(draw(st.sampled_from(WeightFormat)), draw(st.none() | st.integers(1, 256))),
        loops=tuple(LoopSupport(count, draw(EVIDENCE)) for count in counts),
        default_loops=draw(st.sampled_from(counts)),
        fim=draw(st.none() | st.sampled_from(FAMILIES)),
        chat=draw(st.none() | st.builds(ChatFormat, NAMES)),
        family=draw(st.none() | NAMES),
        files=draw(st.dictionaries(st.sampled_from(["config.json", "a.safetensors"]), SHA256)),
        figures=draw(FIGURES),
    )


@given(manifests())
def test_every_manifest_comes_back_as_it_was_written(manifest):
    assert parse_manifest(dump_manifest(manifest), "pack.json") == manifest


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs") / "tiny"
    return dump_manifest(tiny_pack(folder).manifest)


def changed(document, path, value):
    """The document with the value at a dotted path replaced, or removed where the value is `...`."""
    raw = orjson.loads(document)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place = raw
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return orjson.dumps(raw)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("name", ..., "name is missing"),
        ("name", 3, "name is 3; it must be a text"),
        ("title", "", 'title is ""'),
        ("format_version", 2, "format_version is 2; this version of plt-lsp reads format 1"),
        ("format_version", True, "format_version is true; it must be a whole number"),
        ("source", "somewhere", 'source is "somewhere"; it must be a JSON object'),
        ("source/sha256", "abc", 'source.sha256 is "abc"; it must be a sha256'),
        ("source/sha256", "A" * 64, "it must be a sha256"),
        ("source/url", "there", 'source.url is "there"; no such key is known'),
        ("licence", "MIT", 'licence is "MIT"; no such key is known; correct its spelling'),
        ("weights/format", "int3", "it must be one of float32, float16, bfloat16, int8, int4"),
        ("weights/group_size", 0, "weights.group_size is 0"),
        ("weights/group_size", "32", 'weights.group_size is "32"'),
        ("loops", {}, "loops is {}; it must be a list"),
        ("loops/1", 2, "loops[1] is 2; it must be a JSON object"),
        ("loops/1/loops", 0, "loops[1].loops is 0"),
        ("loops/1/loops", 1, "loops is [1,1]; each loop count may stand there once"),
        ("loops/1/evidence", None, "loops[1].evidence is null; loop count 2 has no evidence"),
        ("loops/1/evidence", ..., "loop count 2 has no evidence"),
        ("loops/1/evidence/kind", "hoped", 'loops[1].evidence.kind is "hoped"; it must be one of trained, calibrated'),
        ("loops/1/evidence/detail", "", 'loops[1].evidence.detail is ""'),
        ("loops/1/evidence/figures", {"loss": [1]}, "loops[1].evidence.figures.loss is [1]; a figure is a number"),
        ("loops/1/evidence/figures", {"good": True}, "figures.good is true; a figure is a number"),
        ("default_loops", 3, "default_loops is 3; it must be one of the counts under loops, [1, 2]"),
        ("fim/order", "smp", 'fim.order is "smp"; it must be one of psm, spm'),
        ("fim/prefix", None, "fim.prefix is null; it must be a text"),
        ("fim/stop", "<|im_end|>", 'fim.stop is "<|im_end|>"; it must be a list'),
        ("fim/stop", [1], "fim.stop is [1]; it must be a list of texts"),
        ("chat", {"template": 1}, "chat.template is 1"),
        ("files", [], "files is []; it must be a JSON object"),
        ("files/config.json", "x", 'files.config.json is "x"; it must be a sha256'),
        ("files", {"../x": "0" * 64}, "files.../x"),
        ("figures", None, "figures is null; it must be a JSON object"),
    ],
)
def test_a_fault_is_one_message_with_file_key_value_and_remedy(document, path, value, words):
    with pytest.raises(PackFormatError) as error:
        parse_manifest(changed(document, path, value), "P/pack.json")
    assert str(error.value).startswith("P/pack.json: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "words"), [(b"{", "not valid JSON"), (b"[]", "the document is []"), (b"", "not valid")]
)
def test_what_is_no_json_object_is_refused(data, words):
    with pytest.raises(PackFormatError, match=r"pack\.json") as error:
        parse_manifest(data, "pack.json")
    assert words in str(error.value)


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3), lambda inner: (
    st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "loops", "format_version", "fim"]), inner)
)))  # fmt: skip
def test_any_json_is_either_a_manifest_or_a_format_error(raw):
    with pytest.raises(PackFormatError):
        parse_manifest(orjson.dumps(raw), "pack.json")


def test_a_pack_is_read_and_verified(tmp_path):
    written = tiny_pack(tmp_path / "tiny")
    pack = packs.load_pack(tmp_path / "tiny")
    packs.verify_pack(pack)
    assert pack == written
    assert sorted(pack.manifest.files) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert pack.weight_files == (tmp_path / "tiny" / "model.safetensors",)
    assert pack.manifest.loop_counts == (1, 2)


def test_the_same_arguments_give_the_same_pack(tmp_path):
    assert tiny_pack(tmp_path / "a").manifest == tiny_pack(tmp_path / "b").manifest


def test_verifying_reports_every_byte_once(tmp_path):
    pack, seen = tiny_pack(tmp_path / "tiny"), []
    packs.verify_pack(pack, lambda what, done, total: seen.append((what, done, total)))
    total = sum(path.stat().st_size for path in pack.folder.iterdir() if path.name != "pack.json")
    assert seen[-1] == ("verifying hashes", total, total)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_changed_file_is_named_with_both_hashes(tmp_path, name):
    pack = tiny_pack(tmp_path / "tiny")
    path = pack.folder / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(PackHashError) as error:
        packs.verify_pack(pack)
    for part in (str(path), pack.manifest.files[name], hashlib.sha256(data).hexdigest(), "anew"):
        assert part in str(error.value)


def test_the_remedy_is_the_command_that_builds_the_pack(tmp_path):
    pack = tiny_pack(tmp_path / "tiny")
    path = pack.folder / "pack.json"
    path.write_bytes(changed(path.read_bytes(), "source/command", "plt-lsp models build smollm2-135m"))
    (pack.folder / "tokenizer.json").write_text("{}")
    with pytest.raises(PackHashError, match="Mend it with `plt-lsp models build smollm2-135m`"):
        packs.verify_pack(packs.load_pack(pack.folder))


def test_a_listed_file_that_is_gone_is_named(tmp_path):
    pack = tiny_pack(tmp_path / "tiny")
    (pack.folder / "tokenizer.json").unlink()
    with pytest.raises(PackFormatError, match=r"tokenizer\.json does not exist, but pack\.json lists it"):
        packs.load_pack(pack.folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_file_without_a_hash_is_named(tmp_path, name):
    path = tiny_pack(tmp_path / "tiny").folder / "pack.json"
    path.write_bytes(changed(path.read_bytes(), f"files/{name}", ...))
    with pytest.raises(PackFormatError, match=f"files.{name} is missing"):
        packs.load_pack(path.parent)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "x.pkl"])
def test_pickles_are_refused(tmp_path, name):
    folder = tiny_pack(tmp_path / "tiny").folder
    (folder / name).write_bytes(b"\x80\x04N.")
    with pytest.raises(PackFormatError) as error:
        packs.load_pack(folder)
    assert str(folder / name) in str(error.value)
    assert "safetensors" in str(error.value)


def sharded(folder, shards):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_bytes(orjson.dumps({"metadata": {}, "weight_map": shards}))
    path = folder / "pack.json"
    raw = orjson.loads(path.read_bytes())
    digest = raw["files"].pop("model.safetensors")
    index = packs.hash_file(folder / "model.safetensors.index.json")
    raw["files"] |= {"model-00001-of-00001.safetensors": digest, "model.safetensors.index.json": index}
    path.write_bytes(orjson.dumps(raw))


def test_shards_are_found_by_their_index(tmp_path):
    folder = tiny_pack(tmp_path / "tiny").folder
    sharded(folder, {"model.norm.weight": "model-00001-of-00001.safetensors"})
    pack = packs.load_pack(folder)
    packs.verify_pack(pack)
    assert [path.name for path in pack.weight_files] == ["model-00001-of-00001.safetensors"]


def test_a_shard_without_a_hash_is_named(tmp_path):
    folder = tiny_pack(tmp_path / "tiny").folder
    sharded(folder, {"model.norm.weight": "model-00002-of-00002.safetensors"})
    with pytest.raises(PackFormatError, match=r"files\.model-00002-of-00002\.safetensors is missing"):
        packs.load_pack(folder)


def test_a_folder_without_a_manifest_is_no_pack(tmp_path):
    with pytest.raises(PackNotFoundError, match=r"pack\.json does not exist"):
        packs.load_pack(tmp_path)


def test_writing_replaces_an_older_pack_and_leaves_nothing_else(tmp_path):
    tiny_pack(tmp_path / "tiny", seed=1)
    newer = tiny_pack(tmp_path / "tiny", seed=2)
    assert packs.load_pack(tmp_path / "tiny") == newer
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_writing_that_fails_leaves_the_older_pack_and_nothing_else(tmp_path):
    older = tiny_pack(tmp_path / "tiny")

    def fill(draft):
        (draft / "config.json").write_text("{}")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        packs.write_pack(tmp_path / "tiny", older.manifest, fill)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    packs.verify_pack(packs.load_pack(tmp_path / "tiny"))


def test_a_pack_that_is_not_whole_is_never_put_in_place(tmp_path):
    manifest = tiny_pack(tmp_path / "tiny").manifest
    with pytest.raises(PackFormatError, match=r"files\.tokenizer\.json is missing"):
        packs.write_pack(tmp_path / "other", manifest, lambda draft: (draft / "config.json").write_text("{}"))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_pack_that_came_with_the_package_is_found_unless_the_user_has_one_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv(packs.DATA_DIR_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr(packs, "shipped_dir", lambda: tmp_path / "shipped")
    own, shipped = (tiny_pack(tmp_path / place / "b").folder for place in ("data/packs", "shipped"))
    only_shipped = tiny_pack(tmp_path / "shipped" / "a").folder
    assert packs.list_packs() == (only_shipped, own)
    assert packs.find_pack("a") == only_shipped
    assert packs.find_pack("b") == own
    shutil.rmtree(own)
    assert packs.find_pack("b") == shipped


def test_packs_are_found_by_name_in_the_data_folder_and_by_path_anywhere(tmp_path, monkeypatch):
    monkeypatch.setenv(packs.DATA_DIR_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr(packs, "shipped_dir", lambda: tmp_path / "none")
    assert packs.list_packs() == ()
    here = tiny_pack(tmp_path / "data" / "packs" / "b").folder
    other = tiny_pack(tmp_path / "data" / "packs" / "a").folder
    assert packs.list_packs() == (other, here)
    assert packs.find_pack("b") == here
    assert packs.find_pack(str(tmp_path / "data" / "packs" / "b")) == here


def test_the_data_folder_is_the_platforms_own_where_the_variable_is_not_set(monkeypatch):
    monkeypatch.delenv(packs.DATA_DIR_VARIABLE, raising=False)
    assert packs.data_dir().name == "plt-lsp"
    assert packs.data_dir().is_absolute()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("smollm2-135m", "Build it with `plt-lsp models build smollm2-135m`"),
        ("nothing", "those that can be built are: smollm2-135m"),
        ("./nothing", "give the path of a pack's folder"),
    ],
)
def test_a_pack_that_is_not_there_is_named_with_what_helps(tmp_path, monkeypatch, name, words):
    monkeypatch.setenv(packs.DATA_DIR_VARIABLE, str(tmp_path))
    with pytest.raises(PackNotFoundError) as error:
        packs.find_pack(name)
    assert name.removeprefix("./") in str(error.value)
    assert words in str(error.value)


def test_reading_packs_loads_no_tensor_library():
    heavy = {"torch", "numpy", "safetensors", "tokenizers", "gguf"}
    code = f"import sys, plt_engine.pack, plt_engine.recipes; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

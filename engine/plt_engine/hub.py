"""Fetching a checkpoint's files from the Hugging Face hub: configuration and tokenizer, then safetensors; nothing else.

This runs only when a user asks for it by name. It resumes where it was cut off, fetches no code and no pickle, and does
not know what the files mean.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from plt_engine.checkpoint import SMALL_FILES
from plt_engine.errors import PackError, PackFormatError
from plt_engine.pack import INDEX_FILE, PICKLE_SUFFIXES, Progress, read_index

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository; `sha256` is None where the hub gives none (small files)."""

    name: str
    num_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class HubCheckpoint:
    """A repository at one commit, and the folder that its files go to."""

    repo_id: str
    commit: str
    files: Mapping[str, HubFile]
    folder: Path

    @property
    def hashes(self) -> dict[str, str]:
        """The sha256 of every file that the hub gives one for."""
        return {file.name: file.sha256 for file in self.files.values() if file.sha256 is not None}

    def missing_bytes(self, names: list[str]) -> int:
        """How much of these files is still to be fetched."""
        held = (self.folder / name if (self.folder / name).is_file() else self.partial(name) for name in names)
        return sum(self.files[name].num_bytes for name in names) - sum(p.stat().st_size for p in held if p.is_file())

    def partial(self, name: str) -> Path:
        """Where a file lies while it is fetched: its beginning, as far as it has come."""
        return self.folder / f"{name}.part"


def look_up(repo_id: str, revision: str | None, downloads: Path) -> HubCheckpoint:
    """Ask the hub what a repository holds; its files shall go to a folder of their own in `downloads`.

    Raises:
        PackError: huggingface_hub is not installed, or the hub does not give an answer.
        PackFormatError: the repository has no safetensors.
    """
    hub = _library()
    info = _asked(repo_id, lambda: hub.HfApi().model_info(repo_id, revision=revision, files_metadata=True))
    files = {
        item.rfilename: HubFile(item.rfilename, item.size or 0, item.lfs.sha256 if item.lfs else None)
        for item in info.siblings or []
    }
    if not any(_is_weight_file(name) for name in files):
        pickles = sorted(name for name in files if name.endswith(PICKLE_SUFFIXES))
        found = f"holds {pickles[0]} but no .safetensors file" if pickles else "holds no .safetensors file"
        raise PackFormatError(f"{repo_id} {found}; other formats, pickles above all, are refused, since they run code.")
    folder = downloads / f"{repo_id.replace('/', '--')}-{info.sha[:12]}"
    return HubCheckpoint(repo_id, info.sha, files, folder)


def fetch_small_files(checkpoint: HubCheckpoint, progress: Progress) -> None:
    """Fetch all but the weights: what tells whether the checkpoint can be used at all."""
    for name in (*SMALL_FILES, INDEX_FILE):
        if name in checkpoint.files:
            _fetch(checkpoint, name, progress)


def weight_names(checkpoint: HubCheckpoint) -> list[str]:
    """The files that hold the weights: those that the index names, or every safetensors file where there is none.

    Raises:
        PackFormatError: the index, which must have been fetched, is malformed or names a file that is not there.
    """
    if INDEX_FILE not in checkpoint.files:
        return sorted(filter(_is_weight_file, checkpoint.files))
    names = sorted(set(read_index(checkpoint.folder / INDEX_FILE).values()))
    for name in names:
        if name not in checkpoint.files:
            raise PackFormatError(f"{checkpoint.repo_id}: {INDEX_FILE} names {name}, which the repository lacks.")
    return names


def fetch_weights(checkpoint: HubCheckpoint, progress: Progress) -> None:
    """Fetch the weights, each file from where an earlier fetch of it stopped."""
    for name in weight_names(checkpoint):
        _fetch(checkpoint, name, progress)


def _is_weight_file(name: str) -> bool:
    return name.endswith(".safetensors") and "/" not in name


def _fetch(checkpoint: HubCheckpoint, name: str, progress: Progress) -> None:
    num_bytes, partial = checkpoint.files[name].num_bytes, checkpoint.partial(name)
    if (checkpoint.folder / name).is_file():
        return
    checkpoint.folder.mkdir(parents=True, exist_ok=True)
    _asked(checkpoint.repo_id, lambda: _append_rest(checkpoint, name, progress))
    found = partial.stat().st_size
    if found != num_bytes:
        partial.unlink()
        raise PackError(f"{name} came with {found} bytes, but the hub says {num_bytes}; run the command again.")
    partial.rename(checkpoint.folder / name)
    progress(f"fetching {name}", num_bytes, num_bytes)


def _append_rest(checkpoint: HubCheckpoint, name: str, progress: Progress) -> None:
    """Fetch what a partial file lacks.

    The library's own `hf_hub_download` begins a file anew in each process, which for a shard of 5 GB is no resuming.
    """
    hub, num_bytes = _library(), checkpoint.files[name].num_bytes
    from huggingface_hub.file_download import http_get

    bar = _bar_class(lambda done: progress(f"fetching {name}", min(done, num_bytes), num_bytes))
    with checkpoint.partial(name).open("ab") as file:
        http_get(
            hub.hf_hub_url(checkpoint.repo_id, name, revision=checkpoint.commit),
            file,
            resume_size=file.tell(),
            headers=hub.utils.build_hf_headers(),
            expected_size=num_bytes,
            tqdm_class=bar,
        )


def _library() -> ModuleType:
    try:
        import huggingface_hub
    except ImportError:
        raise PackError(
            "Fetching from the hub needs the package huggingface_hub: install plt-lsp[hub], or fetch the "
            "checkpoint by other means and give the path of its folder."
        ) from None
    return huggingface_hub


def _asked(repo_id: str, ask: Callable[[], Result]) -> Result:
    try:
        return ask()
    except Exception as error:  # Its errors, its HTTP library's and the system's have no base of their own.
        words = " ".join(str(error).split())[:300]
        raise PackError(
            f"The hub did not give {repo_id}: {type(error).__name__}: {words} What was fetched so far is kept; the "
            "same command goes on from there."
        ) from None


def _bar_class(report: Callable[[int], None]) -> type:
    """A progress bar in the library's sense that draws nothing and tells how many bytes are done."""
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **{**options, "file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            report(int(self.n))
            return drawn

    return Bar

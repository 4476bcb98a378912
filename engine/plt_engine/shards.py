"""Writing a model's tensors one after the other into safetensors files of a bounded size, with their index.

It holds no more than one file's tensors; it does not know what they mean.
"""

from pathlib import Path

import orjson
from safetensors.torch import save_file
from torch import Tensor

from plt_engine.pack import INDEX_FILE, WEIGHTS_FILE

SHARD_BYTES = 1 << 30


class ShardWriter:
    """Collects tensors and writes them out by the shard; `close` gives the files their names.

    Args:
        folder: where the files go.
        shard_bytes: a file is written once it holds this much, so that one tensor more is the most that is held.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self._folder = folder
        self._shard_bytes = shard_bytes
        self._held: dict[str, Tensor] = {}
        self._written: list[list[str]] = []
        self.num_bytes = 0

    def add(self, name: str, tensor: Tensor) -> None:
        """Take one tensor in."""
        self._held[name] = tensor.contiguous()
        self.num_bytes += tensor.nbytes
        if sum(held.nbytes for held in self._held.values()) >= self._shard_bytes:
            self._flush()

    def close(self) -> None:
        """Write what is held, and name the files: one alone, or shards with an index."""
        if self._held:
            self._flush()
        if len(self._written) == 1:
            self._draft(0).rename(self._folder / WEIGHTS_FILE)
            return
        weight_map: dict[str, str] = {}
        for i, names in enumerate(self._written):
            shard = f"model-{i + 1:05d}-of-{len(self._written):05d}.safetensors"
            self._draft(i).rename(self._folder / shard)
            weight_map |= dict.fromkeys(names, shard)
        index = {"metadata": {"total_size": self.num_bytes}, "weight_map": weight_map}
        (self._folder / INDEX_FILE).write_bytes(orjson.dumps(index, option=orjson.OPT_INDENT_2) + b"\n")

    def _flush(self) -> None:
        save_file(self._held, self._draft(len(self._written)), metadata={"format": "pt"})
        self._written.append(list(self._held))
        self._held = {}

    def _draft(self, i: int) -> Path:
        return self._folder / f"draft-{i:05d}.safetensors"

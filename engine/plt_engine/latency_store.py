"""Keeps a latency model between runs: one small file for each machine, model and way of running it.

It does not know what the numbers mean. A file that cannot be read is started anew, which the log says.
"""

import hashlib
import logging
import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cattrs
import orjson

from plt_engine.latency import LatencyModel, LoopModel
from plt_engine.pack import cache_dir
from plt_engine.pack_manifest import PackManifest

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Setup:
    """What a speed belongs to, besides the machine: the model, the device and its dtype and threads."""

    pack: str
    weights: str
    device: str
    dtype: str
    num_threads: int

    @classmethod
    def of(cls, manifest: PackManifest, device: str, dtype: str, num_threads: int) -> "Setup":
        """The setup of a pack; packs with the same weights are the same."""
        digests = [digest for name, digest in sorted(manifest.files.items()) if name.endswith(".safetensors")]
        return cls(manifest.name, ",".join(digests), device, dtype, num_threads)


class LatencyStore:
    """The file of one setup.

    Args:
        file: where it lies; None keeps nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @classmethod
    def of(cls, setup: Setup, folder: Path | None = None) -> "LatencyStore":
        """The store of a setup, in a folder of the user's cache unless another is given."""
        words = [platform.node(), platform.machine(), platform.processor(), str(os.cpu_count())]
        parts = [*words, setup.weights, setup.device, setup.dtype, str(setup.num_threads)]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return cls((folder or cache_dir() / "latency") / f"{setup.pack}-{digest}.json")

    def load(self) -> LatencyModel:
        """What is kept, or a model that knows nothing."""
        if self._file is None:
            return LatencyModel()
        try:
            return _parse(self._file.read_bytes())
        except FileNotFoundError:
            return LatencyModel()
        except (OSError, ValueError, TypeError, KeyError, AttributeError, cattrs.BaseValidationError) as error:
            logger.warning("%s is not readable (%r), so this machine's speed is measured anew", self._file, error)
            return LatencyModel()

    def save(self, model: LatencyModel) -> None:
        """Write a model down, whole or not at all; where that fails the log says so."""
        if self._file is None:
            return
        loops = {str(count): one for count, one in model.loops.items()}
        document = {"version": FORMAT_VERSION, "loops": loops}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._file.parent, prefix=".latency.")
            with os.fdopen(handle, "wb") as stream:
                stream.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            os.replace(draft, self._file)
        except OSError as error:
            logger.warning("%s cannot be written (%s), so this machine's speed is not kept", self._file, error)


def _parse(data: bytes) -> LatencyModel:
    raw = orjson.loads(data)
    if raw["version"] != FORMAT_VERSION:
        raise ValueError(f"version {raw['version']} is not {FORMAT_VERSION}")
    return LatencyModel({int(count): _loop_model(one) for count, one in raw["loops"].items()})


def _loop_model(raw: object) -> LoopModel:
    one = cattrs.structure(raw, LoopModel)
    is_whole = len(one.coefficients) == len(LoopModel().coefficients)
    if not is_whole or not all(0 < number < 1e12 for number in one.coefficients) or one.num_measured < 0:
        raise ValueError(f"{one} cannot be true")
    if not (0 < one.error < 10 and 0 <= one.spread < 10):
        raise ValueError(f"{one} cannot be true")
    return one

"""From a folder's safetensors files to a model's weights, every tensor accounted for.

A missing, unexpected or misshaped tensor is an error that names it. It reads no pickle, and does not compute.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from plt_engine.config import ModelConfig, read_config
from plt_engine.errors import PackFormatError, TensorError
from plt_engine.model import GATE_NAMES, GATE_PREFIX, LAYER_NAMES, ModelWeights, assemble
from plt_engine.pack import INDEX_FILE, PICKLE_SUFFIXES, read_index
from plt_engine.quantize import QUANTISED_SUFFIXES, StoredWeight, dense, weight_from

FLOAT_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
# Buffers that old checkpoints hold beside their weights; they follow from config.json.
BUFFER_SUFFIX = ".rotary_emb.inv_freq"

Progress = Callable[[int, int], None]


def load_stored(
    folder: Path, progress: Progress = lambda done, total: None
) -> tuple[ModelConfig, dict[str, StoredWeight]]:
    """Read all weights of a model folder (config.json and safetensors) in the form in which they are stored.

    Args:
        folder: a pack, or a checkpoint's own folder.
        progress: told how many weights of how many are read.

    Returns:
        The configuration, and every weight by its checkpoint name; a gate under another prefix comes under plt_gate.

    Raises:
        ConfigError: config.json cannot be used.
        PackFormatError: a file is missing, truncated or no safetensors file.
        TensorError: a tensor is missing, unexpected or misshaped.
    """
    config = read_config(folder)
    tensors: dict[str, StoredWeight] = {}
    for name, weight in stored_weights(config, folder):
        tensors[name] = weight
        progress(len(tensors), len(expected_shapes(config)))
    return config, tensors


def stored_weights(config: ModelConfig, folder: Path) -> Iterator[tuple[str, StoredWeight]]:
    """Every weight of a folder by its checkpoint name, one after the other, so that few need be held at a time.

    Raises:
        PackFormatError: a file is missing, truncated or no safetensors file; before the first weight.
        TensorError: a tensor is missing or misshaped, or, after the last weight, one is unexpected.
    """
    source = TensorFiles(folder)
    for name, shape in expected_shapes(config).items():
        if GATE_PREFIX in name and not source.holds(name):
            raise TensorError(
                f"The tensor {name} is missing: without the gate of every layer the loops beyond the first cannot be "
                "computed, and none is left out. Take a checkpoint that holds them."
            )
        yield name, _checked(name, shape, weight_from(source.stored_name(name), source))
    if config.tie_word_embeddings and "lm_head.weight" in source:
        _require_tied(source)
    source.require_all_read()


def _require_tied(source: "TensorFiles") -> None:
    if not torch.equal(source["lm_head.weight"], source["model.embed_tokens.weight"]):
        raise TensorError(
            "The tensor lm_head.weight differs from model.embed_tokens.weight, though config.json says that they are "
            "tied; set tie_word_embeddings to false if the checkpoint was trained so."
        )


def load_weights(folder: Path, dtype: torch.dtype = torch.float32) -> ModelWeights:
    """Read all weights of a model folder as dense tensors of `dtype`; raises as `load_stored` does."""
    config, stored = load_stored(folder)
    return assemble(config, {name: dense(stored.pop(name), dtype) for name in list(stored)})


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that a checkpoint of this shape holds, by its name (plt.md section 2)."""
    d, f, D = config.hidden_size, config.intermediate_size, config.head_dim
    q, kv = config.num_attention_heads * D, config.num_key_value_heads * D
    layer: dict[str, tuple[int, ...]] = {
        "input_norm": (d,), "q": (q, d), "k": (kv, d), "v": (kv, d), "o": (d, q),
        "post_norm": (d,), "gate": (f, d), "up": (f, d), "down": (d, f),
    }  # fmt: skip
    if config.attention_bias:
        layer |= {"q_bias": (q,), "k_bias": (kv,), "v_bias": (kv,)}
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config.vocab_size, d)}
    for i in range(config.num_hidden_layers):
        shapes |= {f"model.layers.{i}.{LAYER_NAMES[field]}": shape for field, shape in layer.items()}
        shapes |= {f"model.layers.{i}.{GATE_PREFIX}{name}": shape for name, shape in _gate_shapes(config).items()}
    shapes["model.norm.weight"] = (d,)
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, d)
    return shapes


def _gate_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    heads, d = config.num_attention_heads, config.hidden_size
    if config.loop.num_loops == 1:
        return {}
    if config.loop.gate_uses_hidden_states:
        return {"weight": (heads, d), "bias": (heads,), GATE_NAMES["norm"]: (d,)}
    return {"weight": (heads, config.head_dim), "bias": (heads,)}


class TensorFiles(Mapping[str, Tensor]):
    """The tensors of all safetensors files in a folder, by name, each read when it is asked for.

    Raises:
        PackFormatError: there is no such file, or one cannot be read.
        TensorError: two files hold the same tensor.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file_of: dict[str, Path] = {}
        for path in weight_files(folder):
            for name in _names(path):
                if name in self._file_of:
                    raise TensorError(f"The tensor {name} is in {self._file_of[name].name} and in {path.name}.")
                self._file_of[name] = path
        self._unread = {name for name in self._file_of if not name.endswith(BUFFER_SUFFIX)}

    def stored_name(self, name: str) -> str:
        """The name under which this checkpoint keeps the tensor `name`; the name itself where it does not."""
        return next((other for other in _names_of(name) if self._has(other)), name)

    def holds(self, name: str) -> bool:
        """Whether the checkpoint keeps the tensor `name`, in whatever form and under whichever of its names."""
        return self._has(self.stored_name(name))

    def _has(self, name: str) -> bool:
        return any(name + suffix in self._file_of for suffix in ("", *QUANTISED_SUFFIXES))

    def require_all_read(self) -> None:
        """Raise TensorError naming a tensor that nothing asked for."""
        if self._unread:
            name = min(self._unread)
            more = f" and {len(self._unread) - 1} more" if len(self._unread) > 1 else ""
            raise TensorError(
                f"{self._file_of[name]} holds the tensor {name}{more}, which a model of this config.json does not have."
                + (" Gates are there, so see that its loop keys are." if _is_gate(name) else "")
            )

    def __getitem__(self, name: str) -> Tensor:
        path = self._file_of[name]
        self._unread.discard(name)
        with _open(path) as file:
            tensor: Tensor = file.get_tensor(name)
        return tensor

    def __contains__(self, name: object) -> bool:
        return name in self._file_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._file_of)

    def __len__(self) -> int:
        return len(self._file_of)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder: those that its index names, or all where it has none.

    Raises:
        PackFormatError: there is none, or the index is malformed or names one that is not there.
    """
    index = folder / INDEX_FILE
    if index.is_file():
        paths = [folder / name for name in sorted(set(read_index(index).values()))]
        for path in paths:
            if not path.is_file():
                raise PackFormatError(f"{path} does not exist, but {index.name} names it. Fetch it again.")
        return paths
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        pickles = sorted(path.name for path in folder.glob("*") if path.suffix in PICKLE_SUFFIXES)
        found = f"holds {pickles[0]} but no .safetensors file" if pickles else "holds no .safetensors file"
        raise PackFormatError(f"{folder} {found}; other formats, pickles above all, are refused, since they run code.")
    return paths


def _names_of(name: str) -> tuple[str, ...]:
    """Every name that some checkpoint keeps this tensor under; only gates have several."""
    layer, gate, rest = name.partition(GATE_PREFIX)
    if not gate:
        return (name,)
    # Names are compared whole: "gate_proj", the MLP's own, is a part of "loop_gate_proj".
    i = layer.removeprefix("model.layers.").removesuffix(".")
    return (name, f"{layer}self_attn.loop_gate_proj.{rest}", f"model.gate_projections.{i}.{rest}")


def _is_gate(name: str) -> bool:
    return any(part in name for part in (GATE_PREFIX, "self_attn.loop_gate_proj.", "model.gate_projections."))


def _names(path: Path) -> list[str]:
    with _open(path) as file:
        return list(file.keys())


def _open(path: Path) -> safe_open:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise PackFormatError(f"{path} is no readable safetensors file: {error}. Fetch it again.") from None


def _checked(name: str, shape: tuple[int, ...], weight: StoredWeight) -> StoredWeight:
    if tuple(weight.shape) != shape:
        raise TensorError(f"The tensor {name} is {list(weight.shape)}; config.json asks for {list(shape)}.")
    if isinstance(weight, Tensor) and weight.dtype not in FLOAT_DTYPES:
        raise TensorError(
            f"The tensor {name} is {weight.dtype}; it must be a float of 16 to 64 bits. Take the original."
        )
    return weight

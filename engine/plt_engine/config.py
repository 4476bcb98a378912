"""The shape of a model, read from a checkpoint's own `config.json`; a dense Llama is the case R = 1.

It holds numbers only and does not know where weights lie or how they are computed with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from plt_engine.errors import ConfigError


class LoopRule(StrEnum):
    """What a later loop takes as its input."""

    PARALLEL = "parallel"  # PLT: the embedding plus loop r-1's state ONE POSITION BEFORE, so that all loops run at once
    SEQUENTIAL = "sequential"  # IQuest-Coder-V1-Loop: loop r-1's residual stream at the SAME position, and nothing else


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """How the layers are looped; the fields are the checkpoint's `plt_*` keys, or IQuest-Coder-V1-Loop's `loop_*`.

    Attributes:
        num_loops: R, the number of times that the layers run (`plt_num_loops`).
        window_left: w_left, how many earlier positions the gated local attention sees beside its own
            (`plt_window_size[0]`); it sees w_left + 1 keys in all.
        emb_scale: a in X^r_i = a * E_i + b * Hn^{r-1}_{i-1} (`plt_emb_scale`).
        hidden_scale: b in the same formula (`plt_hidden_scale`).
        normalize_per_loop: whether the final norm is applied to the state that passes to the next loop
            (`plt_normalize_per_loop`).
        gate_uses_hidden_states: whether the gate reads the residual stream through a norm of its own, or the query
            (`plt_gate_use_hidden_states`).
        rule: the loop rule; a sequential one has no use for the scales.
    """

    num_loops: int = 1
    window_left: int = 64
    emb_scale: float = 1.0
    hidden_scale: float = 1.0
    normalize_per_loop: bool = True
    gate_uses_hidden_states: bool = True
    rule: LoopRule = LoopRule.PARALLEL

    def __post_init__(self) -> None:
        _require(self.num_loops >= 1, "plt_num_loops", self.num_loops, "a whole number from 1")
        _require(self.window_left >= 0, "plt_window_size", self.window_left, "a left window from 0")

    @property
    def shift(self) -> int:
        """How many positions before its own a later loop's input lies: 1 by CLP, 0 where the loops are sequential."""
        return 1 if self.rule == LoopRule.PARALLEL else 0


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of one model; attributes are named after the checkpoint's keys.

    `attention_bias` is whether q, k and v have biases (the qwen2 family). `eos_token_ids` are all ids that end a text.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    max_position_embeddings: int = 2048
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    bos_token_id: int | None = None
    eos_token_ids: tuple[int, ...] = ()
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        for key in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                    "num_key_value_heads", "head_dim", "max_position_embeddings"):  # fmt: skip
            _require(getattr(self, key) >= 1, key, getattr(self, key), "a whole number from 1")
        _require(
            self.num_attention_heads % self.num_key_value_heads == 0,
            "num_key_value_heads",
            self.num_key_value_heads,
            f"a divisor of num_attention_heads = {self.num_attention_heads}",
        )
        _require(self.head_dim % 2 == 0, "head_dim", self.head_dim, "an even number, since RoPE rotates pairs")


def _require(holds: bool, key: str, value: object, wanted: str) -> None:
    if not holds:
        raise _wrong(key, value, wanted)


def _wrong(key: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(f"config.json: {key} is {value!r}; it must be {wanted}.")


def read_config(folder: Path) -> ModelConfig:
    """Read `folder/config.json`.

    Raises:
        ConfigError: the file is missing or malformed, or a key is missing or impossible.
    """
    path = folder / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; a model folder needs the checkpoint's config.json.") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {type(raw).__name__}; it must hold one JSON object.")
    return parse_config(raw)


def parse_config(raw: Mapping[str, Any]) -> ModelConfig:
    """The configuration that a checkpoint's keys describe.

    Raises:
        ConfigError: a key is missing, of the wrong kind, or asks for something that this engine does not compute.
    """
    reader = _Reader(raw)
    model_type = reader.text("model_type", "llama")
    if model_type not in _MODEL_TYPES:
        raise ConfigError(f"config.json: model_type is {model_type!r}; supported are {', '.join(_MODEL_TYPES)}.")
    _refuse_rope_scaling(raw)
    _refuse_other_activation(reader.text("hidden_act", "silu"))
    _refuse_other_layers(reader, model_type)
    num_heads = reader.integer("num_attention_heads")
    hidden_size = reader.integer("hidden_size")
    return ModelConfig(
        vocab_size=reader.integer("vocab_size"),
        hidden_size=hidden_size,
        intermediate_size=reader.integer("intermediate_size"),
        num_hidden_layers=reader.integer("num_hidden_layers"),
        num_attention_heads=num_heads,
        num_key_value_heads=reader.integer("num_key_value_heads", num_heads),
        head_dim=reader.integer("head_dim", hidden_size // max(num_heads, 1)),
        rms_norm_eps=reader.number("rms_norm_eps", 1e-5),
        rope_theta=_rope_theta(reader),
        max_position_embeddings=reader.integer("max_position_embeddings", 2048),
        tie_word_embeddings=reader.flag("tie_word_embeddings", False),
        attention_bias=reader.flag("attention_bias", model_type == "qwen2"),
        bos_token_id=reader.optional_integer("bos_token_id"),
        eos_token_ids=_eos_ids(raw.get("eos_token_id")),
        loop=_parse_sequential_loop(reader) if model_type == "iquestloopcoder" else _parse_loop(reader),
    )


_MODEL_TYPES = ("llama", "qwen2", "iquestpltcoder", "iquestloopcoder")


def _parse_sequential_loop(reader: "_Reader") -> LoopConfig:
    """IQuest-Coder-V1-Loop: its window counts the position itself, its gate reads the query (plt.md section 2)."""
    return LoopConfig(
        num_loops=reader.integer("loop_num"),
        window_left=reader.integer("loop_window_size") - 1,
        normalize_per_loop=False,
        gate_uses_hidden_states=False,
        rule=LoopRule.SEQUENTIAL,
    )


def _parse_loop(reader: "_Reader") -> LoopConfig:
    num_loops = reader.integer("plt_num_loops", 1)
    return LoopConfig(
        num_loops=num_loops,
        window_left=_window_left(reader.raw.get("plt_window_size"), num_loops),
        emb_scale=reader.number("plt_emb_scale", 1.0),
        hidden_scale=reader.number("plt_hidden_scale", 1.0),
        normalize_per_loop=reader.flag("plt_normalize_per_loop", True),
        gate_uses_hidden_states=reader.flag("plt_gate_use_hidden_states", True),
    )


def _window_left(value: object, num_loops: int) -> int:
    if value is None and num_loops == 1:
        return 0
    if (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        and value[1] == 0
    ):
        return int(value[0])
    raise ConfigError(f"config.json: plt_window_size is {value!r}; it must be [left, 0] with whole numbers.")


def _rope_theta(reader: "_Reader") -> float:
    parameters = reader.raw.get("rope_parameters")
    if isinstance(parameters, dict) and "rope_theta" in parameters:
        return _Reader(parameters).number("rope_theta")
    return reader.number("rope_theta", 10_000.0)


def _refuse_rope_scaling(raw: Mapping[str, Any]) -> None:
    for key in ("rope_scaling", "rope_parameters"):
        value = raw.get(key) or {}
        kind = value.get("rope_type", value.get("type", "default")) if isinstance(value, dict) else value
        if kind not in ("default", None):
            raise ConfigError(f"config.json: {key} asks for {kind!r}; only unscaled RoPE (null) is supported.")


def _refuse_other_activation(name: str) -> None:
    if name != "silu":
        raise ConfigError(f"config.json: hidden_act is {name!r}; only 'silu' is supported.")


def _refuse_other_layers(reader: "_Reader", model_type: str) -> None:
    """Refuse keys of these families whose meaning is not computed here; off, as nearly always, they change nothing."""
    for key in ("mlp_bias", "use_sliding_window", *(("attention_bias",) if model_type != "qwen2" else ())):
        if reader.flag(key, False):
            raise ConfigError(f"config.json: {key} is true, which is not supported for a {model_type}.")
    if reader.raw.get("quantization_config"):
        raise ConfigError(
            "config.json: quantization_config says that the weights are quantised already; take the original "
            "checkpoint, and quantise it with `plt-lsp models add --quantize`."
        )


def _eos_ids(value: object) -> tuple[int, ...]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise ConfigError(f"config.json: eos_token_id is {value!r}; it must be a whole number or a list of them.")
    return tuple(values)


class _Reader:
    """Typed access to a JSON object; null counts as absent, as it does in published checkpoints."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(key, value, "a whole number")
        return value

    def optional_integer(self, key: str) -> int | None:
        return None if self.raw.get(key) is None else self.integer(key)

    def number(self, key: str, default: float | None = None) -> float:
        value = self._value(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _wrong(key, value, "a number")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise _wrong(key, value, "true or false")
        return value

    def text(self, key: str, default: str) -> str:
        value = self._value(key, default)
        if not isinstance(value, str):
            raise _wrong(key, value, "a text")
        return value

    def _value(self, key: str, default: object) -> object:
        value = self.raw.get(key)
        if value is None:
            value = default
        if value is None:
            raise ConfigError(f"config.json: {key} is missing.")
        return value

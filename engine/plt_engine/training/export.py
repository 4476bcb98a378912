"""From a run's newest checkpoint to a model pack in a shipping form.

It does not measure the pack: figures come from the evaluation and are handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import Tensor

from plt_engine.config import ModelConfig
from plt_engine.json_object import Figure
from plt_engine.pack import CONFIG_FILE, TOKENIZER_FILE, Pack, hash_file, load_pack, write_pack
from plt_engine.pack_manifest import (
    Evidence,
    EvidenceKind,
    LoopSupport,
    PackManifest,
    PackSource,
    WeightFormat,
    WeightInfo,
)
from plt_engine.quantize import GROUP_SIZE, StoredWeight, tensors_of
from plt_engine.shards import ShardWriter
from plt_engine.training.checkpoint import load_checkpoint, newest_checkpoint
from plt_engine.training.parameters import HIDDEN_SCALE, Tensors, stored_form
from plt_engine.training.rounding import rounded_matrices
from plt_engine.training.run import TRAINED_TOKENS, RunError, RunSpec, read_log, read_spec
from plt_engine.training.vocabulary import FIM, RENAMED, cut_tokenizer, read_vocabulary
from plt_engine.training.windows import read_windows

CARD_FILE, CURVES_FILE = "card.md", "curves.svg"
# Repositories and their hosts take files of this size without special care.
SHARD_BYTES = 40_000_000


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What an exported pack is called and holds.

    Attributes:
        name: the pack's name.
        title: its name for people.
        base: the folder of the pack that the run started from; its tokenizer and chat format go on.
        weights: `int4` (matrices in groups of 32, embedding in int8) or `bfloat16`.
        rounding_windows: by how many of the run's windows, its last ones, int4 is chosen (see rounding.py); 0 rounds to
            the nearest, which a run that was trained on rounded weights to its end is made for.
        documents: texts that go into the pack beside the weights, by file name: the model card and its picture.
        renamed: control tokens of the base's tokenizer with new names, as the training data were written with.
    """

    name: str
    title: str
    base: Path
    weights: WeightFormat = WeightFormat.INT4
    rounding_windows: int = 0
    documents: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=lambda: RENAMED)


def export_run(run: Path, folder: Path, options: ExportOptions, figures: Mapping[str, Figure]) -> Pack:
    """Write the pack of a run's newest checkpoint; it certifies the loop counts whose exits were trained.

    Raises:
        RunError: the run has no checkpoint or no log.
    """
    newest = newest_checkpoint(run)
    if newest is None:
        raise RunError(f"{run} has no checkpoint to export; train it first.")
    checkpoint, spec = load_checkpoint(newest), read_spec(run)
    config, kept = spec.config, read_vocabulary(Path(spec.windows).parent)
    loops = _trained_loops(spec, read_log(run))
    document = cut_tokenizer(_base_tokenizer(options.base), frozenset(kept), options.renamed)
    base = load_pack(options.base).manifest
    manifest = PackManifest(
        name=options.name,
        title=options.title,
        license=base.license,
        source=PackSource(
            text=f"Trained from {base.title} by the recipe in plt_engine.training; step {checkpoint.step}.",
            identity=f"{options.name} step {checkpoint.step}",
            sha256=hash_file(newest),
        ),
        weights=WeightInfo(options.weights, GROUP_SIZE if options.weights is WeightFormat.INT4 else None),
        loops=tuple(LoopSupport(count, evidence) for count, evidence in loops.items()),
        default_loops=next(iter(loops)),
        fim=FIM,
        chat=base.chat,
        figures=dict(figures),
    )
    rounded = {}
    if options.weights is WeightFormat.INT4 and options.rounding_windows > 0:
        rows = torch.from_numpy(read_windows(Path(spec.windows))[-options.rounding_windows :].astype("int64"))
        rounded = rounded_matrices(config, checkpoint.masters, rows, spec.options.loops)
    stored = stored_tensors(checkpoint.masters, options.weights, rounded)

    def fill(draft: Path) -> None:
        raw = config_document(config, checkpoint.masters)
        (draft / CONFIG_FILE).write_bytes(orjson.dumps(raw, option=orjson.OPT_INDENT_2) + b"\n")
        (draft / TOKENIZER_FILE).write_bytes(orjson.dumps(document))
        writer = ShardWriter(draft, SHARD_BYTES)
        for name, tensor in stored.items():
            writer.add(name, tensor)
        writer.close()
        for name, text in options.documents.items():
            (draft / name).write_text(text, encoding="utf-8")

    return write_pack(folder, manifest, fill)


def _base_tokenizer(base: Path) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads((base / TOKENIZER_FILE).read_bytes())
    return document


def _trained_loops(spec: RunSpec, log: Sequence[Mapping[str, Any]]) -> dict[int, Evidence]:
    """The loop counts whose exits the run supervised, each with the tokens of all stages that did."""
    steps = list(zip(log, pairwise([0, *(line["tokens"] for line in log)]), strict=True))
    found = {}
    for r, weight in enumerate(spec.options.exit_weights, 1):
        if weight != 0:
            num_tokens = spec.tokens_before(r)
            num_tokens += sum(after - before for line, (before, after) in steps if len(line["losses"]) >= r)
            detail = f"trained with an exit at this loop on {num_tokens:,} tokens"
            found[r] = Evidence(EvidenceKind.TRAINED, detail, {TRAINED_TOKENS: num_tokens})
    return found


def stored_tensors(
    masters: Mapping[str, Tensor], weights: WeightFormat, rounded: Mapping[str, StoredWeight]
) -> Tensors:
    """The tensors of model.safetensors, contiguous and by their stored names; b is a config key, not a tensor.

    Args:
        masters: the weights by name.
        weights: the form of those that are not rounded yet.
        rounded: those that are.
    """
    stored: Tensors = {}
    for name, master in masters.items():
        if name != HIDDEN_SCALE:
            stored |= tensors_of(name, rounded.get(name) or stored_form(name, master, weights))
    return {name: tensor.contiguous() for name, tensor in stored.items()}


def config_document(config: ModelConfig, masters: Mapping[str, Tensor]) -> dict[str, Any]:
    """The pack's config.json: the family's own keys, and the `plt_*` keys where there is more than one loop."""
    loop = config.loop
    if HIDDEN_SCALE in masters:
        loop = replace(loop, hidden_scale=masters[HIDDEN_SCALE].item())
    raw: dict[str, Any] = {
        "model_type": "llama" if loop.num_loops == 1 else "iquestpltcoder",
        "architectures": ["LlamaForCausalLM" if loop.num_loops == 1 else "IQuestPLTCoderForCausalLM"],
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "max_position_embeddings": config.max_position_embeddings,
        "tie_word_embeddings": config.tie_word_embeddings,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": list(config.eos_token_ids),
    }
    if loop.num_loops == 1:
        return raw
    return raw | {
        "plt_num_loops": loop.num_loops,
        "plt_window_size": [loop.window_left, 0],
        "plt_normalize_per_loop": loop.normalize_per_loop,
        "plt_emb_scale": loop.emb_scale,
        "plt_hidden_scale": loop.hidden_scale,
        "plt_gate_use_hidden_states": loop.gate_uses_hidden_states,
    }

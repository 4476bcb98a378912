"""Checkpoints of a run: masters, optimiser moments, position and random state, written whole or not at all.

It does not know what a step does; a run that continues from a checkpoint goes on bit for bit as if never stopped.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

MOMENTS = ("exp_avg", "exp_avg_sq")
RANDOM_STATE = "random_state"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state after `step` steps, that is after `rows` windows; `moments` is AdamW's, by parameter and kind."""

    step: int
    rows: int
    masters: dict[str, Tensor]
    moments: dict[str, dict[str, Tensor]]
    random_state: Tensor


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `folder/step-N.safetensors`, then remove all but the newest two."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{checkpoint.step:07d}.safetensors"
    tensors = {f"master/{name}": tensor for name, tensor in checkpoint.masters.items()}
    for kind in MOMENTS:
        tensors |= {f"{kind}/{name}": state[kind] for name, state in checkpoint.moments.items()}
    tensors[RANDOM_STATE] = checkpoint.random_state
    metadata = {"state": json.dumps({"step": checkpoint.step, "rows": checkpoint.rows})}
    draft = path.with_suffix(".draft")
    save_file(tensors, draft, metadata)
    draft.replace(path)
    for older in sorted(folder.glob("step-*.safetensors"))[:-2]:
        older.unlink()
    return path


def newest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the highest step in a run's folder, or None."""
    return max(folder.glob("step-*.safetensors"), default=None)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint."""
    parts: dict[str, dict[str, Tensor]] = {"master": {}, **{kind: {} for kind in MOMENTS}}
    with safe_open(path, framework="pt") as file:
        state = json.loads(file.metadata()["state"])
        for key in file.keys():  # noqa: SIM118 - the file is no mapping, though it has keys
            kind, _, name = key.partition("/")
            if kind in parts:
                parts[kind][name] = file.get_tensor(key)
        random_state = file.get_tensor(RANDOM_STATE)
    moments = {name: {kind: parts[kind][name] for kind in MOMENTS} for name in parts[MOMENTS[0]]}
    return Checkpoint(state["step"], state["rows"], parts["master"], moments, random_state)


def random_state() -> Tensor:
    """The state of torch's generator."""
    return torch.get_rng_state()

"""The training loop: steps of AdamW over windows, with every exit's loss supervised and logged.

It does not know where windows come from nor what becomes of the weights. Each thread runs passes of its own on one
core: threads that shared every operation would wait for each other thousands of times a step, which costs most where
other work takes a core away.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from plt_engine.config import ModelConfig
from plt_engine.model import ModelWeights, full_forward, logits
from plt_engine.training.checkpoint import Checkpoint, random_state, save_checkpoint
from plt_engine.training.fast_attention import FastAttention
from plt_engine.training.modes import GateMeans
from plt_engine.training.options import TrainOptions, learning_rate, reads_int4
from plt_engine.training.parameters import HIDDEN_SCALE, Masters, Tensors, model_of
from plt_engine.training.windows import Windows

LOG_FILE = "log.jsonl"


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: the loss of each exit in nats per token, the gradient's norm, the rate, b and the mean gate."""

    step: int
    tokens: int
    losses: tuple[float, ...]
    grad_norm: float
    learning_rate: float
    hidden_scale: float | None
    gate_mean: float | None
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class _Share:
    """What one thread contributes to a step: gradients by name, each exit's loss and the mean gate."""

    gradients: Tensors
    losses: Tensor
    gate_mean: float | None


def exit_losses(weights: ModelWeights, rows: Tensor, exit_weights: Sequence[float]) -> list[Tensor]:
    """Mean cross-entropy of each exit, in nats per token; rows are [B, T+1].

    An exit of weight 0 is measured on the first row only and without a way back.
    """
    targets = rows[:, 1:]
    with FastAttention():
        states = full_forward(weights, rows[:, :-1], len(exit_weights))
    losses = []
    for state, weight in zip(states, exit_weights, strict=True):
        measured = slice(None) if weight != 0 else slice(1)
        with torch.set_grad_enabled(weight != 0 and torch.is_grad_enabled()):
            scores = logits(weights, state[measured]).flatten(0, 1).float()
            losses.append(F.cross_entropy(scores, targets[measured].flatten()))
    return losses


class Trainer:
    """A run in memory: masters, optimiser and position; `folder` takes its checkpoints and its log."""

    def __init__(
        self, config: ModelConfig, tensors: Tensors, windows: Windows, options: TrainOptions, folder: Path
    ) -> None:
        self.options, self._windows, self._folder = options, windows, folder
        self.masters = Masters(config, tensors, torch.bfloat16 if options.bfloat16 else torch.float32)
        self._names = list(self.masters.tensors)
        self._optimiser = torch.optim.AdamW(self._groups(), lr=0.0, betas=(0.9, options.beta2), fused=True)
        self.step = 0
        self.rows = 0

    def _groups(self) -> list[dict[str, Any]]:
        loop_parts = [name for name in self._names if "plt_" in name]
        matrices = [name for name in self._names if name not in loop_parts and self.masters.tensors[name].dim() == 2]
        others = [name for name in self._names if name not in loop_parts and self.masters.tensors[name].dim() < 2]
        kinds = (
            (matrices, self.options.weight_decay, 1.0),
            (others, 0.0, 1.0),
            (loop_parts, 0.0, self.options.loop_rate_factor),
        )
        return [
            {"params": [self.masters.tensors[name] for name in names], "weight_decay": decay, "factor": factor}
            for names, decay, factor in kinds
            if names
        ]

    def take_step(self, should_stop: Callable[[], bool]) -> StepReport | None:
        """One optimiser step, or None if it was told to stop on the way: then nothing has changed."""
        started = time.monotonic()
        leaves = self.masters.leaves(in_int4=reads_int4(self.step, self.options))
        workers = min(self.options.num_threads, self._num_passes)
        with ThreadPoolExecutor(workers) as pool:
            shares = list(
                pool.map(
                    lambda i: self._share(leaves, range(self._num_passes)[i::workers], should_stop), range(workers)
                )
            )
        if any(share is None for share in shares):
            return None
        whole = [share for share in shares if share is not None]
        self._set_gradients(whole)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.masters.tensors.values(), self.options.clip_norm)
        rate = self._update()
        losses = torch.stack([share.losses for share in whole]).sum(0)
        gates = [share.gate_mean for share in whole if share.gate_mean is not None]
        gate_mean = sum(gates) / len(gates) if gates else None
        return self._report(losses, float(grad_norm), rate, gate_mean, time.monotonic() - started)

    @property
    def tokens(self) -> int:
        """Tokens that were trained on, by this run and by those that it goes on from."""
        return self.rows * int(self._windows.shape[1] - 1)

    @property
    def _num_passes(self) -> int:
        return self.options.rows_per_step // self.options.rows_per_pass

    def _share(self, leaves: Tensors, passes: range, should_stop: Callable[[], bool]) -> "_Share | None":
        """One thread's part of a step: some of its passes, their gradients added up in float32."""
        weights = model_of(self.masters.config, leaves)
        sums = {name: torch.zeros(leaf.shape) for name, leaf in leaves.items()}
        total = torch.zeros(self.options.loops)
        with GateMeans() as gates:
            for i in passes:
                if should_stop():
                    return None
                losses = torch.stack(exit_losses(weights, self._next_rows(i), self.options.exit_weights))
                weighted = (losses * torch.tensor(self.options.exit_weights)).sum() / self._num_passes
                gradients = torch.autograd.grad(weighted, list(leaves.values()), allow_unused=True)
                for name, gradient in zip(leaves, gradients, strict=True):
                    if gradient is not None:
                        sums[name] += gradient
                total += losses.detach() / self._num_passes
        return _Share(sums, total, gates.mean)

    def _set_gradients(self, shares: list["_Share"]) -> None:
        for name, master in self.masters.tensors.items():
            master.grad = shares[0].gradients[name]
            for share in shares[1:]:
                master.grad += share.gradients[name]

    def _next_rows(self, i: int) -> Tensor:
        start = self.rows + i * self.options.rows_per_pass
        places = [(start + j) % len(self._windows) for j in range(self.options.rows_per_pass)]
        return torch.from_numpy(self._windows[places].astype("int64"))

    def _update(self) -> float:
        rate = learning_rate(self.step, self.options)
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        self._optimiser.step()
        self._optimiser.zero_grad()
        self.step += 1
        self.rows += self.options.rows_per_step
        return rate

    def _report(
        self, losses: Tensor, grad_norm: float, rate: float, gate_mean: float | None, seconds: float
    ) -> StepReport:
        window = self._windows.shape[1] - 1
        scale = self.masters.tensors.get(HIDDEN_SCALE)
        return StepReport(
            step=self.step,
            tokens=self.tokens,
            losses=tuple(losses.tolist()),
            grad_norm=grad_norm,
            learning_rate=rate,
            hidden_scale=None if scale is None else scale.item(),
            gate_mean=gate_mean,
            tokens_per_second=self.options.rows_per_step * window / seconds,
        )

    def save(self) -> Path:
        """Write a checkpoint of the last finished step."""
        states = self._optimiser.state
        moments = {name: states[master] for name, master in self.masters.tensors.items() if states[master]}
        state = Checkpoint(self.step, self.rows, self.masters.tensors, moments, random_state())
        return save_checkpoint(self._folder, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of a run with the same parameters."""
        for name, tensor in checkpoint.masters.items():
            self.masters.tensors[name].copy_(tensor)
        for name, moments in checkpoint.moments.items():
            step = torch.tensor(float(checkpoint.step))
            self._optimiser.state[self.masters.tensors[name]] = {"step": step, **moments}
        self.step, self.rows = checkpoint.step, checkpoint.rows
        torch.set_rng_state(checkpoint.random_state)

    def run(self, should_stop: Callable[[], bool], say: Callable[[StepReport], None]) -> None:
        """Steps until the last one or until told to stop; a checkpoint at the end and every so often."""
        self._folder.mkdir(parents=True, exist_ok=True)
        saved = time.monotonic()
        while self.step < self.options.steps and not should_stop():
            report = self.take_step(should_stop)
            if report is None:
                break
            self._log(report)
            say(report)
            if time.monotonic() - saved > self.options.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()

    def _log(self, report: StepReport) -> None:
        record = {name: getattr(report, name) for name in StepReport.__slots__}
        with (self._folder / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(json.dumps({**record, "time": round(time.time())}) + "\n")

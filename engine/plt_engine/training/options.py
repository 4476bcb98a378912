"""What a training run is told, and the learning rate that follows from it.

Plain numbers; nothing here knows tensors or files.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A training run.

    Attributes:
        loops: R; every exit from the first loop's to the R-th is supervised.
        exit_weights: weight of each exit's loss, one for each loop.
        rows_per_step: windows that make up one optimiser step.
        rows_per_pass: windows in one forward and backward pass; divides rows_per_step.
        learning_rate: the peak; `loop_rate_factor` times as high for the gates and b.
        warmup_steps: steps of linear rise.
        steps: the last step.
        decay_steps: the last steps, over which the rate falls linearly to a tenth; before them it is constant, so a
            run can be extended by restarting it with more steps.
        weight_decay: of matrices; norms, biases and b have none.
        window_left: w_left of the later loops' local attention.
        clip_norm: the largest norm of a step's gradient.
        num_threads: CPU threads.
        checkpoint_seconds: time between checkpoints.
        int4_steps: the last steps, in which the forward pass reads the weights as a pack in int4 rounds them.
        bfloat16: whether the forward pass runs in bfloat16; the masters are float32 either way.
    """

    loops: int = 1
    exit_weights: tuple[float, ...] = (1.0,)
    rows_per_step: int = 16
    rows_per_pass: int = 4
    learning_rate: float = 2e-4
    loop_rate_factor: float = 10.0
    warmup_steps: int = 40
    steps: int = 4000
    decay_steps: int = 400
    weight_decay: float = 0.05
    beta2: float = 0.98
    window_left: int = 16
    clip_norm: float = 1.0
    num_threads: int = 2
    checkpoint_seconds: float = 600.0
    bfloat16: bool = True
    int4_steps: int = 0

    def __post_init__(self) -> None:
        if len(self.exit_weights) != self.loops:
            raise ValueError(f"exit_weights has {len(self.exit_weights)} weights for {self.loops} loops; give one each")
        if self.rows_per_step % self.rows_per_pass != 0:
            raise ValueError(f"rows_per_pass {self.rows_per_pass} does not divide rows_per_step {self.rows_per_step}")


def reads_int4(step: int, options: TrainOptions) -> bool:
    """Whether a step, counted from 0, is trained on rounded weights."""
    return step >= options.steps - options.int4_steps


def learning_rate(step: int, options: TrainOptions) -> float:
    """The rate of a step, counted from 0: linear rise, constant, linear fall to a tenth."""
    rise = min(1.0, (step + 1) / max(1, options.warmup_steps))
    left = (options.steps - step) / max(1, options.decay_steps)
    return options.learning_rate * rise * min(1.0, 0.1 + 0.9 * max(0.0, left))

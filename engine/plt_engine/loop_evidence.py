"""The evidence rule: a loop count is run where it was trained or calibrated, or where somebody forces it for research.

It knows counts and words; it does not know packs, weights or requests, and it does not say which count is best.
"""

from collections.abc import Collection
from dataclasses import dataclass

from plt_engine.config import ModelConfig
from plt_engine.errors import LoopCountError


@dataclass(frozen=True, slots=True)
class LoopChoice:
    """A loop count, and, where it is run without evidence, what is lacking in words."""

    loops: int
    lack: str | None = None

    @property
    def is_forced(self) -> bool:
        """Whether it is run without evidence."""
        return self.lack is not None


def check_loops(
    loops: int, certified: Collection[int], config: ModelConfig, subject: str, *, force: bool
) -> LoopChoice:
    """Accept a loop count that has evidence, or any that the model can run where it is forced.

    Args:
        loops: the count asked for.
        certified: the counts with evidence.
        config: what the model can run.
        subject: the model in words, for the message.
        force: whether a count without evidence is run all the same.

    Raises:
        LoopCountError: it has no evidence and is not forced, or the model has no gates for it.
    """
    if loops in certified:
        return LoopChoice(loops)
    counts = ", ".join(map(str, sorted(certified)))
    if loops < 1:
        raise LoopCountError(f"loops is {loops}; it is a whole number from 1. There is evidence for {counts}.")
    lack = (
        f"loops is {loops}, for which {subject} has no evidence: it was neither trained with an exit there nor "
        f"calibrated; there is evidence for {counts}."
    )
    if loops > 1 and config.loop.num_loops == 1:
        raise LoopCountError(f"{lack} And the model is dense: it has no gates, which a second loop needs.")
    if not force:
        raise LoopCountError(f"{lack} For research, --force-loops computes it all the same.")
    return LoopChoice(loops, lack)

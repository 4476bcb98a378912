"""The loaded packs of one engine: how each is loaded, a step at a time, and which of them runs a loop count.

It knows neither requests nor sequences, and does not choose.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from plt_engine.device import loading_model, plan_for, room_on
from plt_engine.engine_options import EngineOptions
from plt_engine.family import Family
from plt_engine.latency_store import LatencyStore, Setup
from plt_engine.pack import Pack, verified_files, verifying
from plt_engine.runner import ModelRunner
from plt_engine.speed import Speed
from plt_engine.steps import Steps
from plt_engine.warm_up import warm_up

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A loaded pack, with what is known of its speed."""

    pack: Pack
    runner: ModelRunner
    speed: Speed


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What an engine can run now.

    Attributes:
        named: the pack that was asked for.
        by_count: the member that runs each loop count with evidence; what is forced, the named one runs.
        counts: the loop counts to choose from, the best first.
    """

    named: Member
    by_count: Mapping[int, Member]
    counts: tuple[int, ...]

    def at(self, loops: int) -> Member:
        """The member that runs a loop count."""
        return self.by_count.get(loops, self.named)

    @property
    def all(self) -> frozenset[Member]:
        """Each of them once."""
        return frozenset((self.named, *self.by_count.values()))


def members_of(family: Family, loaded: Mapping[Path, Member]) -> Members:
    """What can be run of a family while these packs of it are loaded, by folder and the named one first."""
    now = replace(family, packs=tuple(member.pack for member in loaded.values()))
    by_count = {loops: loaded[pack.folder] for loops, pack in now.by_count.items()}
    return Members(next(iter(loaded.values())), by_count, now.counts)


def loading(pack: Pack, options: EngineOptions, taken_bytes: int = 0) -> Steps[Member]:
    """Load a pack.

    Args:
        pack: the pack.
        options: how.
        taken_bytes: what the engine's other models take.

    Raises:
        PackError: the pack cannot be used.
        ConfigError: its configuration asks for something that is not supported.
        RequestError: an option is out of its range, or the model needs more memory than there is or may be.
    """
    if options.verify_hashes:
        for _ in verifying(pack, verified_files()):
            yield
    device, plan = plan_for(options.device, options.dtype)
    room = room_on(device, options.memory_bytes, taken_bytes)
    model = yield from loading_model(pack.folder, device, plan, options.max_context_tokens, room)
    runner = ModelRunner(model, min(options.max_context_tokens, model.config.max_position_embeddings))
    if device.type == "cuda":
        warm_up(runner, pack.manifest.default_loops)
    logger.info("%s is loaded; on %s it runs in %s", pack.manifest.name, device, plan.reason)
    dtype, num_threads = str(runner.dtype).removeprefix("torch."), torch.get_num_threads()
    setup = Setup.of(pack.manifest, device.type, dtype, num_threads)
    return Member(pack, runner, Speed(LatencyStore.of(setup) if options.keeps_latency else LatencyStore(None)))

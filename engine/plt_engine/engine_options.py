"""How an engine loads and runs what it is given: plain numbers and names, which a client may send.

It checks nothing; whoever uses an option says what is wrong with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a pack is loaded and run.

    Attributes:
        device: `auto`, which is a GPU where torch sees one, `cpu` or `cuda` (also ROCm's name).
        dtype: `auto`, or the name of the dtype to compute in (see linear.plan_numerics).
        num_threads: CPU threads, or None for torch's own choice.
        max_context_tokens: the longest prompt plus generation; the model's own limit bounds it.
        cache_bytes: what the KV of all sessions may take together; the one not used for longest goes first.
        memory_bytes: what all models may take with everything they need, on their device; None for no cap. While one
            is loaded it may take more.
        verify_hashes: whether every file is compared with its hash in pack.json before it is used; one that has not
            changed since it was found right is not read again.
        force_loops: whether a loop count without evidence is run, for research; every result of it says so.
        keeps_latency: whether what is measured of this machine's speed is kept for the next start.
    """

    device: str = "auto"
    dtype: str = "auto"
    num_threads: int | None = None
    max_context_tokens: int = 8192
    cache_bytes: int = 1 << 30
    memory_bytes: int | None = None
    verify_hashes: bool = True
    force_loops: bool = False
    keeps_latency: bool = False
